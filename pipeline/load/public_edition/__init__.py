"""The public edition: aggregates that are safe to print, embed and pass on; a separate build, never a filtered copy."""

from pipeline.load.public_edition.build import build

__all__ = ["build"]
