"""The page on buildings and settlements says what the code does: its constants are those of the modules."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "settlements.md").read_text(encoding="utf-8")
CONSTANTS = re.findall(r"`([a-z_.]+)\.([A-Z0-9_]+) = ([0-9.]+)`", PAGE)


@pytest.mark.parametrize(("module", "name", "value"), CONSTANTS)
def test_constants_of_the_page_are_those_of_the_code(module: str, name: str, value: str) -> None:
    assert getattr(import_module(f"pipeline.transform.{module}"), name) == float(value)


def test_the_page_names_constants() -> None:
    assert len(CONSTANTS) >= 10
