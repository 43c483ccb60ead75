"""Fabrics told apart: tracts between streets, joined where they are built alike."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.transform.buildings.building_use import HOUSE_MAX_M2
from pipeline.transform.settlements.neighbour_graph import components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.transform.settlements.morphology import Fabric
    from pipeline.transform.settlements.neighbour_graph import Edges, Floats, Labels, Mask, Points

SCALES = {"footprint": 0.2, "spread": 0.15, "spacing": 0.5, "sheds": 0.18}
"""How much two tracts of one settlement differ in each measure, apart from chance: the logarithms of footprint and
spacing, the spread of the former, sheds per building. Spacing says little: a settlement fills up from its middle, and
its outermost plots are built last."""
HEADING = 0.3
"""The same for the direction of walls where the two meet (see `difference`; 0.3 is about 4°)."""
MAIN_STREET = 1.2
"""What lies between tracts on either side of a secondary or tertiary road, which more often leads along a settlement
than through it; in the same units as `ALIKE`, as far as their links cross one."""
ALIKE = 2.0
"""Tracts that differ by less than this (root of the sum of squares, in `SCALES`) are of one settlement."""
ALIKE_WITHOUT_STREETS = 1.4
"""The same where the map has no street: the parts are cut anywhere through a fabric then, and are the more alike."""
SMALL = 10
"""A tract with fewer main buildings has no character of its own and joins the neighbour it has most links with."""

PIECE = 60
"""A tract of more buildings than this is no block between streets: it is halved until its parts can differ."""
GAP_M = 60.0
"""A link that leads this far over open land crosses a canal, a field or an unmapped street …"""
GAP_WITHOUT_STREETS_M = 40.0
"""… and this far from house to house (blocks of flats stand farther apart), where the map has no street."""
OFF_CENTRE = 0.6
"""A place farther from the middle of its region, as a share of the region's radius, does not stand in its midst."""
MOST_LOPSIDED = 0.85
"""Of the regions that are off centre, those come first that are nearly as much so as the worst of them."""
LEAST_RADIUS_M = 30.0
"""A few blocks of flats have no middle to speak of."""
MOST_SPACING_M = 45.0
"""The land of a lone house is no larger than a few plots."""


class Sums(NamedTuple):
    """Sums over the main buildings of a tract, from which its measures follow; they add up when tracts join.

    The same names are the columns of the arrays of `sums_of`, one row per tract.
    """

    mains: float
    """How many."""
    sheds: float
    size: float
    """Σ ln footprint."""
    size_2: float
    """Σ ln² footprint."""
    gap: float
    """Σ ln spacing."""
    land: float
    """Σ of each building's land, the square of its spacing; its moments follow."""
    land_x: float
    land_y: float
    land_square: float
    """Σ land · (x² + y²)."""


_MAINS = Sums._fields.index("mains")


class Contact(NamedTuple):
    """Links between buildings, of one tract or of two, how far their walls agree, and over what; all add up."""

    links: float
    agreement: float
    """Σ cos(4 · the angle between the walls of both), 0 for what has no direction."""
    crossing: float
    """How many lead over a secondary or tertiary road."""


NONE = Contact(0.0, 0.0, 0.0)


def contacts(
    heading: NDArray[np.complex128], label: Labels, links: Edges, over: Mask, count: int
) -> list[dict[int, Contact]]:
    """Return the contacts of each of `count` labels with each other one, and with itself.

    `over` tells which links lead over a secondary or tertiary road.
    """
    a, b = label[links].T
    held = (a >= 0) & (b >= 0)
    agreement = (heading[links[held, 0]] * heading[links[held, 1]].conj()).real
    code, pair = np.unique(np.minimum(a, b)[held] * count + np.maximum(a, b)[held], return_inverse=True)
    number, total, crossed = (np.bincount(pair, of, len(code)) for of in (None, agreement, over[held]))
    out: list[dict[int, Contact]] = [{} for _ in range(count)]
    for one, *sums in zip(code.tolist(), number.tolist(), total.tolist(), crossed.tolist(), strict=True):
        i, j = divmod(one, count)
        out[i][j] = out[j][i] = Contact(*sums)
    return out


def together(*several: Contact) -> Contact:
    """Return the sum of contacts."""
    return Contact(*(sum(values) for values in zip(*several, strict=True)))


