// How estimates of people are written: the rule of pipeline/schema/rounding.py (test/rounding.json holds for both).

import type { Range } from "./numbers";

const STEPS = [[1_000, 50], [100_000, 100]] as const;
const LARGEST_STEP = 1_000;

const tenths = (people: number): number => Math.floor(people * 10 + 0.5) / 10;

/** One step for the interval, by the end farther from zero: the middle to the nearest, the ends outwards. */
export function roundPeople(range: Range): Range {
  const [p05, p50, p95] = [tenths(range.low), tenths(range.middle), tenths(range.high)];
  const size = Math.max(Math.abs(p05), Math.abs(p95));
  const step = STEPS.find(([bound]) => size < bound)?.[1] ?? LARGEST_STEP;
  const middle = Math.floor(p50 / step + 0.5) * step;
  const low = Math.min(Math.floor(p05 / step) * step, middle);
  const high = Math.max(Math.ceil(p95 / step) * step, middle);
  // No minus zero.
  return { low: low + 0, middle: middle + 0, high: (high === low ? high + step : high) + 0 };
}
