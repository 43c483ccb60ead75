import assert from "node:assert/strict";
import { test } from "node:test";
import { toCsv } from "../src/csv";
import { Edges, type Pen, pixelsPerMetre } from "../src/edges";
import { Language, preferredLanguage } from "../src/i18n";
import { annualGrowth, centralBox, roundBreaks, sumOfParts } from "../src/numbers";
import { roundPeople } from "../src/rounding";
import { normalise, Search, shortName, within1 } from "../src/search";
import { decode, encode, INITIAL, type State } from "../src/state";
import { wrapped } from "../src/symbols";
import type { Interval, Settlement } from "../src/types";
import examples from "./rounding.json";
import { BEYOND, Distances, joinPlanes, outcome } from "../src/whatif";

function interval(p05: number, p50: number, p95: number): Interval {
  return { q: [p05, p50, p50, p50, p95], evidence: "none", method: "m", year: 2020 };
}

function settlement(id: string, name: string, more: Partial<Settlement> = {}): Settlement {
  return {
    id, names: { any: name }, otherNames: [], nameEvidence: null, nearId: null, nearNumber: null, kind: "novostroika", score: 1, delineation: "cluster", status: "unknown",
    statusYear: null, statusSource: null, onset: null, areaM2: 1, buildings: 4, at: [0, 0], bbox: [0, 0, 1, 1],
    population: {}, growth: null, zones: [], inZones: 0, ...more,
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
    whatif: { hazardClass: "landfill", limit: 700 }, hiddenLayers: new Set(["names"]), hiddenClasses: new Set(["railway"]),
    sort: { column: "name", descending: false }, view: { zoom: 13, lat: 42.5, lon: 74.25 },
  };
  assert.deepEqual(decode(encode(state)), state);
  assert.deepEqual(decode("#lang=xx&tab=%00&theme=<script>&if=a~-5&map=1/x/2&sort=-evil&hide=a.b"), INITIAL);
  assert.equal(encode(INITIAL), "");
});

test("the sum of one part is the part; of independent ones narrower than the sum of quantiles", () => {
  const one = sumOfParts([{ interval: interval(50, 100, 200), share: 1 }]);
  assert.ok(Math.abs(one.low - 50) < 1e-9 && Math.abs(one.middle - 100) < 1e-9 && Math.abs(one.high - 200) < 1e-9);
  const parts = [interval(50, 100, 200), interval(90, 100, 111)].map((i) => ({ interval: i, share: 0.5 }));
  const both = sumOfParts(parts);
  assert.ok(both.high - both.low < (200 + 111 - 50 - 90) / 2 && both.low < both.middle && both.middle < both.high);
  assert.deepEqual(sumOfParts([]), { low: 0, middle: 0, high: 0 });
  assert.deepEqual(sumOfParts([{ interval: interval(0, 0, 0), share: 1 }]), { low: 0, middle: 0, high: 0 });
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

test("a limit counts buildings and the dwellings' share of residents", () => {
  const list = [settlement("a/1", "A", { population: { residents: interval(10, 20, 40) } }), settlement("a/2", "B")];
  const buildings = { settlement: Uint16Array.of(1, 1, 1, 2, 0), weight: Uint16Array.of(100, 100, 0, 50, 50) };
  const found = outcome(Uint16Array.of(0, 10, 11, 10, 3), 10, buildings, list);
  assert.equal(found.buildings, 4);
  assert.equal(found.outside, 1);
  assert.deepEqual(found.perSettlement.map((row) => [row.settlement.id, row.buildings, row.share]), [["a/1", 2, 1], ["a/2", 1, 1]]);
  assert.ok(Math.abs(found.residents.middle - 20) < 1e-9);
  assert.equal(outcome(new Uint16Array(5).fill(BEYOND), 60_000, buildings, list).buildings, 0);
});

test("planes are joined, and an absent class is beyond every limit", async () => {
  assert.deepEqual([...joinPlanes(Uint8Array.of(1, 255, 0, 2), new Uint16Array(2))], [1, 767]);
  assert.deepEqual([...joinPlanes(Uint8Array.of(254, 5, 255, 0, 255, 0, 255, 1), new Int32Array(2))], [-2, 16777221]);
  const distances = new Distances({ url: "", buildings: 3, sections: [] }, new ArrayBuffer(0));
  assert.deepEqual([...(await distances.of("landfill"))], [BEYOND, BEYOND, BEYOND]);
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
  return new Edges(Int32Array.of(3, 2, -4, 1, ...steps(lon), ...steps(lat)));
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
  const search = new Search([settlement("b/1", "Ак-Жар"), settlement("b/2", "Алтын-Казык"), settlement("b/3", "Шаңырақ")]);
  for (const text of ["Ak-Jar", "ak zhar", "АКЖАР", "ж/м Ак-Жар"]) assert.equal(search.find(text)[0]?.id, "b/1", text);
  for (const text of ["Altyn Kazyk", "altyn-qazyq", "Алтын Қазық", "Altin Kazyk"])
    assert.equal(search.find(text)[0]?.id, "b/2", text);
  for (const text of ["Shanyrak", "Шанырак", "shanyraq"]) assert.equal(search.find(text)[0]?.id, "b/3", text);
  assert.deepEqual(search.find("  "), []);
  assert.equal(normalise("Өндіріс"), normalise("Ondiris"));
  assert.ok(within1("алтын", "алтн") && within1("алтн", "алтын") && !within1("алтын", "алт"));
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
  const values = new Int32Array(2 + 2 * count);
  values.set([1, -count, 746_000_000]);
  values[2 + count] = 429_000_000;
  for (let i = 1; i < count; i++) values[2 + i] = i < count / 2 ? 1 : -1;
  assert.notEqual(new Edges(values).trace(tileAt(14, 74.6, 42.9), 100, new Notes(), new Notes()), null);
});
