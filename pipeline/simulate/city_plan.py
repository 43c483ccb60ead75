"""The plan of a city: a bent mesh of main roads, railways, rivers and canals, and the land of every place in its cells.

Cells of the mesh are convex; each is divided again and again by straight cuts until every place has land of the size
that it asked for. Along a cut runs a road, a canal, a railway, a strip of fields, or nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.geometry import convex
from pipeline.simulate.rng import varied

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry.convex import Array
    from pipeline.simulate.frame import Frame
    from pipeline.simulate.settlement_plan import Tract

_LEAST_LEFT = 0.5
"""Share of the land that the smaller side of a cut needs which must be left to it."""
_WIDTH = {
    "river": 110.0, "canal": 26.0, "railway": 44.0, "trunk": 56.0, "primary": 44.0, "secondary": 30.0, "tertiary": 20.0,
    "street": 12.0, "fields": 150.0, "fence": 1.0,
}  # fmt: skip
"""Width (m) of the strip that a barrier takes, with its verges."""

_CUTS = {
    "primary": 0.14, "secondary": 0.12, "canal": 0.2, "railway": 0.05, "fields": 0.0, "tertiary": 0.16,
    "street": 0.24, "fence": 0.09,
}  # fmt: skip
"""What separates neighbours within a cell, and how often; each city has its own shares around these, and of fields."""

_TOGETHER = 0.3
"""How much nearer (in city radii) a cell seems that others have settled in: cities grow in clusters."""

_LARGE_M2 = 1e6
"""Tracts from this size on choose their cells first."""

_USABLE = 0.8
"""Share of a cell that places may ask for; the rest goes into cuts and fields."""


@dataclass(frozen=True)
class Barrier:
    """A line of the plan: what it is, and its vertices, shape (n, 2), metres."""

    kind: str
    line: Array


@dataclass
class Plan:
    """Land of every place by its key, the lines between, and the land that nobody asked for."""

    land: dict[str, Array] = field(default_factory=dict)
    barriers: list[Barrier] = field(default_factory=list)
    fields: list[Array] = field(default_factory=list)
    neighbours: dict[str, str] = field(default_factory=dict)
    """What separates a place from the one cut off beside it, for places whose last cut was their own."""
    centre: Array = field(default_factory=lambda: np.zeros(2))
    cuts: list[float] = field(default_factory=lambda: list(_CUTS.values()))
    """The city's own shares of `_CUTS`."""
    shortfall: int = 0
    """Tracts that found no cell."""


@dataclass(frozen=True)
class Reserved:
    """Ground that no place may take: a turned rectangle, such as an airport's."""

    centre: Array
    half_length: float
    half_width: float
    angle: float

    @property
    def polygon(self) -> Array:
        """Its corners, anticlockwise."""
        along = np.array([np.cos(self.angle), np.sin(self.angle)])
        across = np.array([-along[1], along[0]])
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return np.array([self.centre + a * self.half_length * along + b * self.half_width * across for a, b in signs])


