"""Estimates held against what was published, and on simulated areas against the truth: rows of `validation`."""

from pipeline.transform.validation.comparison import Estimates
from pipeline.transform.validation.published import CITY_YEARS, groups, houses_in_zones, published
from pipeline.transform.validation.truth import against_truth

__all__ = ["CITY_YEARS", "Estimates", "against_truth", "groups", "houses_in_zones", "published"]
