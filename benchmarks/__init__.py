"""Benchmarks beside peers, CPU time, one process. ``python -m benchmarks`` runs all and writes the table."""
