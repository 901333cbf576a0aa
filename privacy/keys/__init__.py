"""Keys: derivation from the root, sealed documents, key epochs whose end makes residue unreadable."""
