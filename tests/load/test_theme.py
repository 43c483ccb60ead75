"""One theme: every colour stands in maps/theme.css or with its hazard class; a changed line reaches all pages."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from pipeline.errors import RunError
from pipeline.load import parquet, public_edition, theme
from pipeline.load.press_kit import drawing
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import SETTLEMENT_KINDS, SHARES, STATUSES
from tests.load.test_report import full_tables

if TYPE_CHECKING:
    import pandas as pd

    from tests.load import sample_tables

ROOT = Path(__file__).parent.parent.parent
THEME = ROOT / "maps" / "theme.css"
MADE = {"node_modules", "dist", ".tests", "__pycache__"}
LOOKS = sorted(
    path
    for top in ("maps", "pipeline/load")
    for path in (ROOT / top).rglob("*")
    if path.suffix in {".css", ".ts", ".js", ".mjs", ".html", ".j2", ".py"}
    and path != THEME
    and not MADE & set(path.relative_to(ROOT).parts)
)

LITERAL = re.compile(
    r"(?<![&\w])#(?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})\b(?![-\w])|\b(?:rgba?|hsla?|oklch|oklab|lab|lch)\(",
    re.IGNORECASE,
)
COLOURED = re.compile(
    r"(?<![-\w])(?:[-\w]*colou?r|background|fill|stroke|border[-\w]*|outline|[-\w]*shadow)\s*:\s*([^;{}]+)"
)
"""Declarations of a style sheet that may hold a colour."""
PLAIN_WORDS = {
    *(
        "none",
        "transparent",
        "currentcolor",
        # Those of a reader who has chosen colours of his own.
        "highlight",
        "highlighttext",
        "inherit",
        "auto",
        "center",
        "no",
        "repeat",
        "solid",
        "dashed",
        "collapse",
    ),
    *("important", "linear", "gradient", "deg", "exact", "light", "px", "rem", "em", "mm"),
}
QUOTED = re.compile(
    r"\b(?:fill|stroke|colou?r|background)\b[\"']?\s*[:=]\s*[\"']([a-zA-Z]+)[\"']|(?:fill|stroke)Style = [\"']([^\"']+)"
)


def test_looks_are_looked_at() -> None:
    names = {path.name for path in LOOKS}
    assert {"planner.css", "paint.ts", "key.ts", "style.css", "script.js", "report.css", "drawing.py"} <= names


@pytest.mark.parametrize("path", LOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_colour_stands_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not LITERAL.findall(text)
    quoted = {word for pair in QUOTED.findall(text) for word in pair if word}
    assert quoted <= {"none", "currentColor", "transparent"}
    if path.suffix == ".css":
        for value in COLOURED.findall(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)):
            words = set(re.findall(r"(?<![-\w])[a-z]+", re.sub(r"var\(--[\w-]+\)|\d[\w.%]*", "", value.lower())))
            assert words <= PLAIN_WORDS, value


@pytest.mark.parametrize(
    "text",
    ["a { color: #fff; }", "a { border: 1px solid tomato; }", "fill: 'red'", 'fill="#1f1d1a"', "c = 'rgb(1, 2, 3)'"],
)
def test_a_literal_would_be_found(text: str, tmp_path: Path) -> None:
    path = tmp_path / "look.css"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError):
        test_no_colour_stands_elsewhere(path)


def test_every_line_of_the_theme_is_a_colour_that_somebody_uses() -> None:
    text = re.sub(r"/\*.*?\*/", "", THEME.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert (lines[0], lines[-1], len(lines) - 2) == (":root {", "}", len(theme.colours()))
    looks = "\n".join(path.read_text(encoding="utf-8") for path in LOOKS)
    single = set(re.findall(r"var\(--([a-z0-9-]+)\)", looks)) | set(re.findall(r"[cC]olour\(\"([a-z-]+)\"\)", looks))
    families = {"kind": SETTLEMENT_KINDS, "status": STATUSES}
    named = {f"{family}-{key}" for family, keys in families.items() for key in keys}
    named |= {f"{ladder}-{step}" for ladder in ("residents", "unregistered", "growth") for step in range(1, 6)}
    named |= {f"people-{step + 1}" for step in range(len(drawing.PEOPLE_BREAKS) + 1)}
    named |= {f"zones-{step + 1}" for step in range(len(SHARES))}
    fonts = {"serif", "sans", "gap", "panel", "scale", "screen-width", "screen-height", "wide", "zoom", "areas"}
    dark = {name for name in theme.colours() if name.startswith("dark-")}
    assert {name.removeprefix("dark-") for name in dark} <= set(theme.colours()) - dark
    assert single - fonts - dark | named == set(theme.colours()) - dark


def _lightness(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(theme.colour(colour)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ladder", ["residents", "unregistered", "growth"])
def test_ladders_climb_in_lightness_on_dark_ground(ladder: str) -> None:
    """Many are light there, as on light ground they are dark: away from the ground, also in greyscale."""
    steps = [_lightness(f"{ladder}-{step}") for step in range(1, 6)]
    dark = [_lightness(f"dark-{ladder}-{step}") for step in range(1, 6)]
    assert steps == sorted(steps, reverse=True)
    assert dark == sorted(dark)
    assert min(b / a for a, b in itertools.pairwise(dark)) > 1.5


@pytest.mark.parametrize("kind", SETTLEMENT_KINDS)
def test_new_settlements_stand_out_on_either_ground(kind: str) -> None:
    if kind != "novostroika":
        assert _lightness("kind-novostroika") < _lightness(f"kind-{kind}")
        assert _lightness("dark-kind-novostroika") > _lightness(f"dark-kind-{kind}")


def test_a_colour_that_the_theme_lacks_is_named() -> None:
    with pytest.raises(RunError, match="no --mauve"):
        theme.colour("mauve")


RENDER = """
import sys
from pathlib import Path
from pipeline.load import press_kit, report
from pipeline.load.planner_map.folium_layers import PlannerPage
out = Path(sys.argv[1])
press_kit.build(out / "public", "bishkek")
report.build(out, out / "tables")
page = PlannerPage(payload={}, binary=(), noscript="", fetches=False, image_host="")
(out / "map.html").write_text(page.render(), encoding="utf-8")
"""


def render(root: Path, out: Path, full: dict[str, pd.DataFrame]) -> dict[str, bytes]:
    """Return every file with a look, made by the project in a folder from the same tables."""
    for name, frame in full.items():
        parquet.write(frame, out / "tables" / f"{name}.parquet", TABLES[name])
    public_edition.build(out / "tables", out / "public")
    subprocess.run([sys.executable, "-c", RENDER, str(out)], cwd=root, check=True)
    files = [out / "map.html", out / "report.html", *(out / "public" / "embed" / "bishkek").iterdir()]
    return {path.name: path.read_bytes() for path in files if path.suffix in {".html", ".svg", ".png"}}


def holds(png: bytes, colour: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile(png) as file, file.open() as picture:
            red, green, blue = picture.read()[:3].astype(np.uint32)
    return bool((red << 16 | green << 8 | blue == int(colour, 16)).any())


def test_a_changed_colour_touches_one_line(sample: sample_tables.Sample, tmp_path: Path) -> None:
    """In a copy of the project, with no front-end build: map, kit, report and picture all take the new colour."""
    copy = tmp_path / "project"
    for name in ("pipeline", "layers", "maps"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    theme_file = copy / "maps" / "theme.css"
    text = theme_file.read_text(encoding="utf-8")
    old, new = "  --mark: #a3342f;\n", "  --mark: #12c4a7;\n"
    assert text.count(old) == 1
    theme_file.write_text(text.replace(old, new), encoding="utf-8")

    full = full_tables(sample)
    before, after = render(ROOT, tmp_path / "before", full), render(copy, tmp_path / "after", full)
    assert len(before) == 12
    for name in before:
        if name.endswith(".png"):
            assert (holds(before[name], "12c4a7"), holds(after[name], "12c4a7")) == (False, True)
        elif name != "snippet.html":  # what an editor pastes has no look
            assert before[name] != after[name]
            assert b"#12c4a7" in after[name]
