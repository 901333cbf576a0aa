"""Key files: the root key and the key epochs, readable by their owner only."""
