import type { Interval, Settlement } from "./types";

const Z95 = 1.6448536269514722; // the standard normal's quantile 95 %

export interface Range {
  low: number;
  middle: number;
  high: number;
}

/** The 90 % interval of an estimate. */
export function rangeOf({ q }: Interval): Range {
  return { low: q[0], middle: q[2], high: q[4] };
}

/** A share of a settlement's residents: its estimate and the part of it that is meant. */
export interface Part {
  interval: Interval;
  share: number;
}

/** Spread (standard deviation of the logarithm) of an estimate read as lognormal. */
function logSpread(interval: Interval): number {
  const [p05, , p50, , p95] = interval.q;
  if (p50 <= 0 || p95 <= p50) return 0;
  return p05 > 0 ? Math.log(p95 / p05) / (2 * Z95) : Math.log(p95 / p50) / Z95;
}

/**
 * The sum of parts of several estimates, as an interval of 90 %.
 *
 * Quantiles must not be added. Each estimate is read as lognormal; what their errors have in common (household size,
 * occupancy, recall are drawn once for a whole city) cannot be more than the least spread among them, and is taken to
 * be just that, which errs towards too wide. The sum is matched by a lognormal with the same mean and variance
 * (Fenton 1960, IRE Trans. Commun. Syst. 8, 57-67).
 */
export function sumOfParts(parts: readonly Part[]): Range {
  const terms = parts
    .filter((part) => part.share > 0 && part.interval.q[2] > 0)
    .map((part) => {
      const spread = logSpread(part.interval);
      return { spread, mean: part.share * part.interval.q[2] * Math.exp(spread ** 2 / 2) };
    });
  if (terms.length === 0) return { low: 0, middle: 0, high: 0 };
  const shared = Math.expm1(Math.min(...terms.map((term) => term.spread)) ** 2);
  const total = terms.reduce((sum, term) => sum + term.mean, 0);
  const own = terms.reduce((sum, term) => sum + term.mean ** 2 * (Math.expm1(term.spread ** 2) - shared), 0);
  const logVariance = Math.log1p((total ** 2 * shared + own) / total ** 2);
  const middle = total / Math.exp(logVariance / 2);
  const factor = Math.exp(Z95 * Math.sqrt(logVariance));
  return { low: middle / factor, middle, high: middle * factor };
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
