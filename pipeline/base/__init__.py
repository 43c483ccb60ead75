"""Ground that every stage stands on: resources, connections to DuckDB, progress."""
