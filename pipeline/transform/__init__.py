"""Pure functions from tables to tables: no files, no network, no clock; geometries in the area's projected CRS."""