def sums_of(fabric: Fabric, label: Labels, count: int) -> Floats:
    """Return the `Sums` of the buildings of each label, shape (count, number of sums)."""
    main = fabric.main & (label >= 0) & np.isfinite(fabric.spacing_m)
    sheds = ~fabric.main & (label >= 0)
    size = np.log(fabric.footprint_m2[main])
    spacing = np.clip(fabric.spacing_m[main], 1.0, MOST_SPACING_M)
    gap, land = np.log(np.maximum(fabric.spacing_m[main], 1.0)), spacing**2
    x, y = fabric.points[main].T

    columns = {
        "size": size,
        "size_2": size**2,
        "gap": gap,
        "land": land,
        "land_x": land * x,
        "land_y": land * y,
        "land_square": land * (x * x + y * y),
    }
    sums = {name: np.bincount(label[main], column, count) for name, column in columns.items()}
    sums |= {name: np.bincount(label[of], minlength=count) for name, of in (("mains", main), ("sheds", sheds))}
    return np.stack([sums[name] for name in Sums._fields], axis=1).astype(np.float64)


def difference(a: Sums, b: Sums, within: tuple[Contact, Contact], across: Contact) -> float:
    """Return how differently two tracts are built, in units of what tracts of one settlement differ by.

    Each difference is set against its scale and its standard error, so that small tracts are not parted by chance.

    Parameters
    ----------
    a, b
        The tracts.
    within
        Their contacts with themselves.
    across
        Their contact. Directions are compared where the two meet, as streets bend on their way through a settlement:
        neighbours across agree as well as those within. What they agree less by is the square of the difference of two
        means, as for the other measures.
    """
    total = 0.0
    for (x, var_x), (y, var_y), scale in zip(_measures(a), _measures(b), SCALES.values(), strict=True):
        total += (x - y) ** 2 / (scale**2 + var_x + var_y)
    square, variance = 0.0, 0.0
    for contact, times in ((within[0], 1), (within[1], 1), (across, -2)):
        mean = contact.agreement / max(contact.links, 1.0)
        square += times * mean
        variance += times**2 * max(1 - mean**2, 0.01) / (2 * max(contact.links, 1.0))
    total += max(square, 0.0) / (HEADING**2 + variance**0.5)
    total += MAIN_STREET**2 * across.crossing / max(across.links, 1.0)
    return float(np.sqrt(total))


def _measures(sums: Sums) -> list[tuple[float, float]]:
    """Return the measures of a tract, in the order of `SCALES`, each with the square of its standard error."""
    count = max(sums.mains, 1.0)
    mean = sums.size / count
    variance = max(sums.size_2 / count - mean**2, 0.01)
    return [
        (mean, variance / count),
        (variance**0.5, variance / (2 * count)),
        (sums.gap / count, 0.1 / count),
        (sums.sheds / (count + sums.sheds), 0.25 / count),
    ]


def off_centre(sums: Sums, place: Floats) -> float:
    """Return how far a place lies from the middle of a tract's land, as a share of the tract's radius.

    The radius is that of the disc whose land would be scattered as widely: the mean square of the distance from its
    middle is half the square of its radius.
    """
    land = max(sums.land, 1.0)
    x, y = sums.land_x / land, sums.land_y / land
    square = sums.land_square / land - (x * x + y * y)
    return float(np.hypot(place[0] - x, place[1] - y) / max(np.sqrt(max(2 * square, 0.0)), LEAST_RADIUS_M))


