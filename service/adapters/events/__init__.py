"""The event store on Delta Lake."""
