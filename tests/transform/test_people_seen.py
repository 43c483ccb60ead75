"""How much of a city the inputs see, and what may therefore be told of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.schema.vocabulary import CODES
from pipeline.transform.people_seen import PeopleSeen, contradicted, only_as_seen, people_seen

N = 400


def cells(  # noqa: PLR0913 - what a cell may show
    seed: int = 1,
    *,
    mapped: float = 1.0,
    people: bool = True,
    built: bool = True,
    spread: float = 0.5,
    osm: bool = True,
) -> pd.DataFrame:
    """A city of N cells of which a share is mapped; a raster of its own differs by `spread` from the roofs."""
    rng = np.random.default_rng(seed)
    roof = rng.lognormal(9, 0.6, N)
    persons = roof / 25 * rng.lognormal(0, spread, N)
    shown = np.where(np.arange(N) < mapped * N, roof, 0.0)
    return pd.DataFrame(
        {
            "people": persons if people else np.nan,
            "built_m2": roof * rng.lognormal(0, 0.1, N) if built else np.nan,
            "roof_m2": shown,
            "roof_osm_m2": shown if osm else 0.0,
            "roof_satellite_m2": shown,
        }
    )


def seen(frame: pd.DataFrame, homes: int = 5000, **years: int | None) -> PeopleSeen:
    return people_seen(frame, homes=homes, **{"buildings_year": None, "population_year": None, **years})


@pytest.mark.parametrize("mapped", [1.0, 0.9, 0.6, 0.3, 0.1])
@pytest.mark.parametrize(("people", "built"), [(True, True), (True, False), (False, True)])
def test_the_share_is_that_of_the_people_in_mapped_cells(mapped: float, people: bool, built: bool) -> None:  # noqa: FBT001
    frame = cells(mapped=mapped, people=people, built=built)
    weight = cells(mapped=mapped)["people"] if people else frame["built_m2"]
    true = weight[frame["roof_m2"] > 0].sum() / weight.sum()
    found = seen(frame)
    assert found.share == pytest.approx(true, abs=0.05)
    assert found.told == ("city" if mapped >= 0.9 else "nothing" if mapped == 0.1 else "mapped_part")


def test_a_map_that_shows_every_second_house_shows_half_of_the_people() -> None:
    """Cells are never empty then: only what is built there tells."""
    frame = cells()
    halved = frame.assign(**{name: frame[name] / 2 for name in frame if name.startswith("roof")})
    assert seen(halved).share == pytest.approx(0.5, abs=0.05)


def test_a_single_source_that_looks_complete_may_lack_every_second_house() -> None:
    """People per cell alone show land that nobody mapped, not the houses that are missing beside others."""
    frame = cells(built=False)
    alone = frame.assign(roof_satellite_m2=0.0)
    halved = alone.assign(**{name: alone[name] / 2 for name in alone if name.startswith("roof")})
    assert seen(frame).told == "city"
    assert seen(alone) == seen(halved) == PeopleSeen(None, "none", "unknown", "one_source")
    assert seen(cells(mapped=0.3, built=False).assign(roof_satellite_m2=0.0)).told == "mapped_part"


@pytest.mark.parametrize("own", [1.0, 0.6])
def test_a_raster_made_from_the_same_outlines_is_no_witness(own: float) -> None:
    """It shows nobody where the outlines show nothing, and would call any map complete."""
    frame = cells(mapped=own, built=False)
    frame = frame.assign(people=frame["roof_m2"] * 0.04)
    found = seen(frame)
    assert (found.share, found.told, found.reason) == (None, "unknown", "raster_from_these_outlines")


def test_a_raster_of_another_decade_or_place_is_no_witness() -> None:
    frame = cells(built=False)
    assert seen(frame, buildings_year=2012, population_year=2025).reason == "raster_of_another_time"
    assert seen(frame, buildings_year=2020, population_year=2025).told == "city"
    elsewhere = frame.assign(people=np.where(np.arange(N) < N / 2, 0.0, frame["people"]))
    assert seen(elsewhere).reason == "raster_of_another_boundary"


def test_without_any_raster_the_share_is_unknown_and_a_handful_of_homes_tells_nothing() -> None:
    frame = cells(people=False, built=False)
    assert seen(frame) == PeopleSeen(None, "none", "unknown", "no_raster")
    assert seen(frame, homes=18) == PeopleSeen(None, "none", "nothing", "few_homes")


def test_a_published_figure_silences_what_contradicts_it() -> None:
    part = PeopleSeen(0.25, "population", "mapped_part", "partly_seen")
    assert contradicted(part, 200_000, 400_000, [1_200_000]) == part
    assert contradicted(part, 2_000, 4_000, [1_200_000]).reason == "published_outside"
    assert contradicted(part, 2_000, 4_000, []) == part


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(0, 1e6))
def test_any_cells_give_a_share_and_known_codes(people: list[float], roof: float) -> None:
    roofs = dict.fromkeys(("roof_m2", "roof_osm_m2", "roof_satellite_m2"), roof)
    found = seen(pd.DataFrame({"people": people, "built_m2": np.nan, **roofs}))
    assert found.share is None or 0 <= found.share <= 1
    assert found.told in CODES["told"]
    assert found.reason in CODES["told_reason"]


def test_no_total_of_a_city_that_is_hardly_seen() -> None:
    rows = pd.DataFrame(
        {
            "settlement_id": ["x/1", None, None, None],
            "quantity": ["residents", "residents", "residents", "unregistered"],
            "main": [True, True, False, True],
        }
    )
    part = only_as_seen(rows, PeopleSeen(0.4, "population", "mapped_part", "partly_seen"))
    assert part["settlement_id"].fillna("").tolist() == ["x/1", "", ""]
    assert part["main"].all(), "what others count in the whole area is no check of a part"
    nothing = only_as_seen(rows, PeopleSeen(0.1, "population", "nothing", "hardly_seen"))
    assert nothing.empty
    assert only_as_seen(rows, PeopleSeen(None, "none", "unknown", "no_raster")).equals(rows)
