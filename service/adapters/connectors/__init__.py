"""Sources of rows: CSV, JSON lines, Parquet, contract files."""