class Mesh:
    """The mesh of main lines: vertices, the kinds of its edges, and the land between them."""

    def __init__(self, frame: Frame, centre: Array, size: float, turn: float, rng: np.random.Generator) -> None:
        """Lay the mesh over the frame's extent and two cells beyond."""
        west, south, east, north = frame.extent
        self.extent = np.array(frame.extent)
        reach = np.hypot(max(east - centre[0], centre[0] - west), max(north - centre[1], centre[1] - south))
        self.half = int(np.ceil(reach / size)) + 2
        steps = (np.arange(2 * self.half + 1) - self.half) * size
        grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1)
        grid += rng.uniform(-0.13, 0.13, grid.shape) * size
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        self.vertices: Array = grid @ rotation + centre
        count = 2 * self.half + 1
        self.columns = self._line_kinds(count, rng, ("river", "canal"))
        self.rows = self._line_kinds(count, rng, ("railway", "canal"))
        self.ring = int(rng.integers(2, 4))

    def _line_kinds(self, count: int, rng: np.random.Generator, special: tuple[str, str]) -> list[str]:
        """Draw what each line of one direction is: the middle one a main road, a river or railway and a canal near."""
        kinds = [str(kind) for kind in rng.choice(["secondary", "tertiary", "tertiary"], count)]
        middle = self.half
        kinds[middle] = "primary"
        for step in range(5, count, 5):
            for k in (middle - step, middle + step):
                if 0 <= k < count:
                    kinds[k] = "trunk"
        side = int(rng.choice([-1, 1]))
        for base in range(0, count, 9):
            for k, kind in ((middle + side * (1 + base), special[0]), (middle - side * (2 + base), special[1])):
                if 0 <= k < count and kinds[k] != "trunk":
                    kinds[k] = kind
        return kinds

    def edge_kind(self, column: bool, k: int, i: int) -> str:  # noqa: FBT001 - which of two directions
        """Return what the i-th edge of the k-th column (or row) line is; the ring road wins over smaller roads."""
        kind = self.columns[k] if column else self.rows[k]
        on_ring = abs(k - self.half) == self.ring and -self.ring <= i - self.half < self.ring
        return "trunk" if on_ring and kind in {"secondary", "tertiary", "primary"} else kind

    def cell(self, i: int, j: int) -> Array:
        """Return the land of a cell within the extent, freed of the strips along its edges."""
        v = self.vertices
        quad = np.array([v[i, j], v[i + 1, j], v[i + 1, j + 1], v[i, j + 1]])
        kinds = (
            self.edge_kind(column=False, k=j, i=i),
            self.edge_kind(column=True, k=i + 1, i=j),
            self.edge_kind(column=False, k=j + 1, i=i),
            self.edge_kind(column=True, k=i, i=j),
        )
        land = convex.inset(quad, np.array([_WIDTH[kind] / 2 for kind in kinds]))
        west, south, east, north = self.extent
        for normal, limit in (((1, 0), west), ((-1, 0), -east), ((0, 1), south), ((0, -1), -north)):
            if len(land):
                land = convex.clip(land, np.array(normal, dtype=float), limit + 25.0)
        return land

    def lines(self, used: set[tuple[int, int]]) -> list[Barrier]:
        """Return the main lines as chains of edges; minor roads only where a cell beside them is used."""
        found: list[Barrier] = []
        count = 2 * self.half + 1
        for column in (True, False):
            for k in range(count):
                chain: list[Array] = []
                chain_kind = ""
                for i in range(count - 1):
                    kind = self.edge_kind(column, k, i)
                    cells = {(k, i), (k - 1, i)} if column else {(i, k), (i, k - 1)}
                    if kind in {"secondary", "tertiary"} and not cells & used:
                        kind = ""
                    if kind != chain_kind:
                        self._close(chain, chain_kind, found)
                        chain, chain_kind = [self._vertex(column, k, i)], kind
                    chain.append(self._vertex(column, k, i + 1))
                self._close(chain, chain_kind, found)
        return found

    def _vertex(self, column: bool, k: int, i: int) -> Array:  # noqa: FBT001
        vertex: Array = self.vertices[k, i] if column else self.vertices[i, k]
        return vertex

    @staticmethod
    def _close(chain: list[Array], kind: str, found: list[Barrier]) -> None:
        if kind and len(chain) >= 2:
            found.append(Barrier(kind, np.array(chain)))


def capacity_m2(frame: Frame) -> float:
    """Return about how much land the places of a city may ask for within a frame."""
    west, south, east, north = frame.extent
    return (east - west) * (north - south) * 0.62 * _USABLE


