"""The report of a run and its start page, in four languages: what was found, how sure it is, what is missing."""

from pipeline.load.report.build import build

__all__ = ["build"]
