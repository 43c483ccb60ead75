"""The page as a file: self-contained, deterministic, and with nothing of the data in its scripts."""

from __future__ import annotations

import html
import json
import re
import zlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pydantic import ValidationError
from pyproj import CRS, Transformer

from pipeline.base.resources import resource
from pipeline.config import Basemap
from pipeline.declared import catalogue
from pipeline.load.planner_map import map_page, payload_hazards, tiles, whatif, without_script
from pipeline.load.planner_map.folium_layers import LAYERS
from pipeline.load.planner_map.page_projection import DEGREE, polynomial
from pipeline.load.planner_map.payload import homes_in_zones, page_data
from pipeline.load.planner_map.payload_growth import one_product
from pipeline.schema.draws import KEPT
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.transform.red_zones import rules_table
from pipeline.wording.texts import load
from tests.load import sample_tables

_TOP = Path(__file__).parents[2]
_CLIENT = _TOP / "maps" / "client" / "src"


@pytest.fixture(scope="module")
def sample() -> sample_tables.Sample:
    return sample_tables.make(800)


@pytest.fixture(scope="module")
def page(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> map_page.Page:
    return _build(sample, tmp_path_factory.mktemp("map"))


def _build(sample: sample_tables.Sample, folder: Path) -> map_page.Page:
    archive = folder / "bishkek.pmtiles"
    tiles.build(sample.tables, sample.zones, sample.context, archive)
    return map_page.build(sample.tables, archive, folder)


def test_two_builds_give_the_same_bytes(sample: sample_tables.Sample, page: map_page.Page, tmp_path: Path) -> None:
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in sample.tables.items()}
    context = {name: layer.sample(frac=1, random_state=4) for name, layer in sample.context.items()}
    zones = sample.zones.sample(frac=1, random_state=5)
    again = _build(sample_tables.Sample(shuffled, context, zones, sample.projected), tmp_path)
    for first, second in zip(
        (page.index, page.served, page.tiles, page.whatif),
        (again.index, again.served, again.tiles, again.whatif),
        strict=True,
    ):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_nothing_is_loaded_from_elsewhere(page: map_page.Page) -> None:
    text = page.index.read_text(encoding="utf-8")
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*", markup) == []
    assert "connect-src 'none'" in text
    assert "connect-src 'self'" in page.served.read_text(encoding="utf-8")


def test_the_notices_of_all_bundled_libraries_travel_along(page: map_page.Page) -> None:
    told = (
        (_TOP / "NOTICE").read_text(encoding="utf-8").split("Parts of these libraries are in every page of a map:")[1]
    )
    packages = json.loads((_CLIENT.parent / "package.json").read_text(encoding="utf-8"))["dependencies"]
    for name in packages.keys() - {"esbuild"}:  # which bundles the others
        assert f"\n{name} " in told
    for entry in (page.index, page.served):
        assert told.strip().replace("*/", "* /") in entry.read_text(encoding="utf-8")
    title = r"^(?:@[\w-]+/)?[\w-]+ [\d.]+ \((?:ISC|MIT|BSD-[23]-Clause|Unlicense)\)$"
    texts = re.split(title, told, flags=re.MULTILINE)[1:]
    assert len(texts) >= len(packages)
    assert all(re.search(r"warrant", text, re.IGNORECASE) for text in texts), "a licence without its text"


def test_only_a_configured_basemap_opens_the_policy(sample: sample_tables.Sample, tmp_path: Path) -> None:
    archive = tmp_path / "tiles.pmtiles"
    tiles.build(sample.tables, sample.zones, sample.context, archive)
    basemap = Basemap(url="https://tile.example.org/a/{z}/{x}/{y}.png", attribution="© Example")
    text = map_page.build(sample.tables, archive, tmp_path / "out", basemap=basemap).index.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert html.unescape(policy[1]).split("; ")[3] == "img-src data: https://tile.example.org"
    assert "connect-src 'none'" in html.unescape(policy[1])


@pytest.mark.parametrize(
    "url",
    [
        "http://a.org/{z}/{x}/{y}",
        "https://a.org/{z}/{x}",
        "https://{s}.a.org/{z}/{x}/{y}",
        "https://a.org/{z}/{x}/{y}'; x",
        "https://a.org;script-src/{z}/{x}/{y}",
    ],
)
def test_a_basemap_that_could_widen_the_policy_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Basemap(url=url, attribution="x")


