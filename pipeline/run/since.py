"""The release that `--since` names, an input like any other: its settlements give their ids to those of this run."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import shapely

from pipeline.base.releases import held
from pipeline.errors import InputError
from pipeline.load import parquet
from pipeline.run import identity, manifest
from pipeline.schema.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import geopandas as gpd

    from pipeline.config import Area, Config
    from pipeline.schema.provenance import Source

LINEAGE = "settlement_lineage"
KEPT = ("public_withheld", "public_ids")
"""Tables in which a release tells those that follow it what its public edition showed, and what not."""
_COLUMNS = ("settlement_id", "area_id", "name", "geometry")


@dataclass(frozen=True)
class Since:
    """A release that was found whole.

    Attributes
    ----------
    release
        Its folder.
    run_id, parent
        Its identifier, and that of the release which it names itself.
    """

    release: Path
    run_id: str
    parent: str | None

    def settlements(self, area: Area) -> gpd.GeoDataFrame:
        """Return its settlements of an area, in the area's metres: settlement_id, area_id, name, geometry."""
        rows: gpd.GeoDataFrame = parquet.read(self._table("settlements"), TABLES["settlements"], _COLUMNS)
        return rows[rows["area_id"] == area.area_id].to_crs(area.projected)

    def name(self, config: Config, sources: Sequence[Source]) -> tuple[str, str | None]:
        """Return the identifier and the parent of what these inputs make after this release.

        Where that would be this release itself, the run is a rebuild of it and has its parent too.
        """
        if identity.run_id(config, sources, self.parent) == self.run_id:
            return self.run_id, self.parent
        return identity.run_id(config, sources, self.run_id), self.run_id

    def keep_lineage(self, target: Path) -> None:
        """Copy what it says of its own descent, for a rebuild."""
        shutil.copyfile(self._table(LINEAGE), target)

    def _table(self, name: str) -> Path:
        return self.release / "tables" / f"{name}.parquet"


@contextmanager
def opened(folder: Path | None, config: Config) -> Iterator[Since | None]:
    """Check the release that `--since` names, and hold it while the block runs; None where it names none.

    Raises
    ------
    InputError
        The folder holds no release, or one that is damaged, of other areas, of another schema, or simulated where this
        run is not.
    """
    if folder is None:
        yield None
        return
    with held(folder) as release:
        told = manifest.read(release)
        if damage := manifest.verify(release):
            msg = (
                f"--since {folder}: the release {told['run_id']} is damaged: {damage[0]} Name another, or leave it out."
            )
            raise InputError(msg)
        since = Since(release, told["run_id"], told.get("parent"))
        _check_areas(since, folder, config)
        yield since


def _check_areas(since: Since, folder: Path, config: Config) -> None:
    names = ("area_id", "simulated", "geometry")
    areas = parquet.read(since.release / "tables" / "areas.parquet", TABLES["areas"], names).set_index("area_id")
    shared = [area for area in config.selected if area.area_id in areas.index]
    if not shared:
        here, there = (", ".join(sorted(ids)) for ids in (config.run.areas, areas.index))
        msg = f"--since {folder}: its areas ({there}) are none of this run ({here}), so no id can be carried over."
        raise InputError(msg)
    for area in shared:
        if not shapely.intersects(areas.geometry[area.area_id], area.boundary):
            msg = f"--since {folder}: its {area.area_id} lies elsewhere; name a release of the same ground."
            raise InputError(msg)
        if bool(areas["simulated"][area.area_id]) != (config.run.sources == "sample" or area.simulated):
            kind = "simulated" if areas["simulated"][area.area_id] else "not simulated"
            msg = f"--since {folder}: its {area.area_id} is {kind}, unlike that of this run; name another release."
            raise InputError(msg)
    for name in ("settlements", LINEAGE, *KEPT):
        columns = _COLUMNS if name == "settlements" else None
        parquet.read(since.release / "tables" / f"{name}.parquet", TABLES[name], columns)
