"""Readers, one module per kind of source; each returns validated data with provenance and notices."""
