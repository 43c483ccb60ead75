"""Inputs after public bug reports (shared/data/reports, where it is present): the right value, or one sentence.

``python -m tests.test_reported_cases`` prints what each of them gives.
"""

from __future__ import annotations

import shutil
import sys
import traceback
import warnings
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest

from pipeline import config
from pipeline.base.progress import Journal
from pipeline.declared import catalogue
from pipeline.errors import NovostroikiError
from pipeline.extract import inputs
from pipeline.run import area
from pipeline.run.stages import StageRun

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

REPORTS = Path(__file__).parents[2] / "shared" / "data" / "reports"


@dataclass(frozen=True)
class Outcome:
    """What an input gave: tables and notices, or the sentence of a refusal."""

    tables: dict[str, pd.DataFrame]
    notices: tuple[str, ...]
    refusal: str = ""
    complaints: tuple[str, ...] = ()
    """Warnings of Python, or the last line of a traceback."""

    @property
    def buildings(self) -> int:
        return len(self.tables["buildings"]) if self.tables else -1

    def residents(self, kind: str = "main") -> float:
        main = float(self.tables["area_population"]["residents_p50"].iloc[0])
        return main if kind == "main" else max(main, float(self.tables["area_crosschecks"]["p50"].max()))

    @property
    def roofs_m2(self) -> float:
        return float(self.tables["buildings"]["footprint_m2"].sum())

    @property
    def year(self) -> int:
        return int(self.tables["area_population"]["year"].max())

    def said(self, *words: str) -> bool:
        return any(all(word in notice for word in words) for notice in self.notices)

    def refused(self, *words: str) -> bool:
        return bool(self.refusal) and all(word in self.refusal for word in words)


@cache
def outcome(case: str) -> Outcome:
    """Read a case and describe its area, as a run does; nothing is written beside the inputs."""
    return of(REPORTS / case / "config.toml")


def of(path: Path) -> Outcome:
    scratch = Path(mkdtemp())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            settings = config.load(path)
            town = settings.selected[0]
            layers = catalogue.default()
            stages = area.area_stages(town, settings, layers, scratch, partial(inputs.read, town, layers))
            run = StageRun(stages, threads=1, journal=Journal(scratch / "progress.jsonl"), cache=None)
            found, drawn = run.results("description", "drawn")
            result = {**found.tables, **drawn}, tuple(str(notice) for notice in found.notices), ""
        except NovostroikiError as error:
            result = {}, (), str(error)
        except Exception as error:  # noqa: BLE001 - it is what the test is about
            where = traceback.extract_tb(error.__traceback__)[-1]
            return Outcome({}, (), "", (f"{type(error).__name__} {error} at {where.filename}:{where.lineno}",))
        finally:
            shutil.rmtree(scratch)
    shown = (item for item in caught if not issubclass(item.category, DeprecationWarning | PendingDeprecationWarning))
    return Outcome(*result, tuple(f"{item.category.__name__} {item.message}" for item in shown))


def area_register(found: Outcome) -> float:
    """Return the registered people of the whole area as the tables have them (p50)."""
    return float(found.tables["area_population"]["registered_p50"].iloc[0])


def matched(found: Outcome) -> int:
    rows = found.tables["settlement_population"]
    return int((rows["settlement_id"].notna() & (rows["registration_method"] == "joint")).sum())


def no_area(found: Outcome) -> bool:
    return bool((found.tables["area_population"]["registration_method"] != "joint").all())


def lines_of(found: Outcome, rule: str) -> int:
    """Return how many power lines fell under a rule."""
    return int((found.tables["hazards"]["rule_id"] == f"KG.power_line.{rule}").sum())


