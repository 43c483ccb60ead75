"""Settlements: delineated from buildings, classified by their fabric, named from the map and the gazetteer."""

from pipeline.transform.settlements.classification import classify
from pipeline.transform.settlements.delineation import Delineation, delineate
from pipeline.transform.settlements.learning import teach
from pipeline.transform.settlements.lineage import Lineage, follow, trace
from pipeline.transform.settlements.names import listed_names, resolve_names
from pipeline.transform.settlements.unnamed import tell_apart

__all__ = [
    "Delineation",
    "Lineage",
    "classify",
    "delineate",
    "follow",
    "listed_names",
    "resolve_names",
    "teach",
    "tell_apart",
    "trace",
]
