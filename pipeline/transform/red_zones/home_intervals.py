"""How many homes stand in the red zones of a settlement: what is seen there, less false outlines, with those unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import pandas as pd
import shapely

from pipeline.schema.keys import positions

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.geometry.arrays import Floats, Ints

POSITION_M = {"both": 2.0, "osm": 2.0, "satellite": 4.5}
"""Standard deviation of where a settlement's houses lie against a hazard, by the source that drew them: imagery lies
beside the map, and by the same way for all houses of a place."""
MOST_M = 12
"""Houses nearer than this to the edge of a zone may be on its other side."""
FALSE_SPREAD = 0.6
"""Standard deviation, between cities, of the logarithm of the share of false outlines, beyond that of its prior."""
UNEVEN = 0.6
"""The same, between the settlements of a city, of how many outlines are false and how many houses are missed."""
OTHER_USE = 0.08
"""Of outlines that may be homes, the share that are none; as many homes are taken for something else, or hidden in an
outline of several."""
USE_SPREAD = 0.1
"""Standard deviation, between settlements, of the logarithm of the homes that this leaves."""
WORTH = 10.0
"""How many houses the share of a whole settlement that only the satellite saw counts for in one of its zones, and that
of the city in a settlement."""
DRAWS = 500
_QUANTILES = {"homes_p05": 0.05, "homes_p50": 0.5, "homes_p95": 0.95}
_KEY = ["settlement_id", "rule_id"]
_SEEN_BY = ("both", "osm", "satellite")


class Detection(Protocol):
    """How seen outlines turn into standing houses in one city, a draw per element (`population.detection`)."""

    @property
    def precision_osm(self) -> Floats:
        """Share of OSM's outlines that are houses."""

    @property
    def precision_satellite(self) -> Floats:
        """Share of the satellite's outlines that are houses."""

    @property
    def unseen_per_satellite(self) -> Floats:
        """Houses that neither source saw per house that only the satellite saw."""

    @property
    def recall_osm(self) -> Floats | None:
        """Share of the houses that OSM shows, where it is the only source."""


class _Seen(NamedTuple):
    """Homes that one source saw in n cells of settlement and rule."""

    within: Ints
    """Within the rule's distance, shape (n,)."""
    inside: Ints
    outside: Ints
    """Nearer than k metres to the zone's edge, on either side, shape (n, MOST_M + 1), k from 0."""
    doubtful: Ints
    """In the zone as well, but nobody knows whether they are houses at all, shape (n,)."""


