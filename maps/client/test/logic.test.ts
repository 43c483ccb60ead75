import assert from "node:assert/strict";
import { test } from "node:test";
import { toCsv } from "../src/csv";
import { Edges, type Pen, pixelsPerMetre } from "../src/edges";
import { Language, preferredLanguage } from "../src/i18n";
import { Places } from "../src/group";
import { annualGrowth, centralBox, roundBreaks } from "../src/numbers";
import { People, rangeOfDraws, shareDraws } from "../src/people";
import { decodePlan, encodePlan, pointsIn, type Plan } from "../src/plan";
import { PlanError, readPlan } from "../src/planfile";
import { Projection } from "../src/projection";
import { Scanlines } from "../src/scanlines";
import { roundPeople } from "../src/rounding";
import { Search, within1 } from "../src/search";
import { normalise, shortName } from "../src/spelling";
import { decode, encode, INITIAL, type State } from "../src/state";
import { wrapped } from "../src/symbols";
import type { Settlement } from "../src/types";
import examples from "./rounding.json";
import spellings from "./spelling.json";
import { joinPlanes, Sections } from "../src/sections";
import { BEYOND, nearest, outcome } from "../src/whatif";

function settlement(id: string, name: string, more: Partial<Settlement> = {}): Settlement {
  return {
    id, names: { any: name }, otherNames: [], nameEvidence: null, nearId: null, nearNumber: null, kind: "novostroika", score: 1, delineation: "cluster", status: "unknown",
    statusYear: null, statusSource: null, onset: null, areaM2: 1, buildings: 4, homes: 4, at: [0, 0], bbox: [0, 0, 1, 1],
    population: {}, growth: null, since2016: null, zones: [], inZones: 0, ...more,
  };
}

test("people are rounded as the tables say", () => {
  for (const { people, rounded } of examples) {
    const [low, middle, high] = people as [number, number, number];
    const found = roundPeople({ low, middle, high });
    assert.deepEqual([found.low, found.middle, found.high], rounded, String(people));
  }
});

test("a state survives the address, and a broken address is harmless", () => {
  const state: State = {
    ...INITIAL, lang: "kk", tab: "whatif", theme: "growth", selected: "osh/0004", year: 1990, basemap: true,
    here: { lat: 42.5000001, lon: 74.25 }, areas: ["s~osh/0004", "p~abc~A name; of ~ sorts"].map((area) => area.replace("; of ~", " of")),
    whatif: { hazardClass: "landfill", limit: 700, only: 2 }, hiddenKinds: new Set(["village"]), hiddenStatuses: new Set(["legal"]), hiddenLayers: new Set(["names"]), hiddenClasses: new Set(["railway"]),
    sort: { column: "name", descending: false }, view: { zoom: 13, lat: 42.5, lon: 74.25 },
  };
  assert.deepEqual(decode(encode(state)), state);
  assert.deepEqual(decode("#lang=xx&tab=%00&theme=<script>&if=a~-5&map=1/x/2&sort=-evil&hide=a.b"), INITIAL);
  assert.equal(encode(INITIAL), "");
});

/** Draws of two places (and of the houses in none) for residents and unregistered, -1 where there are none. */
function people(...draws: number[][]): People {
  return new People(Int32Array.of(3, ...draws.flat()));
}

test("people are added up draw by draw, and a whole place keeps its draws", () => {
  const known = people([10, 20, 30], [5, 5, 5], [-1, -1, -1], [1, 2, 3], [0, 0, 0], [-1, -1, -1]);
  const whole = { share: 1, homes: 50 };
  assert.deepEqual(known.sum([{ place: 0, ...whole }])?.residents, { low: 11, middle: 20, high: 29 });
  assert.deepEqual(known.sum([{ place: 0, ...whole }, { place: 1, ...whole }])?.residents, { low: 16, middle: 25, high: 34 });
  assert.equal(known.sum([{ place: 2, ...whole }]), null);
  assert.equal(new People(new Int32Array(0)).sum([{ place: 0, ...whole }]), null);
});

