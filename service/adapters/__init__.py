"""Stores, keys, files and clocks behind the ports."""
