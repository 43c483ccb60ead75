"""Red zones: hazards and their rules, distances of buildings to them, and what of each settlement they cover."""

from pipeline.transform.red_zones.binding import in_binding_zones
from pipeline.transform.red_zones.completeness import completeness
from pipeline.transform.red_zones.distances import distances, doubtful, reach
from pipeline.transform.red_zones.hazard_table import hazards
from pipeline.transform.red_zones.home_intervals import DRAWS, MOST_M, home_intervals
from pipeline.transform.red_zones.measuring import RedZones, measure
from pipeline.transform.red_zones.rules import rules_table
from pipeline.transform.red_zones.settlement_overlaps import overlaps
from pipeline.transform.red_zones.zone_polygons import zone_polygons

__all__ = [
    "DRAWS",
    "MOST_M",
    "RedZones",
    "completeness",
    "distances",
    "doubtful",
    "hazards",
    "home_intervals",
    "in_binding_zones",
    "measure",
    "overlaps",
    "reach",
    "rules_table",
    "zone_polygons",
]