test("a cut place is split with the mean and the variance that independent homes give", () => {
  const [share, homes] = [0.3, 40];
  const draws = shareDraws(share, homes, 40_000, 7);
  const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
  const variance = draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length;
  assert.ok(Math.abs(mean - share) < 0.003);
  assert.ok(Math.abs(variance / ((share * (1 - share) * 0.95 ** 2) / homes) - 1) < 0.04);
  assert.deepEqual([...shareDraws(1, 40, 2, 1)], [1, 1]);
  assert.ok(shareDraws(0.001, 1, 5_000, 3).every((value) => value >= 0 && value <= 1));
  assert.deepEqual(rangeOfDraws(Float64Array.of(3, 1, 2)), { low: 1.1, middle: 2, high: 2.9 });
});

test("growth a year, and round class limits", () => {
  assert.ok(Math.abs((annualGrowth([2000, 2010], [100, 200]) ?? 0) - (2 ** 0.1 - 1)) < 1e-12);
  assert.equal(annualGrowth([2000, 2010], [0, 0]), null);
  assert.deepEqual(roundBreaks([7, 7, 7, 7], 4), [7.5]);
  assert.deepEqual(roundBreaks([], 5), []);
});

test("a far outlier does not set the first view", () => {
  const near = [0, 1, 2].map((x) => settlement(`n/${x}`, "N", { buildings: 100, bbox: [x, x, x + 1, x + 1] }));
  const far = settlement("f/1", "F", { buildings: 2, bbox: [50, 50, 51, 51] });
  assert.deepEqual(centralBox([...near, far]), [0, 0, 3, 3]);
  assert.equal(centralBox([]), null);
});

test("a limit counts homes, and sheds apart", () => {
  const list = [settlement("a/1", "A"), settlement("a/2", "B")];
  const buildings = {
    settlement: Int32Array.of(1, 1, 1, 2, 0), floor: Int32Array.of(100, 100, 0, 50, 50), kind: new Int32Array(5), footprint: new Int32Array(5),
  };
  const places = new Places(buildings, 2);
  const known = people([10, 20, 30], [4, 4, 4], [2, 2, 2], [0, 0, 0], [0, 0, 0], [0, 0, 0]);
  // Two hazards: one near the first four buildings, the other near the last alone.
  const pairs = { starts: Int32Array.of(0, 4, 5), building: Int32Array.of(0, 1, 2, 3, 4), metres: Int32Array.of(0, 10, 5, 11, 3) };
  const found = outcome(nearest(pairs, 5, null), 10, places, known, list);
  assert.deepEqual([found.homes, found.others, found.outside], [3, 1, 1]);
  assert.deepEqual(found.perSettlement.map((row) => [row.settlement.id, row.homes, row.share]), [["a/1", 2, 1]]);
  assert.equal(found.residents?.middle, 22);
  assert.deepEqual([...nearest(pairs, 5, 1)], [BEYOND, BEYOND, BEYOND, BEYOND, 3]);
  assert.equal(outcome(new Uint16Array(5).fill(BEYOND), 60_000, places, known, list).homes, 0);
});

test("planes are joined, and an absent class is beyond every limit", async () => {
  assert.deepEqual([...joinPlanes(Uint8Array.of(254, 5, 255, 0, 255, 0, 255, 1))], [-2, 16777221]);
  const whatif = { url: "", buildings: 3, sections: [] };
  const sections = new Sections({ whatif, rules: [], hazards: [], settlements: [] }, () => new ArrayBuffer(0));
  assert.deepEqual([...nearest(await sections.pairs("landfill"), 3, null)], [BEYOND, BEYOND, BEYOND]);
});

/** A projection that calls a degree 100 km. */
const flat = new Projection({ box: [73, 41, 75, 43], x: [7_400_000, 0, 100_000], y: [4_200_000, 100_000, 0] });
const square: Plan = [[[[74, 42], [74.01, 42], [74.01, 42.01], [74, 42.01]]]];
const hole: Plan = [[...(square[0] ?? []), [[74.002, 42.002], [74.008, 42.002], [74.008, 42.008], [74.002, 42.008]]]];