def join(  # noqa: PLR0913, PLR0917 - the parts of one city
    fabric: Fabric,
    tract: Labels,
    edges: Edges,
    over: Mask,
    place: Points,
    ground: Labels,
    *,
    streets: bool = True,
) -> Labels:
    """Join neighbouring tracts that are built alike, the most alike first, and small ones with a neighbour.

    A named place stands in the midst of its settlement. Where it does not, what made its region lopsided is taken back,
    and goes its own way.

    Parameters
    ----------
    fabric
        Measures of the buildings.
    tract
        Tract of each building, 0 to k - 1, or -1, shape (n,).
    edges
        Links between buildings, also across the streets that part tracts, shape (m, 2).
    over
        Which of them lead over a secondary or tertiary road, shape (m,).
    place
        Where the named place of a tract stands, metres; NaN: it holds none, shape (k, 2). Two
        tracts with a place are never joined.
    ground
        The ground that outlines a settlement on which a tract stands, -1: none, shape (k,). Such tracts take in
        nothing but small tracts from beyond it.
    streets
        Whether the map has streets, along which tracts are parted.

    Returns
    -------
    Labels
        Region of each tract, shape (k,): the number of its first tract.
    """
    count = len(place)
    sums = sums_of(fabric, tract, count)
    part = np.arange(count)
    closed = np.zeros(count, dtype=bool)
    while True:
        values = np.zeros_like(sums)
        np.add.at(values, part, sums)
        spot = np.full_like(place, np.nan)
        held = np.isfinite(place[:, 0])
        spot[part[held]] = place[held]
        label = np.where(tract >= 0, part[tract], -1) if count else tract
        links = contacts(fabric.heading, label, edges, over, count)
        of_part = np.full(count, -1, dtype=np.int64)
        np.maximum.at(of_part, part, ground)
        alike = ALIKE if streets else ALIKE_WITHOUT_STREETS
        regions = _Regions(values.copy(), np.isfinite(spot[:, 0]), closed.copy(), links, of_part, alike)
        regions.absorb_small()
        regions.join_alike()
        kept, cut = _central(regions.joins, values, spot, closed)
        if not cut.any():
            return regions.root[part]
        part = kept[part]
        closed[kept[cut]] = True


def _central(joins: list[tuple[int, int]], values: Floats, place: Points, closed: Mask) -> tuple[Labels, Mask]:
    """Take back the last joins of the regions in which a place stands least in the midst.

    Returns
    -------
    kept, cut
        The region of each tract without those joins (its first tract), and the tracts whose place was off centre.
    """
    sums, holder = values.copy(), np.where(np.isfinite(place[:, 0]) & ~closed, np.arange(len(place)), -1)
    late: dict[int, list[int]] = {}
    off: dict[int, float] = {}
    for number, (kept, gone) in enumerate(joins):
        sums[kept] += sums[gone]
        holder[kept] = max(holder[kept], holder[gone])
        if (held := int(holder[kept])) >= 0:
            late.setdefault(held, []).append(number)
            off[held] = off_centre(Sums(*sums[kept].tolist()), place[held])
            if off[held] <= OFF_CENTRE:
                late[held].clear()
    # Where places vie for the same houses, giving up those of the most lopsided region may set the others right.
    worst = max(off.values(), default=0.0)
    chosen = [held for held, share in off.items() if share > max(OFF_CENTRE, MOST_LOPSIDED * worst)]
    undone = np.zeros(len(joins), dtype=bool)
    undone[[number for held in chosen for number in late[held]]] = True
    label = components(len(place), np.array(joins, dtype=np.int64).reshape(-1, 2)[~undone])
    first = np.unique(label, return_index=True)[1]
    cut = np.zeros(len(place), dtype=bool)
    cut[chosen] = True
    return first[label], cut


