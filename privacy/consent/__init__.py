"""Consent: what a record means, and the gate that checks it for whole columns of subjects at an instant."""