test("points on an edge, in a hole and in a second polygon are told apart", () => {
  const [lon, lat] = [Float64Array.of(74.001, 74.005, 74.01, 74.02, 73.9), Float64Array.of(42.001, 42.005, 42.005, 42.005, 42)];
  assert.deepEqual(pointsIn(square, lon, lat), [0, 1]);
  assert.deepEqual(pointsIn(hole, lon, lat), [0]);
  assert.deepEqual(pointsIn([...hole, [[[74.015, 42], [74.03, 42], [74.02, 42.02]]]], lon, lat), [0, 3]);
});

test("a plan survives the address, and a broken one is none", () => {
  assert.deepEqual(decodePlan(encodePlan(hole)), hole);
  for (const text of ["", "A", "zzz", encodePlan(hole).slice(0, -3), "€", "-".repeat(40)]) assert.equal(decodePlan(text), null, text);
});

test("land is measured along lines: holes are left out, what two polygons cover counts once", () => {
  assert.ok(Math.abs(new Scanlines(square, flat).area - 1e6) < 1e3);
  assert.ok(Math.abs(new Scanlines(hole, flat).area - 0.64e6) < 3e3);
  assert.ok(Math.abs(new Scanlines([...square, ...square], flat).area - 1e6) < 1e3);
});

test("files of other kinds, places and projections are refused in a sentence", () => {
  const bounds = [73, 41, 75, 43] as [number, number, number, number];
  const refused = (value: unknown): string => {
    try {
      readPlan("f.geojson", typeof value === "string" ? value : JSON.stringify(value), bounds);
    } catch (error) {
      assert.ok(error instanceof PlanError, String(error));
      return error.key;
    }
    return "";
  };
  const polygon = (coordinates: unknown): unknown => ({ type: "Polygon", coordinates });
  assert.equal(refused("no"), "area.error.unreadable");
  assert.equal(refused(null), "area.error.unreadable");
  assert.equal(refused({ type: "FeatureCollection" }), "area.error.unreadable");
  assert.equal(refused(polygon(null)), "area.error.unreadable");
  assert.equal(refused({ type: "Point", coordinates: [74, 42] }), "area.error.noPolygon");
  assert.equal(refused(polygon([[[8_300_000, 5_200_000], [8_300_100, 5_200_000], [8_300_000, 5_200_100]]])), "area.error.crs");
  assert.equal(refused({ ...(polygon([[[74, 42], [74.1, 42], [74, 42.1]]]) as object), crs: { type: "name", properties: { name: "EPSG:32643" } } }), "area.error.crs");
  assert.equal(refused(polygon([[[0, 0], [1, 0], [0, 1]]])), "area.error.elsewhere");
  assert.equal(refused(polygon([[[74, 42], [74, 42], [74, 42]]])), "area.error.noPolygon");
  assert.equal(refused(polygon([Array.from({ length: 100_001 }, (_, i) => [74 + i / 1e6, 42])])), "area.error.vertices");
  const read = readPlan("plan.json", JSON.stringify({ type: "Feature", properties: { name: "<b>Plan</b>" }, geometry: polygon(square[0]) }), bounds);
  assert.deepEqual([read.plan, read.name, read.notes], [square, "<b>Plan</b>", []]);
});

/** Writes down what it is led through. */
class Notes implements Pen {
  readonly lines: [number, number][][] = [];

  moveTo(x: number, y: number): void {
    this.lines.push([[x, y]]);
  }

  lineTo(x: number, y: number): void {
    this.lines[this.lines.length - 1]?.push([x, y]);
  }

  closePath(): void {
    this.lines[this.lines.length - 1]?.push([0, 0]);
  }
}

/** A line of two points, a ring of four, and a point, around 74.6° E, 42.9° N; in 1e-7 degrees. */
function edges(): Edges {
  const lon = [746_000_000, 746_100_000, 746_000_000, 746_010_000, 746_010_000, 746_000_000, 747_000_000];
  const lat = [429_000_000, 429_000_000, 429_100_000, 429_100_000, 429_110_000, 429_100_000, 429_000_000];
  const steps = (values: number[]): number[] => values.map((value, i) => value - (values[i - 1] ?? 0));
  return new Edges(Int32Array.of(2, 2, 1, 2, -4, 1, ...steps(lon), ...steps(lat)));
}

