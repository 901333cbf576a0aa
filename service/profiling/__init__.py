"""What statements and clicks say: features, value segments, abnormal payments, sessions. Pure polars."""
