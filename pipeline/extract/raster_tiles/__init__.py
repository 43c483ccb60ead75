"""Rasters that come as tiles, plain or zipped: shared by the sources that serve such."""