/** The tile of a place (degrees). */
function tileAt(z: number, lon: number, lat: number): { z: number; x: number; y: number } {
  const y = 0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI);
  return { z, x: Math.floor((lon / 360 + 0.5) * 2 ** z), y: Math.floor(y * 2 ** z) };
}

test("a metre has the length that the ellipsoid gives it", () => {
  // One degree at 43° north: 81,540.6 m of the parallel, 111,096.6 m of the meridian (Snyder 1987, 4-18 to 4-21).
  const [east, south] = pixelsPerMetre((43 * Math.PI) / 180, 0);
  assert.ok(Math.abs(256 / 360 / east - 81_540.6) < 0.5);
  const y = (lat: number): number => (256 * Math.asinh(Math.tan((lat * Math.PI) / 180))) / (2 * Math.PI);
  assert.ok(Math.abs((y(43.5) - y(42.5)) / south - 111_096.6) < 2);
});

test("edges are traced in metres, and only near the tile", () => {
  const [line, land] = [new Notes(), new Notes()];
  assert.ok(edges().trace(tileAt(14, 74.605, 42.9), 100, line, land));
  const [from, to] = line.lines[0] as [[number, number], [number, number]];
  // 0.01° of the parallel of 42.9° north.
  assert.ok(Math.abs(Math.hypot(to[0] - from[0], to[1] - from[1]) - 816.72) < 0.5);
  assert.deepEqual([line.lines.length, land.lines.length], [1, 0]);

  const wide = [new Notes(), new Notes()] as const;
  assert.ok(edges().trace(tileAt(14, 74.605, 42.9), 2_000, ...wide));
  assert.deepEqual([wide[0].lines.length, wide[1].lines.length], [2, 1]);
  assert.equal(wide[1].lines[0]?.length, 5);

  // A point is a line of a millimetre; far away there is nothing.
  const point = new Notes();
  assert.ok(edges().trace(tileAt(14, 74.7, 42.9), 10, point, new Notes()));
  const [a, b] = point.lines[0] as [[number, number], [number, number]];
  assert.ok(Math.abs(b[0] - a[0] - 0.001) < 1e-9 && a[1] === b[1]);
  assert.equal(edges().trace(tileAt(14, 75.5, 42.9), 3_000, new Notes(), new Notes()), null);
  assert.equal(new Edges(Int32Array.of(0)).trace(tileAt(14, 74.6, 42.9), 3_000, new Notes(), new Notes()), null);
});

test("one settlement is found by all its spellings", () => {
  const settlements = [settlement("b/1", "Ак-Жар"), settlement("b/2", "Алтын-Казык"), settlement("b/3", "Шаңырақ")];
  const dump = { id: "l/1", hazardClass: "landfill", rule: "KG.landfill", name: "Полигон № 3", assumed: false, bbox: [74, 42, 74, 42] as [number, number, number, number] };
  const classes = [{ id: "landfill", names: { en: "Landfill", ru: "Свалка" }, concern: "residents" as const, colour: "", reach: 0 }];
  const search = new Search({ settlements, places: [{ names: { ru: "Восток-5" }, at: [74.6, 42.8], place: "suburb" }], hazards: [dump], classes });
  const first = (text: string): string => {
    const [found] = search.find(text);
    return found?.kind === "settlement" ? found.settlement.id : found?.kind === "hazard" ? found.hazard.id : found?.kind === "place" ? "place" : JSON.stringify(found);
  };
  for (const text of ["Ak-Jar", "ak zhar", "АКЖАР", "ж/м Ак-Жар", "ЖК Ак-Жар"]) assert.equal(first(text), "b/1", text);
  for (const text of ["Altyn Kazyk", "altyn-qazyq", "Алтын Қазық", "Altin Kazyk"]) assert.equal(first(text), "b/2", text);
  for (const text of ["Shanyrak", "Шанырак", "shanyraq"]) assert.equal(first(text), "b/3", text);
  for (const text of ["Landfill", "свалка", "полигон 3"]) assert.equal(first(text), "l/1", text);
  assert.equal(first("vostok"), "place");
  for (const text of ["42.95, 74.63", "42,95; 74,63", "42.95 74.63", "42.95,74.63"]) assert.equal(first(text), '{"kind":"coordinates","lat":42.95,"lon":74.63}', text);
  assert.deepEqual(search.find("95, 200"), []);
  assert.deepEqual(search.find("  "), []);
  assert.equal(normalise("Өндіріс"), normalise("Ondiris"));
  assert.ok(within1("алтын", "алтн") && within1("алтн", "алтын") && !within1("алтын", "алт"));
});

