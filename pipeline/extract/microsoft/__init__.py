"""Microsoft's Global ML Building Footprints."""