class _Regions:
    """Regions that grow as tracts join; a region goes by the least number of its tracts.

    `seeded` ones hold a place, `closed` ones take in nothing but small tracts, `ground` outlines them; `joins` are kept
    in order.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of one city
        self, values: Floats, seeded: Mask, closed: Mask, links: list[dict[int, Contact]], ground: Labels, alike: float
    ) -> None:
        self.ground, self.alike = ground, alike
        self.values, self.seeded, self.closed, self.links = values, seeded, closed, links
        self.within = [links[i].pop(i, NONE) for i in range(len(links))]
        self.root = np.arange(len(values))
        self.version = [0] * len(values)
        self.joins: list[tuple[int, int]] = []

    def absorb_small(self) -> None:
        """Join each tract without character or name to the neighbour it has most links with, the smallest first."""
        counts = self.values[:, _MAINS].tolist()
        queue = [(count, i) for i, count in enumerate(counts) if count < SMALL and not self.seeded[i]]
        heapify(queue)
        while queue:
            count, i = heappop(queue)
            if self.root[i] != i or self.values[i, _MAINS] != count:
                continue
            if not self.links[i]:
                continue
            j = max(self.links[i], key=lambda other: (self.links[i][other].links, -other))
            kept = self._unite(i, j)
            if self.values[kept, _MAINS] < SMALL and not self.seeded[kept]:
                heappush(queue, (self.values[kept, _MAINS], kept))

    def join_alike(self) -> None:
        """Join the two most alike neighbours, again and again, until none are alike."""
        queue = [entry for i in range(len(self.root)) if self.root[i] == i for entry in self._pairs(i) if entry[1] == i]
        heapify(queue)
        while queue:
            _, i, j, stamp = heappop(queue)
            if stamp != (self.version[i], self.version[j]):
                continue
            for entry in self._pairs(self._unite(i, j)):
                heappush(queue, entry)

    def _pairs(self, i: int) -> list[tuple[float, int, int, tuple[int, int]]]:
        out = []
        for other in self.links[i]:
            if (self.seeded[i] and self.seeded[other]) or self.closed[i] or self.closed[other]:
                continue
            if self.ground[i] != self.ground[other]:
                continue
            a, b = min(i, other), max(i, other)
            own = Sums(*self.values[a].tolist()), Sums(*self.values[b].tolist())
            apart = difference(*own, (self.within[a], self.within[b]), self.links[a][b])
            if apart < self.alike:
                out.append((apart, a, b, (self.version[a], self.version[b])))
        return out

    def _unite(self, i: int, j: int) -> int:
        kept, gone = min(i, j), max(i, j)
        self.joins.append((kept, gone))
        self.values[kept] += self.values[gone]
        self.seeded[kept] |= self.seeded[gone]
        self.closed[kept] |= self.closed[gone]
        self.ground[kept] = max(self.ground[kept], self.ground[gone])
        self.root[self.root == gone] = kept
        self.within[kept] = together(self.within[kept], self.within[gone], self.links[kept].get(gone, NONE))
        for other, contact in self.links[gone].items():
            del self.links[other][gone]
            if other != kept:
                both = together(self.links[kept].get(other, NONE), contact)
                self.links[kept][other] = self.links[other][kept] = both
        self.links[gone] = {}
        self.version[kept] += 1
        self.version[gone] += 1
        return kept


def tracts(fabric: Fabric, edges: Edges, free: Mask, parcel: Labels, *, streets: bool = True) -> Labels:
    """Return the tract of each free building, -1 for the others.

    A tract is what stands on one parcel; beyond them, what links hold together that no street cuts; and where there
    are no streets for long, what a cut across its longer axis leaves, again and again, of at most `PIECE` buildings.
    """
    points, radius = fabric.points, np.sqrt(fabric.footprint_m2 / np.pi)
    inner = edges[free[edges].all(axis=1)]
    inner = inner[(parcel[inner] < 0).all(axis=1)]
    length = np.hypot(*(points[inner[:, 0]] - points[inner[:, 1]]).T)
    wide = streets | (fabric.footprint_m2[inner] > HOUSE_MAX_M2).any(axis=1)
    inner = inner[length - radius[inner].sum(axis=1) <= np.where(wide, GAP_M, GAP_WITHOUT_STREETS_M)]
    whole = components(len(points), inner)
    piece = _pieces(points, whole, free)
    found = components(len(points), inner[piece[inner[:, 0]] == piece[inner[:, 1]]])
    found = np.where(parcel >= 0, len(points) + parcel, found)
    _, number = np.unique(found[free], return_inverse=True)
    out = np.full(len(points), -1, dtype=np.int64)
    out[free] = number
    return out


def _pieces(points: Points, label: Labels, free: Mask) -> Labels:
    """Halve the buildings of each label across their longer axis until no part has more than `PIECE`."""
    piece = label.copy()
    count = len(label)
    order = np.flatnonzero(free)
    order = order[np.argsort(label[order], kind="stable")]
    queue = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    while queue:
        members = queue.pop()
        if len(members) <= PIECE:
            continue
        offset = points[members] - points[members].mean(axis=0)
        axis = np.linalg.eigh(offset.T @ offset)[1][:, 1]
        far = offset @ axis
        upper = far > np.median(far)
        if upper.all() or not upper.any():
            continue
        piece[members[upper]] = count
        count += 1
        queue += [members[upper], members[~upper]]
    return piece
