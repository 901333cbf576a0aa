"""Composes audit, privacy and policies into one service with one way in and one way out."""
