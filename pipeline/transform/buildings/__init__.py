"""One layer of buildings out of OpenStreetMap and satellite footprints, each house counted once."""

from pipeline.transform.buildings.merging import MergedBuildings, merge

__all__ = ["MergedBuildings", "merge"]
