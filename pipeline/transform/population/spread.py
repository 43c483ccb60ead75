"""How the people of each place are spread over its homes: by floor area, with the noise of that split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from pipeline.schema.draws import KEPT, home_floor_m2, worth
from pipeline.transform.population.building_counts import REST
from pipeline.transform.population.places import REST_STREAM, stream_names
from pipeline.transform.population.priors import generator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.typing import NDArray

    Draws = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """The people of an area by place, and the floor area of their homes.

    Attributes
    ----------
    area_id, seed
        Name the random streams, with the place.
    homes
        building_id, place (REST: in no settlement), floor_m2 and first_seen_year of the buildings in which people may
        live.
    people
        Residents of each place in every kept draw, shape (draws,).
    streams
        Names of the places' random streams.
    """

    area_id: str
    seed: int
    homes: pd.DataFrame
    people: Mapping[str, NDArray[np.int32]]
    streams: Mapping[str, str]
    _whole: Mapping[str, tuple[float, float]]

    @classmethod
    def of(
        cls, area_id: str, buildings: pd.DataFrame, settlements: pd.DataFrame, draws: pd.DataFrame, *, seed: int
    ) -> Self:
        """Spread the draws of the table `population_draws` over buildings."""
        homes = _homes(buildings)
        residents = draws[draws["quantity"] == "residents"]
        people = dict(zip(residents["settlement_id"].fillna(REST), residents["draws"], strict=True))
        streams = dict(zip(settlements["settlement_id"].astype(str), stream_names(settlements), strict=True))
        floor = homes.assign(square=homes["floor_m2"] ** 2).groupby("place")[["floor_m2", "square"]].sum()
        whole = {str(place): (float(m2), float(square)) for place, m2, square in floor.itertuples(name=None)}
        return cls(area_id, seed, homes, people, streams, whole)

    def within(self, place: str, floor_m2: float) -> Draws:
        """Return draws of the share of a place's people whose homes have so much of its floor area.

        A Beta distribution, see `schema.draws.inside`; one random number per place and draw, so that a larger part
        never holds fewer people.
        """
        whole, square = self._whole[place]
        share = min(floor_m2 / whole, 1.0)
        if share in {0.0, 1.0}:
            return np.full(KEPT, share)
        total = worth(whole**2 / square)
        uniform = self._stream(place, "exposure").random(KEPT)
        return np.asarray(special.betaincinv(share * total, (1 - share) * total, uniform))

    def standing(self, place: str, part: str, floor_m2: Draws) -> Draws:
        """Return draws of the share of a part's people whose homes stood by the end of each period.

        Parameters
        ----------
        place, part
            The place, and a name of the part of it.
        floor_m2
            Floor area of the part's homes by the period in which they came, shape (periods,).

        Returns
        -------
        numpy.ndarray
            Shape (periods, draws): a Dirichlet distribution added up, whose marginals are the Beta distributions of
            `within`, and which never falls.
        """
        whole, square = self._whole[place]
        shape = worth(whole**2 / square) * floor_m2 / whole
        came = self._stream(place, "since", part).standard_gamma(shape, (KEPT, len(floor_m2))).T
        added = np.cumsum(came, axis=0)
        return np.asarray(added / np.maximum(added[-1], np.finfo(float).tiny))

    def _stream(self, place: str, *names: str) -> np.random.Generator:
        first, *others = names
        return generator(self.seed, self.area_id, first, self.streams.get(place, REST_STREAM), *others)


def _homes(buildings: pd.DataFrame) -> pd.DataFrame:
    """Return the buildings in which people may live, with their floor area and the place that they belong to."""
    floor = home_floor_m2(
        buildings["kind"].to_numpy(dtype=str),
        buildings["footprint_m2"].to_numpy(dtype=float),
        buildings["levels"].to_numpy(dtype=float),
    )
    homes = pd.DataFrame(
        {
            "building_id": buildings["building_id"],
            "place": buildings["settlement_id"].fillna(REST).astype(str),
            "floor_m2": floor,
            "first_seen_year": buildings["first_seen_year"].astype("Float64"),
        }
    )
    return homes[homes["floor_m2"] > 0]