EXPECTED: dict[str, tuple[str, Callable[[Outcome], bool]]] = {
    "14": ("420 houses", lambda found: found.buildings == 420),
    "11": ("420 houses", lambda found: found.buildings == 420),
    "80": ("refused", lambda found: found.refused("423") or found.said("423")),
    "81": ("120 and 300 told", lambda found: found.buildings == 120 and found.said("300")),
    "12": ("270 houses", lambda found: found.buildings == 270),
    "09": ("the area stays 1500", lambda found: 1400 < area_register(found) < 1600 and found.said("??-????")),
    "38": ("no figure for the area", lambda found: no_area(found) and found.said("—")),
    "39": ("whole below a part told", lambda found: found.said("160", "900")),
    "D6": ("twice one place", lambda found: found.refused("АК ТЕСТ") or found.said("АК ТЕСТ")),
    "10": ("2 matched", lambda found: matched(found) == 2),
    "A5": ("2 matched", lambda found: matched(found) == 2),
    "40": ("2 matched", lambda found: matched(found) == 2),
    "07": ("refused", lambda found: found.refused("EPSG:3857", "crs")),
    "25": ("refused", lambda found: found.refused("x.gpkg")),
    "87": ("refused", lambda found: found.refused("pop.tif")),
    "21": ("refused", lambda found: found.refused("old.csv")),
    "34": ("420 houses", lambda found: found.buildings == 420),
    "84": ("houses, or the layers", lambda found: found.refused("uchastki", "zdaniya") or found.roofs_m2 < 40_000),
    "03": ("420 houses", lambda found: found.buildings == 420),
    "04": ("masked cells are none", lambda found: found.residents("max") < 1e6),
    "69": ("masked cells are none", lambda found: found.residents("max") < 1e6),
    "06": ("refused", lambda found: found.refused("v1990.tif")),
    "A8": ("density told", lambda found: found.refused("km") or found.said("times") or found.said("km²")),
    "05": ("refused: no years", lambda found: found.refused("onset.tif", "year")),
    "23": ("refused", lambda found: found.refused("settlement_id")),
    "17": ("420 houses", lambda found: found.buildings == 420),
    "33": ("refused", lambda found: found.refused("fp.geojsonl", "lat")),
    "70": ("refused", lambda found: found.refused("pts.gpkg")),
    "A1": ("about 420, or told", lambda found: 400 <= found.buildings <= 440),
    "52": ("none are homes", lambda found: (found.tables["buildings"]["kind"] == "house").sum() <= 420 - 5 * 42),
    "36": ("110 kV as typed", lambda found: lines_of(found, "110kv") == 11 and lines_of(found, "20kv") == 1),
    "22": ("overlap told", lambda found: found.said("overlap")),
    "16": ("refused", lambda found: found.refused("export.osm", "timed out")),
    "76": ("year of the houses", lambda found: found.year == 2012 and found.said("2024")),
    "D8": ("same file told", lambda found: found.refused("b.tif") or found.said("same")),
    "31": ("read", lambda found: found.buildings == 420),
    "19": ("read", lambda found: matched(found) == 1),
    "18": ("420 houses", lambda found: found.buildings == 420),
    "43": ("420 houses", lambda found: found.buildings == 420),
    "51": ("read", lambda found: bool(len(found.tables["area_built_up"]))),
    "57": ("420 houses", lambda found: found.buildings == 420),
    "G4": ("420 houses", lambda found: found.buildings == 420),
    "75": ("300 houses", lambda found: found.buildings == 300),
}  # fmt: skip


@pytest.mark.skipif(not REPORTS.exists(), reason="shared/data/reports is not here")
@pytest.mark.parametrize("case", EXPECTED)
def test_a_reported_input_gives_the_right_value_or_one_sentence(case: str) -> None:
    found = outcome(case)
    assert not found.complaints
    assert EXPECTED[case][1](found), (found.refusal, found.notices, found.buildings)


def _row(case: str) -> str:
    right, holds = EXPECTED[case]
    found = outcome(case)
    try:
        verdict = "right" if not found.complaints and holds(found) else "WRONG"
    except (KeyError, IndexError):
        verdict = "WRONG"
    what = found.refusal or "; ".join(found.complaints) or f"{found.buildings} buildings; " + " | ".join(found.notices)
    return f"{case:<4}{verdict:<7}{right:<28}{what}"


if __name__ == "__main__":
    for case in sys.argv[1:] or EXPECTED:
        print(_row(case), flush=True)  # noqa: T201 - a table for people
