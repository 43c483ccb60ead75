"""Plain geometry: validity, overlap, distance, triangulation, zonal sums; no word of the domain in it."""
