from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base import connection
from pipeline.base.resources import resource
from pipeline.geometry.grid import CELL_M, Grid
from pipeline.load import parquet, public_edition
from pipeline.load.public_edition import disclosure
from pipeline.load.public_edition.build import _BUILDINGS, _neutral, _show_buildings
from pipeline.schema.public_tables import PUBLIC_TABLES
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import QUANTITIES, SHARES
from tests.load import sample_tables

if TYPE_CHECKING:
    from pathlib import Path

ACCUSING = re.compile(r"illegal|squat|slum|незаконн|самозахват|самовольн|трущоб|мыйзамсыз|заңсыз", re.IGNORECASE)


@pytest.fixture(scope="module")
def edition(outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("public")
    public_edition.build(outputs / "tables", out)
    return out


@pytest.fixture(scope="module")
def tables(edition: Path) -> dict[str, pd.DataFrame]:
    return {name: parquet.read(edition / "tables" / f"{name}.parquet", table) for name, table in PUBLIC_TABLES.items()}


def test_every_table_is_there_and_commented(edition: Path) -> None:
    with connection.connect(edition / "novostroiki.duckdb", read_only=True) as con:
        names = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        bare = con.execute(
            "SELECT table_name || '.' || column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
        ).fetchall()
    assert names == set(PUBLIC_TABLES)
    assert bare == []


def test_no_identifier_and_no_outline_of_a_building_is_published(edition: Path, sample: sample_tables.Sample) -> None:
    buildings = sample.tables["buildings"]
    secrets = [*buildings["building_id"].head(50), "building_id", "osm_id"]
    outlines = [shapely.to_wkb(outline)[9:60] for outline in buildings.geometry.head(200)]
    for path in sorted(edition.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in data], path
            assert not [outline for outline in outlines if outline in data], path


def test_no_geometry_is_finer_than_the_grid(tables: dict[str, pd.DataFrame]) -> None:
    area = tables["areas"].iloc[0]
    grid = Grid.of(area["area_id"], tuple(shapely.bounds(area["geometry"])))
    for name in ("grid", "settlements"):
        shapes = tables[name]["geometry"].dropna().to_crs(grid.crs)
        steps = shapely.get_coordinates(shapes.to_numpy()) / CELL_M
        assert np.abs(steps - steps.round()).max() < 1e-3
        assert shapes.area.min() >= CELL_M**2 * 0.999
    with_geometry = {name for name, table in PUBLIC_TABLES.items() if "geometry" in table.columns}
    assert with_geometry == {"areas", "grid", "settlements"}


def test_cells_look_square_on_the_ground() -> None:
    grid = Grid.of("astana", (71.15, 50.95, 71.80, 51.33))
    ids = grid.cell_ids(np.array([71.16, 71.79]), np.array([50.96, 51.32]))
    local = 111_195 * np.cos(np.radians(51.1))
    for square in grid.squares(ids):
        west, south, east, north = square.bounds
        assert (east - west) * local == pytest.approx(CELL_M, rel=0.01)
        assert (north - south) * 111_195 == pytest.approx(CELL_M, rel=0.01)


def public_ids(tables_dir: Path) -> dict[str, str]:
    """Return the identifiers under which settlements are published; the full edition alone holds them."""
    rows = parquet.read(tables_dir / "public_ids.parquet", TABLES["public_ids"])
    return dict(zip(rows["settlement_id"], rows["public_id"], strict=True))


def test_nothing_is_below_the_threshold(tables: dict[str, pd.DataFrame], outputs: Path) -> None:
    grid = tables["grid"]
    assert len(grid) > 10
    assert grid["buildings"].min() >= disclosure.MIN_HOMES
    assert grid["p50"].min() >= disclosure.MIN_PERSONS
    assert tables["settlements"]["buildings"].min() >= disclosure.MIN_SETTLEMENT_HOMES
    assert set(grid["share_residents"]) <= set(SHARES)
    sizes = parquet.read(outputs / "tables" / "settlements.parquet", TABLES["settlements"])
    small = set(sizes.loc[sizes["homes"] < disclosure.MIN_SETTLEMENT_HOMES, "settlement_id"])
    ids = public_ids(outputs / "tables")
    assert small
    assert not small & ids.keys()
    for name in ("settlements", "settlement_population", "settlement_built_up", "red_zones"):
        assert set(tables[name]["settlement_id"].dropna()) <= set(ids.values())


def test_figures_are_rounded_and_intervals_have_a_width(tables: dict[str, pd.DataFrame]) -> None:
    for name in ("areas", "settlements", "grid"):
        assert (tables[name]["buildings"] % 5 == 0).all()
    people = [
        (name, f"{quantity}_") for name in ("area_population", "settlement_population") for quantity in QUANTITIES
    ]
    for name, prefix in (("grid", ""), *people):
        shown = tables[name].dropna(subset=[f"{prefix}p50"])
        low, middle, high = (shown[f"{prefix}{q}"] for q in ("p05", "p50", "p95"))
        assert middle.min() >= disclosure.MIN_PERSONS
        assert (pd.concat([low, middle, high]) % 50 == 0).all()
        assert (low < high).all()
        assert middle.between(low, high).all()


def test_subtraction_discloses_nothing(tables: dict[str, pd.DataFrame], outputs: Path) -> None:
    """Whatever an attacker subtracts, with the true counts at hand, the rest is empty or above the threshold."""
    area = tables["areas"].iloc[0]
    grid = Grid.of(area["area_id"], tuple(shapely.bounds(area["geometry"])))
    with connection.connect() as con:
        _show_buildings(con, outputs / "tables")
        rows = con.execute(_BUILDINGS, {"area": area["area_id"]}).df()
    homes = rows[rows["home"]]
    cells = grid.cell_ids(homes["lon"].to_numpy(), homes["lat"].to_numpy())
    in_cells = np.isin(cells, tables["grid"]["cell_id"].to_numpy(dtype=str))
    published = set(tables["settlements"]["settlement_id"])
    known = [name for name, public in public_ids(outputs / "tables").items() if public in published]
    assert len(known) == len(published)
    in_settlements = homes["settlement_id"].isin(known).to_numpy()
    rests = [int((~in_cells).sum()), int((~in_settlements).sum())]
    for settlement_id in known:
        mine = (homes["settlement_id"] == settlement_id).to_numpy()
        pure = [cell for cell in set(cells[mine & in_cells]) if mine[cells == cell].all()]
        rests.append(int((mine & ~np.isin(cells, pure)).sum()))
    assert [rest for rest in rests if 0 < rest < disclosure.MIN_HOMES] == []


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from([None, "a", "b", "c", "d"]), st.integers(0, 120)),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=60, deadline=None)
def test_choice_leaves_no_unsafe_difference(rows: list[tuple[int, str | None, int]]) -> None:
    atoms = (
        pd.DataFrame(rows, columns=["cell", "settlement_id", "homes"])
        .assign(cell_id=lambda frame: "c" + frame["cell"].astype(str), persons=lambda frame: frame["homes"] * 4.0)
        .groupby(["cell_id", "settlement_id"], dropna=False)[["homes", "persons"]]
        .sum()
        .reset_index()
    )
    atoms["settlement_id"] = atoms["settlement_id"].astype(object).where(atoms["settlement_id"].notna(), None)
    release = disclosure.choose(atoms)
    assert disclosure.unsafe_differences(atoms, release).empty
    sums = atoms.groupby("cell_id")[["homes", "persons"]].sum()
    assert disclosure.is_safe(sums.loc[sorted(release.cells)]).all()