test("names are spelled by the rules that the pipeline matches them with", () => {
  for (const { name, form, plain } of spellings) {
    const complex = /^(ЖК|жк|zhk) /u.test(name);
    if (!complex) assert.equal(normalise(name), form, name);
    if (!complex) assert.equal(shortName(name), plain, name);
  }
  assert.equal(normalise("ЖК Манас"), normalise("Manas"));
});

test("texts fill in values, choose plurals, and contain letters that turn the direction", () => {
  const ru = new Language("ru", { n: { one: "{count} здание", few: "{count} здания", other: "{count} зданий" }, s: "«{x}»" });
  assert.equal(ru.t("n", { count: 1 }), "1 здание");
  assert.equal(ru.t("n", { count: 3 }), "3 здания");
  assert.equal(ru.t("n", { count: 11 }), "11 зданий");
  const shares = new Language("ru", { s: "{share:.0%} ({low:.1%})" });
  assert.equal(shares.t("s", { share: 0.984, low: 0.0412 }), "98\u00a0% (4,1\u00a0%)");
  assert.equal(ru.t("s", { x: "\u202Eevil" }), "«\u2068\u202Eevil\u2069»");
  assert.equal(ru.t("s", { x: "${1}{{7*7}}" }), "«${1}{{7*7}}»");
  assert.equal(preferredLanguage(null, ["fr-FR", "kk-KZ", "en"]), "kk");
  assert.equal(preferredLanguage(null, ["fr"]), "en");
});

test("English readers get Latin letters, and no other language does", () => {
  const [en, ru] = (["en", "ru"] as const).map((code) => new Language(code, {})) as [Language, Language];
  const mapped = { any: "жилмассив Ак-Жар", latin: "Ak-Zhar" };
  assert.equal(en.name(mapped), "Ak-Zhar");
  assert.equal(ru.name(mapped), "жилмассив Ак-Жар");
  assert.equal(en.name({ en: "Ak-Jar", any: "Ак-Жар" }), "Ak-Jar");
  assert.equal(en.name({}), undefined);
  // Who reads Cyrillic letters gets them where there are any, in whichever language.
  assert.equal(ru.name({ any: "Samal", en: "Samal", kk: "Самал" }), "Самал");
  assert.equal(ru.name({ any: "Samal" }), "Samal");
});

test("CSV quotes, and no cell is a formula", () => {
  assert.equal(toCsv([['a"b', "x,y", "=1+1", -2, null]]), '\uFEFF"a""b","x,y",\'=1+1,-2,\r\n');
});

test("long names are broken into at most three lines", () => {
  assert.deepEqual(wrapped("Ак-Жар"), ["Ак-Жар"]);
  const lines = wrapped("x".repeat(10_000));
  assert.ok(lines.length <= 3 && lines.every((line) => line.length <= 30));
});

test("on the map a name stands without its generic words", () => {
  assert.equal(shortName("жилой массив «Жаны-Кол»"), "Жаны-Кол");
  assert.equal(shortName("с. Ивановка"), "Ивановка");
  assert.equal(shortName("Село"), "Село");
  assert.equal(shortName("Селекционное"), "Селекционное");
});

test("a ring may have more points than a call has arguments", () => {
  const count = 300_000;
  const values = new Int32Array(3 + 2 * count);
  values.set([1, 1, -count, 746_000_000]);
  values[3 + count] = 429_000_000;
  for (let i = 1; i < count; i++) values[3 + i] = i < count / 2 ? 1 : -1;
  assert.notEqual(new Edges(values).trace(tileAt(14, 74.6, 42.9), 100, new Notes(), new Notes()), null);
});
