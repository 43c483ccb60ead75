"""Plain geometry: validity, overlap, distance, triangulation, zonal sums; nothing of what shapes stand for."""
