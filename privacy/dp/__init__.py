"""Differential privacy: unit, budget, closed plans, bounding, noise, release, accuracy."""
