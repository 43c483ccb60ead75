import type { Interval, Settlement } from "./types";

export interface Range {
  low: number;
  middle: number;
  high: number;
}

/** The 90 % interval of an estimate. */
export function rangeOf({ q }: Interval): Range {
  return { low: q[0], middle: q[2], high: q[4] };
}

/** Mean growth a year between the first year that has at least a hundredth of the last value, and the last one. */
export function annualGrowth(years: readonly number[], built: readonly number[]): number | null {
  const last = built.length - 1;
  const end = built[last] ?? 0;
  const start = built.findIndex((value) => value > 0 && value >= end / 100);
  if (start < 0 || start >= last || end <= 0) return null;
  return ((end / (built[start] as number)) ** (1 / ((years[last] as number) - (years[start] as number)))) - 1;
}

const TAIL = 0.02;

/** The box (west, south, east, north) that leaves out a fiftieth of the buildings on each side: far outliers. */
export function centralBox(settlements: readonly Settlement[]): [number, number, number, number] | null {
  const total = settlements.reduce((sum, settlement) => sum + settlement.buildings, 0);
  const edge = (side: 0 | 1 | 2 | 3): number => {
    const from = side < 2 ? 1 : -1;
    const ordered = [...settlements].sort((a, b) => from * (a.bbox[side] - b.bbox[side]));
    let left = 0;
    const at = ordered.find((settlement) => (left += settlement.buildings) > TAIL * total);
    return at ? at.bbox[side] : Number.NaN;
  };
  return total > 0 ? [edge(0), edge(1), edge(2), edge(3)] : null;
}

/** Round limits of `count` classes that hold about as many values each; fewer where the values do not differ. */
export function roundBreaks(values: readonly number[], count: number): number[] {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const breaks = new Set<number>();
  for (let i = 1; i < count; i++) {
    const value = sorted[Math.floor((i * sorted.length) / count)];
    if (value !== undefined) breaks.add(roundNicely(value));
  }
  return [...breaks].sort((a, b) => a - b);
}

function roundNicely(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const lead = value / power;
  const nice = [1, 1.5, 2, 3, 4, 5, 7.5, 10].reduce((best, step) =>
    Math.abs(step - lead) < Math.abs(best - lead) ? step : best,
  );
  return Number((nice * power).toPrecision(3));
}
