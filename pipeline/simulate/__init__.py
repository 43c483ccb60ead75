"""Cities with known truth, written in the formats of the real sources. Nothing in transform or load imports this."""

from pipeline.simulate.writing import write, write_area

__all__ = ["write", "write_area"]