def test_sources_link_to_their_homes_and_names_to_the_literature(sample: sample_tables.Sample) -> None:
    data = page_data(sample.tables)
    assert {source["home"] for source in data["sources"] if source["dataset"] == "osm"} == {
        "https://www.openstreetmap.org/copyright"
    }
    assert {"Ak Jar", "Ak-Zhar", "Ак-Жар"} <= set(data["settlements"][0]["otherNames"])
    assert data["settlements"][1]["otherNames"] == []


def test_folium_gets_all_layers_and_only_fixed_keys(page: map_page.Page) -> None:
    calls = page.index.read_text(encoding="utf-8").rsplit("<script>", 1)[1]
    assert re.findall(r'novostroiki\.layer\("(\w+)"\)', calls) == list(LAYERS)
    assert calls.count(".addTo(") == len(LAYERS)
    state = (_CLIENT / "state.ts").read_text(encoding="utf-8")
    declared = re.search(r"LAYERS = \[(.*?)\]", state)
    assert declared is not None
    assert re.findall(r'"(\w+)"', declared[1]) == list(LAYERS)


def test_large_tiles_stay_outside(sample: sample_tables.Sample, tmp_path: Path) -> None:
    archive = tmp_path / "tiles.pmtiles"
    tiles.build(sample.tables, sample.zones, sample.context, archive)
    files = map_page.build(sample.tables, archive, tmp_path / "out", embed_limit=10)
    assert not files.embedded
    assert 'id="novostroiki-tiles"' not in files.index.read_text(encoding="utf-8")
    assert files.tiles.read_bytes() == archive.read_bytes()


def test_growth_never_mixes_products(sample: sample_tables.Sample) -> None:
    built_up = sample.tables["settlement_built_up"]
    other = built_up.iloc[:5].assign(product="aaa")
    series = one_product(pd.concat([other, built_up]))
    assert series is not None
    assert set(series["product"]) == {"ghs_built_s"}
    assert one_product(built_up.iloc[:0]) is None


def test_homes_in_zones_are_counted_once(sample: sample_tables.Sample) -> None:
    counted = homes_in_zones(sample.tables)
    sizes = sample.tables["settlements"].set_index("settlement_id")["homes"]
    assert (counted <= sizes[counted.index]).all()
    assert counted.sum() > 0


def test_what_the_inputs_lack_and_what_rules_are_about_can_be_said_in_any_language() -> None:
    """Every condition of the catalogue comes in parts with four names; an input that is not given has its words."""
    zones = catalogue.default().red_zones
    hazards = pd.DataFrame(
        [{"hazard_class": name, "rule_id": zone.rule_id(rule)} for name, zone in zones.items() for rule in zone.rules]
    )
    for rule in payload_hazards.rules({"hazards": hazards, "red_zone_rules": rules_table(zones)}):
        if (parts := rule["condition"]) is not None:
            for names in (parts["objects"], *(each["names"] for each in parts["ranges"])):
                assert not names or set(names) == {"en", "ru", "ky", "kk"}, rule["id"]


def test_a_condition_that_the_catalogue_does_not_know_is_called_what_it_is(sample: sample_tables.Sample) -> None:
    rules = sample.tables["red_zone_rules"]
    edited = rules.assign(condition='{"tags": [{"gauge": ["1520"]}], "ranges": {"straw_kg": [null, 5]}}')
    found = payload_hazards.rules(sample.tables | {"red_zone_rules": edited})
    assert [rule["condition"] for rule in found] == [
        {
            "objects": {"any": "gauge=1520"},
            "ranges": [{"names": {"any": "straw_kg"}, "low": None, "high": 5}],
            "orUnknown": False,
        }
    ] * len(found)


def _sections(sample: sample_tables.Sample) -> dict[str, np.ndarray]:
    """Return the numbers of every section of the page's file."""
    rules = [rule["id"] for rule in page_data(sample.tables)["rules"]]
    data, sections = whatif.encode(sample.tables, rules, sample.projected)
    planes = {s.key: np.frombuffer(zlib.decompress(data[s.offset : s.offset + s.length]), np.uint8) for s in sections}
    return {key: plane.reshape(4, -1).T.copy().view("<i4").ravel() for key, plane in planes.items()}


def test_edges_keep_their_place_and_straight_lines_stay_straight(sample: sample_tables.Sample) -> None:
    sections = _sections(sample)
    hazards = sample.tables["hazards"].to_crs(sample.projected).set_index("hazard_class").geometry
    for name, edge in hazards.items():
        values = sections[f"edge/{name}"]
        assert values[:2].tolist() == [1, 1]
        count = abs(values[2])
        assert (values[2] < 0) == (edge.geom_type == "Polygon")
        lonlat = np.cumsum(values[3:].reshape(2, count), axis=1) / 1e7
        points = gpd.GeoSeries(gpd.points_from_xy(*lonlat), crs="EPSG:4326").to_crs(sample.projected).to_numpy()
        line = edge.exterior if edge.geom_type == "Polygon" else edge
        assert shapely.distance(points, line).max() < 0.1
        assert shapely.hausdorff_distance(shapely.LineString(points), line) < 0.1
        assert np.hypot(*np.diff(shapely.get_coordinates(points), axis=0).T).max() <= 1_000.1


