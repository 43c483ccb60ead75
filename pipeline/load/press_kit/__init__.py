"""The journalist's kit: a page to embed, images to print, the figures behind them; from the public edition only."""

from pipeline.load.press_kit import background, figures
from pipeline.load.press_kit.kit import build, fill

__all__ = ["background", "build", "figures", "fill"]
