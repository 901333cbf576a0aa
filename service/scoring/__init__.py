"""Scorecards: points per declared bin, reasons for each score, training from noisy counts."""
