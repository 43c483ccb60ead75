// Small charts for the details panel, as SVG; each has a text that says the same.

import { s } from "./dom";
import type { Language } from "./i18n";
import { rangeOf } from "./numbers";
import type { Interval } from "./types";

const WIDTH = 340;

/** An interval: thin line for 90 %, thick bar for 50 %, tick for the median, on a scale from 0. */
export function intervalChart(interval: Interval, most: number, label: string, language: Language): SVGElement {
  const height = 34;
  const low = Math.min(0, interval.q[0]);
  const x = (value: number): number => 6 + ((value - low) / (most - low || 1)) * (WIDTH - 12);
  const [p05, p25, p50, p75, p95] = interval.q;
  const ends = language.people(rangeOf(interval));
  return s(
    "svg",
    { class: "interval", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label },
    s("line", { class: "axis", x1: 6, x2: WIDTH - 6, y1: 10, y2: 10 }),
    s("line", { class: "whisker", x1: x(p05), x2: x(p95), y1: 10, y2: 10 }),
    s("rect", { class: "box", x: x(p25), width: Math.max(1, x(p75) - x(p25)), y: 5, height: 10, rx: 1 }),
    s("line", { class: "median", x1: x(p50), x2: x(p50), y1: 2, y2: 18 }),
    s("text", { x: x(p05), y: 31, "text-anchor": x(p05) < 40 ? "start" : "middle" }, ends.low),
    x(p95) - x(p05) > 90 &&
      s("text", { x: x(p95), y: 31, "text-anchor": x(p95) > WIDTH - 40 ? "end" : "middle" }, ends.high),
  );
}

export interface Series {
  years: readonly number[];
  values: readonly number[];
  modelled: readonly number[];
}

/** Built-up area over time; epochs that their producer modelled are dashed and hollow. */
export function sparkline({ years, values, modelled }: Series, label: string): SVGElement {
  const height = 92;
  const [left, right, top, bottom] = [8, 8, 8, 20];
  const first = years[0] as number;
  const last = years[years.length - 1] as number;
  const most = Math.max(...values, 1);
  const x = (year: number): number => left + ((year - first) / (last - first || 1)) * (WIDTH - left - right);
  const y = (value: number): number => height - bottom - (value / most) * (height - top - bottom);
  const points = years.map((year, i) => ({ year, x: x(year), y: y(values[i] as number) }));
  const seen = points.filter((point) => !modelled.includes(point.year));
  const tail = points.filter((point) => modelled.includes(point.year) || point === seen[seen.length - 1]);
  const path = (list: typeof points): string => list.map((p, i) => `${i ? "L" : "M"}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join("");
  const base = height - bottom;
  const area = seen.length > 1 ? `${path(seen)}L${seen[seen.length - 1]?.x} ${base}L${seen[0]?.x} ${base}Z` : "";
  return s(
    "svg",
    { class: "sparkline", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label },
    s("line", { class: "axis", x1: left, x2: WIDTH - right, y1: base, y2: base }),
    s("path", { class: "area", d: area }),
    s("path", { class: "line", d: path(seen) }),
    s("path", { class: "line modelled", d: path(tail) }),
    ...points.map((p) =>
      s("circle", { class: modelled.includes(p.year) ? "dot modelled" : "dot", cx: p.x, cy: p.y, r: 2.4 }),
    ),
    ...points
      .filter((_, i) => i % Math.ceil(points.length / 6) === 0)
      .map((p, i) => s("text", { x: p.x, y: height - 5, "text-anchor": i === 0 ? "start" : "middle" }, p.year)),
  );
}