def test_parts_and_holes_stay_with_their_hazard() -> None:
    """Two hazards of a class: a line, and two patches of land of which one has a hole."""
    holed = shapely.box(0, 0, 900, 900).difference(shapely.box(300, 300, 600, 600))
    shapes = [
        shapely.MultiPolygon([holed, shapely.box(2000, 0, 2500, 500)]),
        shapely.LineString([(0, 2000), (900, 2000)]),
    ]
    full = sample_tables.make(200)
    hazards = full.tables["hazards"].iloc[:2]
    placed = gpd.GeoSeries(shapes, crs=full.projected, index=hazards.index).to_crs("EPSG:4326")
    two = hazards.assign(hazard_class="pipe", hazard_id=["pipe/1", "pipe/2"], geometry=placed)
    values = _sections(sample_tables.Sample(full.tables | {"hazards": two}, full.context, full.zones, full.projected))[
        "edge/pipe"
    ]
    assert values[:3].tolist() == [2, 3, 1]
    assert values[3:7].tolist() == [-5, -5, -5, 2]


def test_points_are_those_of_the_tables(sample: sample_tables.Sample) -> None:
    buildings = whatif.numbered(sample.tables["buildings"])
    lon, lat = np.cumsum(_sections(sample)["points"].reshape(2, -1), axis=1) / 1e7
    assert (lon == buildings["lon"].round(7)).all()
    assert (lat == buildings["lat"].round(7)).all()


def test_rules_reach_the_buildings_that_the_tables_say(sample: sample_tables.Sample) -> None:
    tables = sample.tables
    rules = tables["red_zone_rules"].assign(distance_m=lambda frame: frame["distance_m"] * 0.77)
    changed = sample_tables.Sample(tables | {"red_zone_rules": rules}, sample.context, sample.zones, sample.projected)
    ids = [rule["id"] for rule in page_data(changed.tables)["rules"]]
    words = _sections(changed)["rules"].reshape(len(ids), -1)
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
    buildings = whatif.numbered(tables["buildings"])["building_id"]
    pairs = tables["building_hazards"].merge(rules[["rule_id", "distance_m"]], on="rule_id", suffixes=("", "_limit"))
    near = pairs[pairs["distance_m"] <= pairs["distance_m_limit"]]
    for rule_id, row in zip(ids, bits, strict=True):
        found = set(buildings[row[: len(buildings)].astype(bool)])
        assert found == set(near.loc[near["rule_id"] == rule_id, "building_id"]), rule_id
    assert bits.any()


def test_draws_are_those_of_the_table(sample: sample_tables.Sample) -> None:
    values = _sections(sample)["draws"]
    ids = sample.tables["settlements"]["settlement_id"].sort_values().tolist()
    assert values[0] == len(ids) + 1
    table = values[1:].reshape(len(whatif.PEOPLE), len(ids) + 1, KEPT)
    draws = sample.tables["population_draws"].set_index(["settlement_id", "quantity"])["draws"]
    for number, settlement_id in enumerate(ids):
        for quantity, drawn in zip(whatif.PEOPLE, table, strict=True):
            assert drawn[number].tolist() == list(draws[settlement_id, quantity])
    assert (table[:, -1] == -1).all(), "the made-up city tells nothing of the houses in no settlement"


@pytest.mark.parametrize(
    ("bbox", "crs"),
    [
        ((71.15, 50.95, 71.8, 51.33), "+proj=tmerc +lat_0=51.14 +lon_0=71.475 +k=1 +datum=WGS84"),
        ((76.5, 43.0, 77.3, 43.6), "EPSG:32643"),
        ((-70.8, -33.7, -70.4, -33.3), "EPSG:32719"),
    ],
)
def test_the_page_projects_as_the_tables_do(bbox: tuple[float, ...], crs: str) -> None:
    fit = polynomial(bbox, CRS(crs), 4_000.0)
    box = fit["box"]
    u, v = np.random.default_rng(1).uniform(-1, 1, (2, 2_000))
    lon, lat = (box[0] + box[2]) / 2 + u * (box[2] - box[0]) / 2, (box[1] + box[3]) / 2 + v * (box[3] - box[1]) / 2
    powers_u, powers_v = (np.polynomial.chebyshev.chebvander(value, DEGREE) for value in (u, v))
    terms = np.column_stack([powers_u[:, i] * powers_v[:, j] for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)])
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    assert np.abs(terms @ fit["x"] - x).max() < 0.001
    assert np.abs(terms @ fit["y"] - y).max() < 0.001


