"""Pseudonyms: normalise an identifier, index it blindly, link rows to subjects, permute per purpose."""
