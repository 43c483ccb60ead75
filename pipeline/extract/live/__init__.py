"""Live inputs: what a run would fetch for an area, and fetching it, so that a live run is this and then a local one."""

from pipeline.extract.live.fetching import Fetched, Planned, describe, fetch, plan

__all__ = ["Fetched", "Planned", "describe", "fetch", "plan"]
