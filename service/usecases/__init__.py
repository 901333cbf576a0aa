"""The order of steps: authorise, load, decide, persist and audit, return."""
