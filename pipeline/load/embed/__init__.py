"""The journalist's kit: a page to embed, images to print, the figures behind them; from the public edition only."""

from pipeline.load.embed import background
from pipeline.load.embed.kit import build

__all__ = ["background", "build"]
