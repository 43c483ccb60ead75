"""What travels between stages: tables, units, provenance."""