def plan(
    mesh: Mesh,
    tracts: list[Tract],
    hints: list[Array | None],
    reserved: list[Reserved],
    luck: tuple[float, np.random.Generator],
) -> Plan:
    """Give every tract a cell and every place its land.

    Parameters
    ----------
    mesh
        The main lines.
    tracts
        What must be placed; hinted ones first, in their order, then from the centre outwards.
    hints
        For each tract where it should stand (metres), or None.
    reserved
        Ground that no cell in use may touch.
    luck
        How often fields part neighbours, and the plan's random stream.
    """
    fields, rng = luck
    cells = _free_cells(mesh, reserved)
    centre = mesh.vertices[mesh.half, mesh.half]
    ids = sorted(cells)
    middles = np.array([convex.centroid(cells[c]) for c in ids])
    room = np.array([convex.area(cells[c]) for c in ids]) * _USABLE
    at_edge = np.array([_touches(cells[c], mesh.extent) for c in ids])
    contents: dict[tuple[int, int], list[int]] = {}
    used = np.zeros(len(ids), dtype=bool)
    made = Plan(centre=centre, cuts=_own_cuts(fields, rng))

    def settle(tract: int, cost: Array) -> None:
        need = tracts[tract].area_m2
        cost = np.where((room >= need) & (at_edge | (not tracts[tract].at_edge)), cost, np.inf)
        best = int(np.argmin(cost))
        if not np.isfinite(cost[best]):
            made.shortfall += 1
            return
        room[best] -= need
        used[best] = True
        contents.setdefault(ids[best], []).append(tract)

    hinted = [t for t, hint in enumerate(hints) if hint is not None]
    for t in hinted:
        settle(t, np.hypot(*(middles - hints[t]).T))
    free = [t for t in range(len(tracts)) if hints[t] is None]
    radius = np.sqrt(sum(tract.area_m2 for tract in tracts) / 0.7 / np.pi) + 800
    distance = np.hypot(*(middles - centre).T)
    for t in sorted(free, key=lambda t: (not tracts[t].at_edge, tracts[t].area_m2 < _LARGE_M2, tracts[t].centrality)):
        jitter = rng.uniform(-0.12, 0.12, len(ids)) if len(ids) < 20_000 else 0.0
        settle(t, np.abs(distance / radius - tracts[t].centrality + jitter) - _TOGETHER * used)
    for cell in sorted(contents):
        here = contents[cell]
        toward = next((hint for t in here if (hint := hints[t]) is not None), centre)
        _divide_cell(cells[cell], [tracts[t] for t in here], (mesh.extent, toward), made, rng)
    made.barriers.extend(mesh.lines(set(contents)))
    return made


def _own_cuts(fields: float, rng: np.random.Generator) -> list[float]:
    """Return a city's shares of `_CUTS`, those of fields as given."""
    others = varied(rng, list(_CUTS.values()))
    return [fields if kind == "fields" else share * (1 - fields) for kind, share in zip(_CUTS, others, strict=True)]


def _free_cells(mesh: Mesh, reserved: list[Reserved]) -> dict[tuple[int, int], Array]:
    """Return the cells within the extent that are large enough and touch no reserved ground."""
    found = {}
    span = mesh.vertices[1:, 1:] - mesh.vertices[:-1, :-1]
    full = float(np.median(np.abs(span).sum(axis=-1)) / 2) ** 2
    for i in range(2 * mesh.half):
        for j in range(2 * mesh.half):
            land = mesh.cell(i, j)
            if convex.area(land) > 0.3 * full and not any(_meet(land, ground.polygon) for ground in reserved):
                found[i, j] = land
    return found


def _meet(a: Array, b: Array) -> bool:
    """Return whether two convex polygons overlap."""
    for normal, offset in zip(*convex.edges(a), strict=True):
        if len(b) == 0:
            return False
        b = convex.clip(b, normal, float(offset))
    return convex.area(b) > 0


def _touches(land: Array, extent: NDArray[np.float64]) -> bool:
    """Return whether a cell reaches the edge of the extent."""
    west, south, east, north = extent
    low, high = land.min(axis=0), land.max(axis=0)
    return bool(low[0] < west + 60 or low[1] < south + 60 or high[0] > east - 60 or high[1] > north - 60)


