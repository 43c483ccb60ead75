// What stood when: the years that can be told, and how much of each settlement was there. No DOM in here.

import type { PageData, Settlement } from "./types";
import type { State } from "./state";

/** The years that can be shown: epochs of built-up area, else those in which buildings were first seen. */
export function moments(data: PageData): readonly number[] {
  return data.growth?.years ?? data.firstSeen?.years ?? [];
}

/** The year that can be shown next to one that is asked for; null: none can. */
export function nearestMoment(data: PageData, year: number): number | null {
  return moments(data).reduce<number | null>((best, known) => (best === null || Math.abs(known - year) < Math.abs(best - year) ? known : best), null);
}

/** Whether the map shows another time than today. */
export function showsPast(state: State): boolean {
  return state.year !== null || state.swipe !== null;
}

/**
 * How much of each settlement there was in a year, null being today: of its greatest built-up area or, without any
 * series, of its buildings that were ever seen first. Null where it is not known.
 */
export function sharesIn(data: PageData, year: number | null, firstSeen: Int32Array | null, settlementOf: Int32Array | null): (number | null)[] {
  if (year === null) return data.settlements.map(() => 1);
  if (data.growth) {
    const epoch = data.growth.years.indexOf(year);
    return data.settlements.map((settlement) => builtShare(settlement, epoch));
  }
  const [known, by] = [0, 1].map(() => new Uint32Array(data.settlements.length)) as [Uint32Array, Uint32Array];
  settlementOf?.forEach((position, building) => {
    const seen = firstSeen?.[building] ?? 0;
    if (position === 0 || seen === 0) return;
    known[position - 1] = (known[position - 1] as number) + 1;
    if (seen <= year) by[position - 1] = (by[position - 1] as number) + 1;
  });
  return data.settlements.map((_, i) => ((known[i] as number) > 0 ? (by[i] as number) / (known[i] as number) : null));
}

/** Built-up area of an epoch as a share of the greatest of the series. */
function builtShare({ growth }: Settlement, epoch: number): number | null {
  if (!growth) return null;
  const most = Math.max(...growth);
  return most > 0 ? (growth[epoch] as number) / most : null;
}
