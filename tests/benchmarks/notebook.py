"""What one writes in a notebook for the same city: pyogrio, sjoin, DBSCAN, overlay, rasterstats, folium.GeoJson.

``python tests/benchmarks/notebook.py CONFIG OUT`` reads the first area of a configuration and prints, as JSON, what
each step took (processor time and by the clock, in seconds) and what it found. Plain on purpose: nothing is tuned.
It has no intervals, no uses of buildings, no names, no register, no public edition and no kit.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterstats
from sklearn.cluster import DBSCAN

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline import config

LIMIT_M = 500.0
"""The zone of a landfill."""


class Steps:
    """Times steps, each ended by its name."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def end(self, name: str) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        self.seconds[name] = {"cpu": round(cpu - self._cpu, 2), "wall": round(wall - self._wall, 2)}
        self._cpu, self._wall = cpu, wall


def main(path: Path, out: Path) -> dict[str, Any]:
    """Do the job and return what it took and found."""
    area = config.load(path).selected[0]
    steps, crs = Steps(), area.projected
    polygons = pyogrio.read_dataframe(
        area.inputs.osm[0], layer="multipolygons", columns=["building", "landuse", "other_tags"]
    ).to_crs(crs)
    osm = polygons[polygons["building"].notna()]
    landfills = polygons[polygons["landuse"] == "landfill"]
    footprints = pyogrio.read_dataframe(f"/vsigzip/{area.inputs.footprints[0]}").to_crs(crs)
    steps.end("reading")

    doubled = gpd.sjoin(footprints, osm[["geometry"]], predicate="intersects").index.unique()
    unseen = footprints.drop(index=doubled)
    houses = gpd.GeoDataFrame(pd.concat([osm[["geometry"]], unseen[["geometry"]]], ignore_index=True), crs=crs)
    houses = houses[houses.area > 12].reset_index(drop=True)
    steps.end("merging buildings")

    centres = houses.centroid
    houses["settlement"] = DBSCAN(eps=60, min_samples=20).fit_predict(np.column_stack([centres.x, centres.y]))
    grouped = houses[houses["settlement"] >= 0].dissolve("settlement")
    settlements = grouped.set_geometry(grouped.concave_hull(ratio=0.2)).reset_index()
    steps.end("delineating")

    zones = gpd.GeoDataFrame(geometry=landfills.buffer(LIMIT_M), crs=crs)
    nearest = gpd.sjoin_nearest(houses[["geometry"]], landfills[["geometry"]], max_distance=LIMIT_M, distance_col="m")
    shares = gpd.overlay(settlements[["settlement", "geometry"]], zones)
    steps.end("measuring red zones")

    rasters = {f"{year}": tiles[0] for year, tiles in area.inputs.built_up.items()}
    if area.inputs.population is not None:
        rasters["population"] = area.inputs.population[0]
    for name, raster in rasters.items():
        with rasterstats.io.Raster(str(raster)) as source:
            projected = settlements.to_crs(source.src.crs)
        settlements[name] = [row["sum"] for row in rasterstats.zonal_stats(projected, str(raster), stats="sum")]
    steps.end("growth and people")

    out.mkdir(parents=True, exist_ok=True)
    houses.to_crs(4326).to_parquet(out / "houses.parquet")
    settlements.to_crs(4326).to_parquet(out / "settlements.parquet")
    steps.end("writing tables")

    west, south, east, north = area.bbox
    chart = folium.Map([(south + north) / 2, (west + east) / 2], zoom_start=12, prefer_canvas=True)
    for frame in (houses.to_crs(4326), settlements.to_crs(4326), zones.to_crs(4326)):
        folium.GeoJson(frame.to_json()).add_to(chart)
    chart.save(out / "map.html")
    steps.end("drawing the map")
    return {
        "seconds": steps.seconds,
        "found": {
            "buildings": len(houses),
            "in settlements": int((houses["settlement"] >= 0).sum()),
            "within 500 m of a landfill": int(nearest.index.nunique()),
            "settlement area in zones, km2": round(float(shares.area.sum()) / 1e6, 2),
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
