"""Fits the weights by which settlements are given their kind, and writes them where the code reads them.

``python -m tests.benchmarks.fit_kinds FIRST LAST`` simulates the four cities with the seeds FIRST to LAST, and for
each seed one of them under each of `STRESSES`, reads them from files in the real formats, delineates, gathers the
evidence, and fits a ridge-penalised multinomial logistic regression without a constant. Every settlement is seen
several times: with all of its evidence and without parts of it (`VIEWS`), and in cities that are built, dated and
tagged otherwise than the simulator's (`varied`), so that no measure is trusted beyond what it can tell elsewhere.
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from pipeline.schema.vocabulary import TOLD_KINDS
from pipeline.transform.settlements.classification import KNOTS, SILENT, Weights, design
from pipeline.transform.settlements.evidence import gather
from tests.benchmarks import simulated

CITIES = ("bishkek", "osh", "almaty", "astana")
BUILDINGS = 8_000
STRESSES = (
    "legal_young", "no_new", "late=6", "larger", "young", "untagged", "no_rasters", "no_osm", "no_osm_buildings",
    "no_satellite", "larger,untagged,late=4,legal_young,recall=0.6,dependence=0.5",
)  # fmt: skip
PURE, LEAST = 0.7, 3
"""A settlement teaches if this share of so many buildings at least is of one kind."""
RIDGE = 1.0
TRUST = {"home_m2": 0.6, "plot_m2": 0.5, "services_ratio": 0.7}
"""Measures of style, whose weights are held down: houses and plots differ more between real cities than simulated."""
SAID = ("name_word", "map_tag", "listed")
STREETS = ("unpaved_share", "services_ratio")
VIEWS = ((), ("onset",), STREETS, (*STREETS, "plot_m2"), SAID, ("home_m2", "plot_m2"), ("listed",), (*STREETS, *SAID))
"""Measures that are hidden, each in turn."""
VARIED = 4
"""Cities made of each simulated one."""
WRITTEN = Path(__file__).parents[2] / "pipeline" / "transform" / "settlements" / "kind_weights.py"


def city(area_id: str, seed: int, stress: str = "") -> pd.DataFrame:
    """Return evidence and truth of the settlements that are found in one simulated city.

    The columns of `evidence.gather`, and kind (of most of its buildings), pure (their share), buildings, city.
    """
    made = simulated.city(area_id, seed, stress, BUILDINGS)
    found = simulated.settled(made)
    kind_of = made.settlements["kind"]
    settlement_of = made.buildings.set_index("building_id")["settlement_id"]
    told = found.truth.map(settlement_of).map(kind_of).to_numpy()
    votes = pd.crosstab(found.houses["settlement_id"].to_numpy(), told)
    votes = votes.reindex(found.places["settlement_id"]).fillna(0)
    return gather(found.places, found.houses, made.layers, found.onset, made.area.country).assign(
        kind=votes.idxmax(axis=1).to_numpy(),
        pure=(votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)).to_numpy(),
        buildings=votes.sum(axis=1).to_numpy(),
        city=f"{area_id} {seed} {stress}",
    )


def varied(evidence: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the evidence of a city as it would be where houses, plots, dates, names and tags are otherwise.

    Sizes of houses and plots are those of another city; legal districts and villages may be as young as new
    settlements; dates are some years off; tags and words of names are missing or those of another kind.
    """
    out = evidence.copy()
    count, kind = len(out), out["kind"].to_numpy()
    out["home_m2"] *= np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.1, count))
    out["plot_m2"] *= np.exp(rng.normal(0, 0.3) + rng.normal(0, 0.15, count))
    young = {"formal": rng.uniform(0, 0.7), "village": rng.uniform(0, 0.3), "dacha": rng.uniform(0, 0.3)}
    for name, share in young.items():
        chosen = (kind == name) & (rng.random(count) < share)
        out.loc[chosen, "onset"] = rng.uniform(1988, 2020, chosen.sum())
    out["onset"] += rng.normal(0, 3, count)
    unsure = rng.random(count) < rng.uniform(0, 0.3)
    out.loc[unsure, "unpaved_share"] = rng.random(count)[unsure]
    for measure in SAID:
        silent = rng.random(count) < rng.uniform(0, 1)
        out.loc[silent, measure] = None
    wrong = rng.random(count) < rng.uniform(0, 0.15)
    out.loc[wrong, "map_tag"] = rng.choice(np.array(["village", "quarter"], dtype=object), wrong.sum())
    return out


def fit(evidence: pd.DataFrame) -> Weights:
    """Return the weights that tell the `kind` of settlements from their evidence best, held towards 0."""
    taught = evidence[(evidence["pure"] >= PURE) & (evidence["buildings"] >= LEAST)]
    columns = [(measure, knot) for measure, knots in KNOTS.items() for knot in knots]
    trust = np.array([TRUST.get(measure, 1.0) * (column not in SILENT) for column in columns for measure in column[:1]])
    seen = [np.hstack([*design(hidden(taught, view)).values()]) * trust for view in VIEWS]
    model = LogisticRegression(C=RIDGE, fit_intercept=False, max_iter=5000)
    model.fit(np.vstack(seen), np.tile(taught["kind"].to_numpy(dtype=object), len(VIEWS)))
    found = dict(zip(model.classes_, model.coef_ * trust, strict=True))
    weights: Weights = {measure: {} for measure in KNOTS}
    for place, (measure, knot) in enumerate(columns):
        weights[measure][knot] = tuple(
            round(float(found[kind][place]), 2) + 0.0 if kind in found else 0.0 for kind in TOLD_KINDS
        )
    return weights


def hidden(evidence: pd.DataFrame, measures: tuple[str, ...]) -> pd.DataFrame:
    """Return the evidence without some measures."""
    return evidence.assign(**{measure: None if measure in SAID else np.nan for measure in measures})


def write(weights: Weights, seeds: range, settlements: int) -> None:
    """Write the weights as a module."""
    lines = [
        '"""Weights of the evidence for each kind of settlement, written by tests/benchmarks/fit_kinds.py."""',
        "",
        "from __future__ import annotations",
        "",
        "WEIGHTS: dict[str, dict[float | str, tuple[float, ...]]] = {",
        f"    # measure, knot: {', '.join(TOLD_KINDS)}",
    ]
    for measure, knots in weights.items():
        rows = [f"        {knot!r}: ({', '.join(f'{w:.2f}' for w in row)})," for knot, row in knots.items()]
        lines += [f'    "{measure}": {{', *rows, "    },"]
    lines += [
        "}",
        f'"""Fitted to {settlements} settlements of {", ".join(CITIES)}, seeds {seeds[0]} to {seeds[-1]}."""',
    ]
    WRITTEN.write_text("\n".join(lines).replace("'", '"') + "\n", encoding="utf-8")


def main(first: int, last: int) -> None:
    """Simulate, fit, write."""
    seeds = range(first, last + 1)
    wanted = [(area_id, seed, "") for seed in seeds for area_id in CITIES]
    turn = cycle(CITIES)
    wanted += [(next(turn), seed, stress) for seed in seeds for stress in STRESSES]
    made = [city(*one) for one in wanted]
    rng = np.random.default_rng(first)
    everywhere = [evidence for one in made for evidence in (one, *(varied(one, rng) for _ in range(VARIED)))]
    write(fit(pd.concat(everywhere, ignore_index=True)), seeds, sum(len(one) for one in made))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
