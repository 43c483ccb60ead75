import assert from "node:assert/strict";
import { test } from "node:test";
import { toCsv } from "../src/csv";
import { Language, preferredLanguage } from "../src/i18n";
import { annualGrowth, centralBox, roundBreaks, sumOfParts } from "../src/numbers";
import { normalise, Search, shortName, within1 } from "../src/search";
import { decode, encode, INITIAL, type State } from "../src/state";
import { wrapped } from "../src/symbols";
import type { Interval, Settlement } from "../src/types";
import { BEYOND, Distances, joinPlanes, outcome } from "../src/whatif";

function interval(p05: number, p50: number, p95: number): Interval {
  return { q: [p05, p50, p50, p50, p95], evidence: "none", method: "m", year: 2020 };
}

function settlement(id: string, name: string, more: Partial<Settlement> = {}): Settlement {
  return {
    id, names: { any: name }, otherNames: [], nameEvidence: null, kind: "novostroika", score: 1, delineation: "cluster", status: "unknown",
    statusYear: null, statusSource: null, onset: null, areaM2: 1, buildings: 4, at: [0, 0], bbox: [0, 0, 1, 1],
    population: {}, growth: null, zones: [], inZones: 0, ...more,
  };
}

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
  assert.deepEqual([...joinPlanes(Uint8Array.of(1, 255, 0, 2))], [1, 767]);
  const distances = new Distances({ url: "", buildings: 3, sections: [] }, new ArrayBuffer(0));
  assert.deepEqual([...(await distances.of("landfill"))], [BEYOND, BEYOND, BEYOND]);
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
  assert.equal(ru.t("s", { x: "\u202Eevil" }), "«\u2068\u202Eevil\u2069»");
  assert.equal(ru.t("s", { x: "${1}{{7*7}}" }), "«${1}{{7*7}}»");
  assert.equal(preferredLanguage(null, ["fr-FR", "kk-KZ", "en"]), "kk");
  assert.equal(preferredLanguage(null, ["fr"]), "en");
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
