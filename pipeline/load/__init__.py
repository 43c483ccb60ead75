"""Writers: Parquet, DuckDB, tiles, maps, the public edition, the report."""
