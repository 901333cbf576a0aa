"""Frozen types and state tables. No I/O."""
