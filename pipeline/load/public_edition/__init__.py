"""The public edition: aggregates that are safe to print, embed and pass on; a separate build, never a filtered copy."""

from pipeline.load.public_edition.build import build, build_database, build_tables

__all__ = ["build", "build_database", "build_tables"]
