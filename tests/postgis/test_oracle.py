"""PostGIS as the oracle: the same counts, areas and distances from the same inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from pipeline.transform.red_zones import distances, overlaps, zone_polygons
from pipeline.transform.red_zones.zone_polygons import QUAD_SEGS
from tests.transform.red_zone_city import town

if TYPE_CHECKING:
    import geopandas as gpd

pytestmark = pytest.mark.postgis
REACH = {"cemetery": 300.0, "railway": 500.0, "wetland": 0.0}


def upload(postgis: Any, name: str, frame: gpd.GeoDataFrame, columns: dict[str, str]) -> None:
    """Make a table with the columns (name: type) and an indexed geometry."""
    fields = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    postgis.execute(f"DROP TABLE IF EXISTS {name}")
    postgis.execute(f"CREATE TABLE {name} ({fields}, geom geometry)")
    rows = zip(*(frame[column].tolist() for column in columns), frame.geometry.to_wkb(), strict=True)
    with postgis.cursor().copy(f"COPY {name} FROM STDIN") as copy:
        for *values, wkb in rows:
            copy.write_row([None if pd.isna(value) else value for value in values] + [wkb.hex()])
    postgis.execute(f"CREATE INDEX ON {name} USING gist (geom)")
    postgis.execute(f"ANALYZE {name}")


def ask(postgis: Any, sql: str) -> pd.DataFrame:
    cursor = postgis.execute(sql)
    return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


@pytest.fixture(params=range(3))
def city(request: pytest.FixtureRequest, postgis: Any) -> Any:
    made = town(request.param, houses=1500)
    upload(postgis, "buildings", made.buildings, {"building_id": "text", "settlement_id": "text"})
    upload(postgis, "settlements", made.settlements, {"settlement_id": "text"})
    hazards = made.hazards.assign(reach=made.hazards["hazard_class"].map(REACH))
    upload(
        postgis, "hazards", hazards, {"hazard_id": "text", "rule_id": "text", "distance_m": "float8", "reach": "float8"}
    )
    return made


def test_distances_equal(city: Any, postgis: Any) -> None:
    ours = distances(city.buildings, city.hazards, REACH).set_index(["building_id", "hazard_id"])["distance_m"]
    theirs = ask(
        postgis,
        """SELECT building_id, hazard_id, ST_Distance(b.geom, h.geom) AS distance_m
           FROM hazards h JOIN buildings b ON ST_DWithin(b.geom, h.geom, h.reach)""",
    ).set_index(["building_id", "hazard_id"])["distance_m"]
    assert set(ours.index) == set(theirs.index)
    np.testing.assert_allclose(ours, theirs.reindex(ours.index), rtol=1e-9, atol=1e-9)


def test_counts_and_areas_equal(city: Any, postgis: Any) -> None:
    pairs = distances(city.buildings, city.hazards, REACH)
    rows = overlaps(city.buildings, city.settlements, city.hazards, pairs, zone_polygons(city.hazards))
    ours = rows.set_index(["settlement_id", "rule_id"])
    theirs = (
        ask(
            postgis,
            f"""WITH zones AS (
              SELECT rule_id, ST_Union(CASE WHEN distance_m > 0
                     THEN ST_Buffer(geom, distance_m, 'quad_segs={QUAD_SEGS}') ELSE geom END) AS geom
              FROM hazards GROUP BY rule_id),
            counted AS (
              SELECT settlement_id, rule_id, count(DISTINCT building_id) AS buildings
              FROM buildings b JOIN hazards h ON ST_DWithin(b.geom, h.geom, h.distance_m) GROUP BY 1, 2),
            roofs AS (
              SELECT settlement_id, rule_id, sum(ST_Area(ST_Intersection(b.geom, z.geom))) AS buildings_m2
              FROM buildings b JOIN zones z ON ST_Intersects(b.geom, z.geom) GROUP BY 1, 2),
            land AS (
              SELECT settlement_id, rule_id, ST_Area(ST_Intersection(s.geom, z.geom)) AS overlap_m2
              FROM settlements s JOIN zones z ON ST_Intersects(s.geom, z.geom))
            SELECT * FROM land FULL JOIN counted USING (settlement_id, rule_id)
                               FULL JOIN roofs USING (settlement_id, rule_id)
            WHERE settlement_id IS NOT NULL""",
        )
        .set_index(["settlement_id", "rule_id"])
        .fillna(0)
    )
    theirs = theirs[(theirs["buildings"] > 0) | (theirs["overlap_m2"] > 0)]
    assert set(ours.index) == set(theirs.index)
    theirs = theirs.reindex(ours.index).astype(float)
    assert (ours["buildings"] == theirs["buildings"]).all()
    for column in ("buildings_m2", "overlap_m2"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-6, atol=1e-6)