def home_intervals(
    homes: gpd.GeoDataFrame,
    hazards: gpd.GeoDataFrame,
    pairs: pd.DataFrame,
    detection: Detection,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the 90 % interval of the homes that stand in each rule's zones in each settlement.

    Parameters
    ----------
    homes
        ``building_id``, ``settlement_id``, ``seen_by``, ``geometry`` (metres) of the buildings that may be homes.
    hazards
        ``hazard_id``, ``rule_id``, ``distance_m`` (of the rule), ``geometry`` (the edge), in the same CRS.
    pairs
        As `distances` gives them, up to `MOST_M` beyond every rule's distance.
    detection
        Of the city.
    rng
        The stream of this area's zones.

    Returns
    -------
    DataFrame
        settlement_id, rule_id, homes_p05, homes_p50, homes_p95: for each pair with a home about within the distance.

    Notes
    -----
    In each draw all houses of a settlement lie farther out or in by one normal error (`POSITION_M`). Of the outlines in
    the zone, false ones go, Poisson with mean (1 - π) of the satellite's, and binomially of those that only OSM shows;
    as many are no homes as homes are taken for something else (`OTHER_USE`). Houses that neither source saw are
    Poisson, κ times those that only the satellite saw; where OSM is the only source, (1 - ρ)/ρ times what it shows.
    False and missed ones are more in one settlement than in the next (`UNEVEN`). Doubtful ones (`distances.doubtful`)
    are anything between none and all.
    """
    cells, seen = _cells(homes, hazards, pairs)
    place, settlement = pd.factorize(cells["settlement_id"])
    draws = len(detection.precision_osm)

    def uneven(spread: float) -> Floats:
        """Return an error that the zones of a settlement share."""
        errors: Floats = np.exp(spread * rng.standard_normal((len(settlement), draws)))
        return errors[place]

    shift = rng.standard_normal((len(settlement), draws))[place]
    both, osm, satellite = (_shifted(seen[source], POSITION_M[source] * shift) for source in _SEEN_BY)
    rate = (1 - detection.precision_satellite) * np.exp(FALSE_SPREAD * rng.standard_normal(draws))
    false = rng.poisson(rate * uneven(UNEVEN) * (both + satellite))
    drawn = rng.binomial(osm, detection.precision_osm)
    real = both + drawn + np.maximum(satellite - false, 0)
    if detection.recall_osm is None:
        missed = detection.unseen_per_satellite * _satellite_share(homes, cells, seen)[:, None] * real
    else:
        missed = (1 / detection.recall_osm - 1) * real
    standing = (real + rng.poisson(missed * uneven(UNEVEN))) * uneven(USE_SPREAD)
    swapped = rng.poisson(OTHER_USE * standing) - rng.poisson(OTHER_USE * standing)
    doubtful = seen["satellite"].doubtful[:, None] * rng.beta(0.5, 0.5, (len(cells), draws))
    counted = np.rint(np.maximum(standing + swapped, 0) + doubtful)
    quantiles = np.quantile(counted, list(_QUANTILES.values()), axis=1, method="closest_observation")
    return cells.assign(**dict(zip(_QUANTILES, quantiles.astype(np.int64), strict=True)))


def _satellite_share(homes: pd.DataFrame, cells: pd.DataFrame, seen: dict[str, _Seen]) -> Floats:
    """Return the share of the homes of each cell that only the satellite saw, drawn towards that of its settlement."""
    alone = homes["seen_by"].eq("satellite")
    of_place = alone.groupby(homes["settlement_id"]).agg(["sum", "size"])
    share = (of_place["sum"] + WORTH * alone.mean()) / (of_place["size"] + WORTH)
    of_cell = seen["satellite"].within
    total = sum((seen[source].within for source in _SEEN_BY), start=np.zeros(len(cells)))
    held = cells["settlement_id"].map(share).to_numpy(dtype=float)
    return np.asarray((of_cell + WORTH * held) / (total + WORTH), dtype=np.float64)


def _cells(
    homes: gpd.GeoDataFrame, hazards: gpd.GeoDataFrame, pairs: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, _Seen]]:
    """Return the pairs of settlement and rule with homes about within the distance, and what each source saw there."""
    known = homes.dropna(subset=["settlement_id"])
    house = positions(pairs["building_id"], known["building_id"])
    near, house = pairs[house >= 0], house[house >= 0]
    hazard = positions(near["hazard_id"], hazards["hazard_id"])
    depth = hazards["distance_m"].to_numpy()[hazard] - near["distance_m"].to_numpy()
    on_it = depth == 0
    depth[on_it] = _depth(known.geometry.to_numpy()[house[on_it]], hazards.geometry.to_numpy()[hazard[on_it]])
    each = pd.DataFrame(
        {
            "settlement_id": known["settlement_id"].to_numpy(dtype=object)[house],
            "rule_id": near["rule_id"].to_numpy(dtype=object),
            "house": house,
            "depth": depth,
            "doubtful": near["doubtful"].to_numpy(dtype=bool),
        }
    )
    each = each[each["depth"] > -MOST_M].groupby([*_KEY, "house"], sort=True, as_index=False).max()
    cells = each[_KEY].drop_duplicates(ignore_index=True)
    cell = each[_KEY].merge(cells.reset_index(names="cell"), on=_KEY, how="left")["cell"].to_numpy()
    metres = np.clip(np.floor(each["depth"].to_numpy()), -MOST_M, MOST_M).astype(np.int64)
    doubtful = each["doubtful"].to_numpy(dtype=bool)
    source = known["seen_by"].to_numpy(dtype=object)[each["house"]]

    def counts(chosen: NDArray[np.bool_]) -> Ints:
        """Return how many of the chosen lie so many whole metres within the zone, from -MOST_M on."""
        table = np.zeros((len(cells), 2 * MOST_M + 1), dtype=np.int64)
        np.add.at(table, (cell[chosen], metres[chosen] + MOST_M), 1)
        return table

    seen = {}
    for name in _SEEN_BY:
        sure = counts((source == name) & ~doubtful)
        inside, outside = sure[:, MOST_M:], sure[:, MOST_M - 1 :: -1]
        none = np.zeros((len(cells), 1), dtype=np.int64)
        seen[name] = _Seen(
            inside.sum(axis=1),
            np.hstack([none, inside[:, :-1].cumsum(axis=1)]),
            np.hstack([none, outside.cumsum(axis=1)]),
            counts((source == name) & doubtful)[:, MOST_M:].sum(axis=1),
        )
    return cells, seen


def _depth(houses: NDArray[np.object_], grounds: NDArray[np.object_]) -> Floats:
    """Return how far houses that touch a ground would have to move to leave it, roughly: as if they were discs."""
    centre = shapely.centroid(houses)
    to_edge = shapely.distance(centre, shapely.boundary(grounds))
    radius = np.sqrt(shapely.area(houses) / np.pi)
    depth: Floats = np.maximum(radius + np.where(shapely.intersects(grounds, centre), to_edge, -to_edge), 0.0)
    return depth


def _shifted(seen: _Seen, shift: Floats) -> Ints:
    """Return how many are in the zone if all lie farther in by `shift`, metres, shape (n, draws)."""
    metres = np.minimum(np.rint(np.abs(shift)), MOST_M).astype(np.int64)
    out, new = (np.take_along_axis(side, metres, axis=1) for side in (seen.inside, seen.outside))
    return np.asarray(seen.within[:, None] + np.where(shift < 0, -out, new), dtype=np.int64)
