"""What statements say about customers: features, value segments, abnormal payments. Pure polars."""
