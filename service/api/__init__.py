"""HTTP under /v1: thin, typed, problem+json."""