def _divide_cell(
    land: Array, tracts: list[Tract], around: tuple[Array, Array], made: Plan, rng: np.random.Generator
) -> None:
    """Divide a cell among its tracts, close to a hinted point or the centre; what is left stays fields.

    `around` is the extent of the area and that point.
    """
    extent, toward = around
    items = [(place.key, place.area_m2 * 1.06) for tract in tracts for place in tract.places]
    if tracts[0].at_edge:
        normal, offset = convex.cut(land, _inwards(land, extent), items[0][1] / convex.area(land))
        made.land[items[0][0]] = convex.clip(land, -normal, -offset)
        land, items = convex.clip(land, normal, offset + _WIDTH["fields"]), items[1:]
    if items:
        _divide(_shaved(land, sum(size for _, size in items) * 1.12, toward, made), items, made, rng)


def _shaved(land: Array, wanted_m2: float, toward: Array, made: Plan) -> Array:
    """Cut fields off a cell across its longer side, far from a point, until about the wanted area is left."""
    while convex.area(land) > 1.08 * wanted_m2:
        share = min(1 - wanted_m2 / convex.area(land), 0.5)
        direction = _across(land)
        if (toward - convex.centroid(land)) @ np.array([np.cos(direction), np.sin(direction)]) < 0:
            direction += np.pi
        normal, offset = convex.cut(land, direction, share)
        made.fields.append(convex.clip(land, -normal, -offset))
        land = convex.clip(land, normal, offset)
    return land


def _across(land: Array) -> float:
    """Return the direction (rad) along or across its longest edge in which a polygon is longer: cuts go across it."""
    along = convex.long_axis(land)
    axes = along, along + np.pi / 2
    spans = [float(np.ptp(land @ np.array([np.cos(axis), np.sin(axis)]))) for axis in axes]
    return axes[int(np.argmax(spans))]


def _inwards(land: Array, extent: Array) -> float:
    """Return the direction (rad) from the nearest edge of the extent into a cell."""
    west, south, east, north = extent
    gaps = (land[:, 0].min() - west, land[:, 1].min() - south, east - land[:, 0].max(), north - land[:, 1].max())
    return (0.0, np.pi / 2, np.pi, -np.pi / 2)[int(np.argmin(gaps))]


def _divide(land: Array, items: list[tuple[str, float]], made: Plan, rng: np.random.Generator) -> None:
    """Divide land among items (key, area) by cuts."""
    stack = [(land, items)]
    while stack:
        land, items = stack.pop()
        if len(items) == 1:
            made.land[items[0][0]] = land
            continue
        sizes = np.array([size for _, size in items])
        k = int(np.argmin(np.abs(np.cumsum(sizes)[:-1] - sizes.sum() / 2))) + 1
        normal, offset = convex.cut(land, _across(land) + rng.normal(0, 0.06), float(sizes[:k].sum() / sizes.sum()))
        line = convex.chord(land, normal, offset)
        length = float(np.hypot(*(line[1] - line[0]))) if len(line) else 0.0
        kind = _draw_cut(made.cuts, (convex.area(land) - float(sizes.sum())) / 2, length, rng)
        least = _LEAST_LEFT * min(sizes[:k].sum(), sizes[k:].sum())
        if min(convex.area(side) for side in _sides(land, normal, offset, kind)) < least:
            kind = "fence"  # a wide strip would take the whole of the smaller side
        if len(line):
            made.barriers.append(Barrier(kind, line))
        for (key, _), (other, _) in ((items[k - 1], items[k]), (items[k], items[k - 1])):
            made.neighbours[key] = f"{kind}:{other}"
        before, behind = _sides(land, normal, offset, kind)
        stack.append((behind, items[k:]))
        stack.append((before, items[:k]))


def _sides(land: Array, normal: Array, offset: float, kind: str) -> tuple[Array, Array]:
    """Return what a strip of a kind along the line ``normal · p = offset`` leaves of land before and behind it."""
    half = _WIDTH[kind] / 2
    return convex.clip(land, -normal, half - offset), convex.clip(land, normal, offset + half)


def _draw_cut(shares: list[float], spare_m2: float, length: float, rng: np.random.Generator) -> str:
    """Draw what runs along a cut; where its strip would take more land than can be spared, something narrower."""
    drawn = str(rng.choice(list(_CUTS), p=shares))
    return next(
        (kind for kind in (drawn, "secondary", "tertiary", "street") if _WIDTH[kind] * length < spare_m2), "fence"
    )
