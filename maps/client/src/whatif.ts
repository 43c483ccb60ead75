// "What if the limit were …": what follows from a distance to the hazards of a class, or to one of them. No DOM in here.

import type { Places } from "./group";
import type { Range } from "./numbers";
import type { People } from "./people";
import type { Pairs } from "./sections";
import type { Settlement } from "./types";

export const BEYOND = 0xffff;

export interface Outcome {
  homes: number;
  others: number;
  /** Homes of these in no settlement. */
  outside: number;
  /** Null: the draws know nobody there. */
  residents: Range | null;
  perSettlement: { settlement: Settlement; homes: number; share: number }[];
}

/** Metres of every building to the nearest hazard of a class, or to the one that is asked for. */
export function nearest({ starts, building, metres }: Pairs, buildings: number, only: number | null): Uint16Array {
  const found = new Uint16Array(buildings).fill(BEYOND);
  const [from, to] = only === null ? [0, building.length] : [starts[only] ?? 0, starts[only + 1] ?? 0];
  for (let i = from; i < to; i++) {
    const place = building[i] as number;
    found[place] = Math.min(found[place] as number, metres[i] as number);
  }
  return found;
}

/** What a limit means: homes at most that far, and the people who live in them. */
export function outcome(
  distances: Uint16Array,
  limit: number,
  places: Places,
  people: People,
  settlements: readonly Settlement[],
): Outcome {
  const within: number[] = [];
  distances.forEach((metres, i) => metres <= limit && within.push(i));
  const { homes, others, homesOf, parts } = places.group(within);
  const perSettlement = settlements
    .map((settlement, i) => ({ settlement, homes: homesOf[i] as number, share: (homesOf[i] as number) / (places.homes[i] as number) }))
    .filter((row) => row.homes > 0)
    .sort((a, b) => b.homes - a.homes || a.settlement.id.localeCompare(b.settlement.id));
  return { homes, others, outside: homesOf[settlements.length] as number, residents: people.sum(parts)?.residents ?? null, perSettlement };
}