def test_acts_come_with_the_titles_of_their_publication() -> None:
    zones = catalogue.default().red_zones
    hazards = pd.DataFrame(
        [{"hazard_class": name, "rule_id": zone.rule_id(rule)} for name, zone in zones.items() for rule in zone.rules]
    )
    tables = {"hazards": hazards, "red_zone_rules": rules_table(zones)}
    acts = payload_hazards.acts(tables)
    rules = payload_hazards.rules(tables)
    assert {act for rule in rules for act in rule["acts"]} == set(acts)
    assert acts["kg_sanitary_zones"]["titles"]["ru"].startswith("Постановление")
    assert any(rule["article"] for rule in rules)


def test_a_slider_reaches_no_further_than_distances_are_known(sample: sample_tables.Sample) -> None:
    """A rule of another country that asks for more does not make them known."""
    rules = sample.tables["red_zone_rules"]
    landfill = rules[rules["hazard_class"] == "landfill"]
    abroad = landfill.assign(rule_id="KZ.landfill", country="KZ", distance_m=3000.0)
    data = page_data(sample.tables | {"red_zone_rules": pd.concat([rules, abroad])})
    reach = {entry["id"]: entry["reach"] for entry in data["classes"]}
    assert reach["landfill"] == 1000
    assert reach["military"] == 0


def test_whole_limits_decide_as_exact_distances_do(sample: sample_tables.Sample) -> None:
    buildings = whatif.numbered(sample.tables["buildings"])["building_id"].to_numpy()
    pairs = sample.tables["building_hazards"]
    values = _sections(sample)["pairs/railway"]
    assert values[0] == 1
    steps, metres = values[2:].reshape(2, -1)
    near = pairs[pairs["hazard_class"] == "railway"]
    assert values[1] == len(near) == len(steps)
    for limit in (0, 1, 99, 100, 150):
        exact = set(near[near["distance_m"] <= limit]["building_id"])
        assert set(buildings[np.cumsum(steps)[metres <= limit]]) == exact


def _texts(code: str, *families: str) -> dict[str, object]:
    """Return the texts of files, without the words of codes."""
    found: dict[str, object] = {}
    for family in families or ("map", "completeness"):
        found |= json.loads(resource("maps", "texts", f"{family}.{code}.json").read_text(encoding="utf-8"))
    return found


def test_every_language_has_every_text() -> None:
    keys = {code: set(_texts(code)) for code in LANGUAGES}
    for code in LANGUAGES:
        assert keys[code] == keys["en"], code
    for key, text in _texts("en").items():
        names = _placeholders(text)
        for code in LANGUAGES:
            assert _placeholders(_texts(code)[key]) == names, (code, key)


def _placeholders(text: object) -> set[str]:
    patterns = text.values() if isinstance(text, dict) else [text]
    return {name for pattern in patterns for name in re.findall(r"\{(\w+(?::[^}]*)?)\}", str(pattern))}


def test_no_text_is_missing_or_unused() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in sorted(_CLIENT.rglob("*.ts")))
    sources += Path(without_script.__file__).read_text(encoding="utf-8")
    literal = set(re.findall(r"[\"`]([a-z]+(?:\.[a-zA-Z]+)*)[\"`]", sources))
    prefixes = set(re.findall(r"t\(`([a-zA-Z.]+)\$\{", sources))
    suffixed = {f"details.{quantity}Words" for quantity in ("residents", "registered", "unregistered")}
    keys = set(_texts("en", "map"))
    unused = {key for key in keys - literal - suffixed if not any(key.startswith(prefix) for prefix in prefixes)}
    assert unused == set()
    asked = set(re.findall(r"\b(?:t|text)\(\s*\"([^\"]+)\"", sources))
    assert asked - keys - set(load("en").entries) == set()


def test_every_plural_form_of_russian_is_there() -> None:
    for key, text in _texts("ru").items():
        if isinstance(text, dict):
            assert set(text) == {"one", "few", "many", "other"}, key


def test_readers_meet_no_loaded_word() -> None:
    shown = " ".join(json.dumps(_texts(code), ensure_ascii=False).lower() for code in LANGUAGES)
    for word in ("illegal", "squatter", "slum", "нелегал", "незаконн", "самозахват", "трущоб", "мыйзамсыз", "заңсыз"):
        assert word not in shown, word
