"""Names of settlements: from the map, and matched with the settlements that the literature names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from pipeline.schema.vocabulary import LANGUAGES
from pipeline.transform.settlements import osm_places
from pipeline.wording.spelling import Key, edits, is_street, key, plain

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import geopandas as gpd

    from pipeline.transform.settlements.neighbour_graph import Floats, Labels, Mask

HINT_REACH_M = 8_000.0
"""An object farther from the hinted place is another one of that name (docs/domain.md: same city, at most 8 km)."""
NEAR_M = 60.0
"""A place outside every outline names the nearest settlement within this distance, if that has no other name."""
HOUSES = frozenset({"dormitory", "blocks"})
HOUSES_MOST = 12
LAND_LEAST_M2 = 300.0
"""Kinds of the gazetteer that are single large houses: a settlement of more buildings than this, or with less land than
the smallest of them covers (a kiosk at the place's point), is not one of them."""

CITY = "place=city"
"""A city is many settlements, and names none of them."""
SPOT_REACH = 0.7
"""A mere locality names a settlement only from its midst: nearer to its centre than this many times the radius of a
circle of its area. Farther out, the houses that it stands for were taken for a part of a neighbour."""


@dataclass(frozen=True, slots=True)
class _Match:
    """One object that may be a named settlement; the least one is the best."""

    edits: int
    nowhere: bool
    """No settlement stands there, or one that is much more than what is named."""
    spot: bool
    """A mere locality."""
    distance_m: float
    """From the hint; 0 without one."""
    named: int
    """Row of the gazetteer."""
    object: int
    """Row of the map's objects."""

    @property
    def order(self) -> tuple[int, bool, bool, float, int, int]:
        return (self.edits, self.nowhere, self.spot, self.distance_m, self.named, self.object)


def resolve_names(
    settlements: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame], named: pd.DataFrame, area_id: str
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Name the settlements, and say of each one that the literature names whether these inputs show it.

    An object of the map (a place, or named residential land; never a street) is a named settlement if one of its names
    has the key of one of the gazetteer's (see `spelling.key`), or, in keys of six letters and more and only with a
    hint, one letter differs; if it lies within `HINT_REACH_M` of the hint; and if it is none of the row's false
    friends. Each object and each row are matched once at most, exact and near ones first.

    Parameters
    ----------
    settlements
        As `delineate` gives them, metres.
    layers
        OSM layers places and landuse.
    named
        The gazetteer (`facts.settlements`), any areas.
    area_id
        The area.

    Returns
    -------
    settlements, named_settlements
        `settlements` with name, name_en, name_ru, name_ky, name_kk, name_evidence, status, status_year, status_source;
        with `map_names` and `map_tags`, all names and tags of the map's objects that the settlement rests on or is
        named by, separated by ";", and `listed_kind`, what the gazetteer calls it; and the table `named_settlements`.
    """
    rows = named[named["area_id"] == area_id].sort_values("named_id").reset_index(drop=True)
    objects = osm_places.objects(layers, settlements.crs)
    found = objects[objects["name"].notna() & (objects["tag"] != CITY)].reset_index(drop=True)
    holder = _holders(found, settlements)
    hints = _hints(rows, settlements)
    aside = _aside(found, settlements, holder)
    matches = _matches(rows, found, np.where(aside, -1, holder), _may_be_houses(settlements), hints)
    chosen = _assign(matches, holder)
    outcome = _outcomes(rows, found, settlements, holder, hints, chosen)
    return _named(settlements, objects, found, holder, rows, chosen), outcome.assign(area_id=area_id)


def listed_names(named: pd.DataFrame, area_id: str) -> frozenset[Key]:
    """Return the keys of all names by which the gazetteer knows the settlements of an area."""
    rows = named[named["area_id"] == area_id]
    return frozenset(key(name) for _, row in rows.iterrows() for name in _spellings(row, osm_places.NAME_COLUMNS))


def _holders(found: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame) -> Labels:
    """Return for each object the settlement that rests on it, holds it, or is the nearest to it; -1: none."""
    holder = np.full(len(found), -1, dtype=np.int64)
    if not len(found) or not len(settlements):
        return holder
    owner = {osm_id: n for n, ids in enumerate(settlements["osm_ids"]) for osm_id in ids.split(";") if osm_id}
    outlines = np.asarray(settlements.geometry.array, dtype=object)
    places = shapely.point_on_surface(np.asarray(found.geometry.array, dtype=object))
    place, near = shapely.STRtree(outlines).query_nearest(places, max_distance=NEAR_M, all_matches=False)
    name_of = dict(zip(found["osm_id"], found["name"], strict=True))
    own = [{key(name_of[osm_id]) for osm_id in ids.split(";") if osm_id in name_of} for ids in settlements["osm_ids"]]
    open_to = np.array([not own[n] or key(found["name"].iloc[p]) in own[n] for p, n in zip(place, near, strict=True)])
    if len(place):
        holder[place[open_to]] = near[open_to]
    rests = found["osm_id"].map(owner)
    return np.where(rests.notna(), rests.fillna(-1), holder).astype(np.int64)


def _hints(rows: pd.DataFrame, settlements: gpd.GeoDataFrame) -> Floats:
    """Return the hinted places in metres, NaN where there is no hint."""
    import geopandas as gpd

    points = gpd.GeoSeries(gpd.points_from_xy(rows["hint_lon"], rows["hint_lat"]), crs="EPSG:4326")
    known = rows["hint_lon"].notna().to_numpy()
    out = np.full((len(rows), 2), np.nan)
    moved = points[known].to_crs(settlements.crs)
    out[known] = np.stack([moved.x, moved.y], axis=1)
    return out


def _spellings(row: Mapping[Hashable, Any] | pd.Series, columns: tuple[str, ...]) -> list[str]:
    """Return all names in some columns of a row, those separated by ";" one by one."""
    texts = [row[column] for column in columns if isinstance(row[column], str)]
    return [part.strip() for text in texts for part in text.split(";") if part.strip()]


def _aside(found: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame, holder: Labels) -> Mask:
    """Mark the localities that stand off the midst of their settlement."""
    spots = {f"place={value}" for value in osm_places.SPOTS}
    chosen = np.flatnonzero(found["tag"].isin(spots).to_numpy(dtype=bool) & (holder >= 0))
    middle = shapely.centroid(np.asarray(settlements.geometry.array, dtype=object)[holder[chosen]])
    radius = np.sqrt(settlements["area_m2"].to_numpy()[holder[chosen]] / np.pi)
    distance = shapely.distance(np.asarray(found.geometry.array, dtype=object)[chosen], middle)
    aside = np.zeros(len(found), dtype=bool)
    aside[chosen] = distance > SPOT_REACH * radius
    return aside


def _may_be_houses(settlements: gpd.GeoDataFrame) -> Mask:
    """Mark the settlements that may be what the gazetteer names as one or two large houses."""
    few, land = settlements["buildings"] <= HOUSES_MOST, settlements["area_m2"] >= LAND_LEAST_M2
    return np.asarray(few & land, dtype=bool)


def _matches(
    rows: pd.DataFrame, found: gpd.GeoDataFrame, holder: Labels, may_be_houses: Mask, hints: Floats
) -> list[_Match]:
    """Return every object that may be a named settlement, the best first."""
    places = shapely.get_coordinates(shapely.centroid(np.asarray(found.geometry.array, dtype=object)))
    wanted = [{key(name) for name in _spellings(row, osm_places.NAME_COLUMNS)} for _, row in rows.iterrows()]
    barred = [{key(name).base for name in _spellings(row, ("not_names",))} for _, row in rows.iterrows()]
    exact = set().union(*wanted) if wanted else set()
    out = []
    for number, (_, thing) in enumerate(found.iterrows()):
        given = {key(name) for name in _spellings(thing, osm_places.NAME_COLUMNS) if not is_street(name)}
        spot = thing["tag"] in {f"place={value}" for value in osm_places.SPOTS}
        for row in range(len(rows)):
            hinted = bool(np.isfinite(hints[row, 0]))
            if not barred[row].isdisjoint(k.base for k in given):
                continue
            near = float(np.hypot(*(places[number] - hints[row]))) if hinted else 0.0
            steps = [edits(a, b) for a in wanted[row] for b in given]
            least = min((step for step in steps if step is not None), default=None)
            # A name that is one letter off is another settlement's if that one has exactly this name.
            fuzzy = least == 1 and (not hinted or not given.isdisjoint(exact))
            if least is None or fuzzy or near > HINT_REACH_M:
                continue
            place = holder[number]
            nowhere = bool(place < 0 or (rows["kind"][row] in HOUSES and not may_be_houses[place]))
            out.append(_Match(least, nowhere, spot, near, row, number))
    return sorted(out, key=lambda match: match.order)


def _assign(matches: list[_Match], holder: Labels) -> dict[int, _Match]:
    """Return the match of each row of the gazetteer: the best first, no object and no settlement twice."""
    chosen: dict[int, _Match] = {}
    objects: set[int] = set()
    settlements: set[int] = set()
    for match in matches:
        place = -1 if match.nowhere else int(holder[match.object])
        if match.named in chosen or match.object in objects or place in settlements:
            continue
        chosen[match.named] = match
        objects.add(match.object)
        if place >= 0:
            settlements.add(place)
    return chosen


def _outcomes(  # noqa: PLR0913, PLR0917 - one row of evidence draws on all of them
    rows: pd.DataFrame,
    found: gpd.GeoDataFrame,
    settlements: gpd.GeoDataFrame,
    holder: Labels,
    hints: Floats,
    chosen: dict[int, _Match],
) -> pd.DataFrame:
    """Return the rows of `named_settlements` but for `area_id`."""
    centres = shapely.get_coordinates(shapely.centroid(np.asarray(settlements.geometry.array, dtype=object)))
    named = np.unique(holder[holder >= 0])
    out = []
    for row, (_, fact) in enumerate(rows.iterrows()):
        match, hint = chosen.get(row), hints[row]
        hinted = bool(np.isfinite(hint[0]))
        line = {"named_id": fact["named_id"], "name": fact["name"], "outcome": "not mapped", "settlement_id": None}
        line["distance_m"] = np.nan
        if match is not None:
            thing = found.iloc[match.object]
            line["distance_m"] = match.distance_m if hinted else np.nan
            line["evidence"] = _evidence(match, thing, fact["name"], hinted=hinted)
            if not match.nowhere:
                line["outcome"] = "found"
                line["settlement_id"] = settlements["settlement_id"].iloc[holder[match.object]]
            else:
                line["evidence"] += "; its buildings are not mapped there, or cannot be told from those around them"
        else:
            near = np.hypot(*(centres - hint).T) <= HINT_REACH_M if hinted else np.ones(len(centres), dtype=bool)
            where = f"within {HINT_REACH_M / 1000:g} km of the hinted place" if hinted else "in the area"
            if near[named].any():
                line["outcome"] = "not found"
                line["evidence"] = f"of the {int(near[named].sum())} named settlements {where} none has this name"
            else:
                line["evidence"] = f"these inputs show no named settlement {where}"
        out.append(line)
    columns = ["named_id", "name", "outcome", "settlement_id", "evidence", "distance_m"]
    return pd.DataFrame(out, columns=columns)


def _evidence(match: _Match, thing: pd.Series, name: str, *, hinted: bool) -> str:
    how = "is, but for one letter," if match.edits else "is, spelling aside,"
    where = f", {match.distance_m / 1000:.1f} km from the hinted place" if hinted else ", the only hint being the city"
    return f"{thing['tag']} '{thing['name'][:80]}' ({thing['osm_id']}) {how} '{name}'{where}"


def _named(  # noqa: PLR0913, PLR0917 - a name draws on all of them
    settlements: gpd.GeoDataFrame,
    objects: gpd.GeoDataFrame,
    found: gpd.GeoDataFrame,
    holder: Labels,
    rows: pd.DataFrame,
    chosen: dict[int, _Match],
) -> gpd.GeoDataFrame:
    """Return the settlements with their names, the evidence for them, and the status that the literature gives."""
    fact_of = {int(holder[match.object]): (row, match) for row, match in chosen.items() if not match.nowhere}
    tag_of = dict(zip(objects["osm_id"], objects["tag"], strict=True))
    things: dict[int, list[int]] = {}
    for number, place in enumerate(holder.tolist()):
        if place >= 0:
            things.setdefault(place, []).append(number)
    columns = ["name", *(f"name_{language}" for language in LANGUAGES), "name_evidence"]
    columns += ["status", "status_year", "status_source", "map_names", "map_tags", "listed_kind"]
    out = []
    records = found.drop(columns="geometry").to_dict("records")
    for place, ids in enumerate(settlements["osm_ids"]):
        fact = fact_of.get(place)
        order = _by_weight(things.get(place, []), found, ids.split(";"), fact[1].object if fact else None)
        there = [records[number] for number in order]
        line = _name(there, rows.iloc[fact[0]] if fact else None)
        spellings = (_spellings(thing, osm_places.NAME_COLUMNS) for thing in there)
        line["map_names"] = ";".join(name for several in spellings for name in several)
        rests_on = (tag_of[osm_id] for osm_id in ids.split(";") if osm_id in tag_of)
        line["map_tags"] = ";".join([*(thing["tag"] for thing in there), *rests_on])
        line["listed_kind"] = rows["kind"].iloc[fact[0]] if fact else None
        out.append(line)
    frame = pd.DataFrame(out, columns=columns, index=settlements.index)
    frame["status_year"] = frame["status_year"].astype("Int64")
    return settlements.assign(**{column: frame[column] for column in columns})


def _by_weight(numbers: list[int], found: gpd.GeoDataFrame, rests_on: list[str], matched: int | None) -> list[int]:
    """Return the objects that name a settlement: the matched one, those it rests on, then any of the same name.

    An object that merely lies near, with another name than the first, names a part or a neighbour and is left out.
    """
    ids = found["osm_id"]
    rank = {osm_id: n for n, osm_id in enumerate(rests_on)}
    ordered = sorted(numbers, key=lambda n: (n != matched, rank.get(ids[n], len(rank)), n))
    if not ordered:
        return []
    first = key(found["name"][ordered[0]])
    return [n for n in ordered if edits(first, key(found["name"][n])) is not None]


def _name(things: Sequence[Mapping[Hashable, Any]], fact: pd.Series | None) -> dict[str, object]:
    """Return names in all languages that the objects or the gazetteer have, the objects first."""
    out: dict[str, object] = dict.fromkeys(["name", *(f"name_{language}" for language in LANGUAGES)])
    sources: list[Mapping[Hashable, Any]] = [*things, *([fact.to_dict()] if fact is not None else [])]
    for column in out:
        out[column] = next((plain(source[column]) for source in sources if isinstance(source[column], str)), None)
    evidence = [f"{thing['tag']} {thing['osm_id']}" for thing in things]
    evidence += [f"gazetteer {fact['named_id']}"] if fact is not None else []
    out["name_evidence"] = "; ".join(evidence) or None
    out |= {"status": "unknown", "status_year": pd.NA, "status_source": None}
    if fact is not None:
        year, source = fact["status_year"], fact["status_source"]
        out["status"] = fact["status"]
        out["status_year"] = pd.NA if pd.isna(year) else int(year)
        out["status_source"] = source if isinstance(source, str) else None
    return out
