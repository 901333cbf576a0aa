"""Detect, pseudonymise, check consent, spend privacy budget: the four gates, as pure libraries."""
