"""Keys: the root key and the epochs in files of their owner; those that sign, in files or in a token."""