def test_one_small_cell_takes_a_second_with_it() -> None:
    atoms = pd.DataFrame(
        {
            "cell_id": ["a", "b", "c"],
            "settlement_id": ["s", "s", "s"],
            "homes": [4, 30, 200],
            "persons": [16.0, 120.0, 800.0],
        }
    )
    assert disclosure.choose(atoms) == disclosure.Release(frozenset({"c"}), frozenset({"s"}))


def test_rounding() -> None:
    assert disclosure.round_count([12, 12.5, 13, 0]).tolist() == [10, 15, 15, 0]
    part, expected = zip(
        (0, "below_10"), (9, "below_10"), (10, "up_to_half"), (50, "up_to_half"), (51, "over_half"), (90, "over_half"),
        (91, "all_but_10"), (100, "all_but_10"), strict=True,
    )  # fmt: skip
    assert disclosure.share_class(part, [100] * len(part), disclosure.Reach.PART).tolist() == list(expected)
    assert disclosure.share_class([0, 100], [100, 100], [0, 2]).tolist() == ["unreached", "covered"]


def test_every_export_says_what_it_is_not(edition: Path, tables: dict[str, pd.DataFrame]) -> None:
    assert set(tables["notice"]["language"]) == {"en", "ru", "ky", "kk"}
    for path in (edition / "tables").glob("*.parquet"):
        assert b"Not for enforcement" in pq.read_metadata(path).metadata[b"notice"]


def test_no_text_accuses(edition: Path, tables: dict[str, pd.DataFrame]) -> None:
    for path in sorted(resource("maps", "texts").glob("*.json")):
        assert not ACCUSING.search(path.read_text(encoding="utf-8")), path.name
    assert _neutral("Illegal Settlements and City Registration, 2011") == "published study, named in the full edition"
    assert _neutral("Voices from Central Asia 9 (2013)") == "Voices from Central Asia 9 (2013)"
    sources = json.dumps(tables["settlements"]["status_source"].dropna().tolist(), ensure_ascii=False)
    assert not ACCUSING.search(sources)
    assert (edition / "novostroiki.duckdb").exists()


def test_same_input_same_bytes(outputs: Path, edition: Path, tmp_path: Path) -> None:
    public_edition.build(outputs / "tables", tmp_path)
    for path in (edition / "tables").glob("*.parquet"):
        assert path.read_bytes() == (tmp_path / "tables" / path.name).read_bytes()


def test_an_area_without_anything_is_published_empty(tmp_path: Path) -> None:
    for name, table in TABLES.items():
        frame = sample_tables.empty().tables.get(name)
        if frame is not None:
            parquet.write(frame, tmp_path / "full" / f"{name}.parquet", table)
    public_edition.build(tmp_path / "full", tmp_path / "public")
    areas = parquet.read(tmp_path / "public" / "tables" / "areas.parquet", PUBLIC_TABLES["areas"])
    assert areas[["buildings", "settlements", "cells"]].to_numpy().tolist() == [[0, 0, 0]]
