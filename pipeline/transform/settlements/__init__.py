"""Settlements: delineated from buildings, classified by their fabric, named from the map and the gazetteer."""

from pipeline.transform.settlements.delineation import Delineation, delineate

__all__ = ["Delineation", "delineate"]
