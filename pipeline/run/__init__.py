"""The graph of stages: extract, transform, load; the only package that knows their order.

The unit of work is an area. `area` does one; `run` hands the areas to whatever computes them (the local cores, a Dask
cluster), joins the parts, and publishes whole or not at all.
"""

from pipeline.run.run import run

__all__ = ["run"]
