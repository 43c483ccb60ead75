// How many people live in a group of places, added up draw by draw, quantiles last: what `novostroiki estimate` does.
// No DOM in here.

import type { Range } from "./numbers";

export const PEOPLE = ["residents", "unregistered"] as const;
export type PeopleQuantity = (typeof PEOPLE)[number];

/** Coefficient of variation of residents per home (HOME_SPREAD in pipeline/schema/draws.py). */
const HOME_SPREAD = 0.95;

/** A part of a place: which share of the floor area of its homes, of how many homes effectively, (Σ floor)²/Σ floor². */
export interface Part {
  place: number;
  share: number;
  homes: number;
}

export class People {
  private readonly places: number;
  private readonly kept: number;
  private readonly draws: Int32Array;

  /** Read what pipeline/load/planner_map/whatif.py wrote. */
  constructor(values: Int32Array) {
    this.places = values[0] ?? 0;
    this.draws = values.subarray(1);
    this.kept = this.places > 0 ? this.draws.length / this.places / PEOPLE.length : 0;
  }

  /** Position of the houses that are in no settlement. */
  get rest(): number {
    return this.places - 1;
  }

  has(place: number): boolean {
    return place >= 0 && place < this.places && this.kept > 0 && (this.draws[place * this.kept] as number) >= 0;
  }

  /** The people of parts of places; null: of none of them are there draws. */
  sum(parts: readonly Part[]): Record<PeopleQuantity, Range> | null {
    const known = parts.filter((part) => part.share > 0 && this.has(part.place));
    if (known.length === 0) return null;
    const totals = PEOPLE.map(() => new Float64Array(this.kept));
    for (const { place, share, homes } of known) {
      const shares = shareDraws(share, homes, this.kept, place);
      totals.forEach((total, quantity) => {
        const first = (quantity * this.places + place) * this.kept;
        for (let i = 0; i < this.kept; i++)
          total[i] = (total[i] as number) + Math.round((this.draws[first + i] as number) * (shares[i] as number));
      });
    }
    const [residents, unregistered] = totals.map(rangeOfDraws) as [Range, Range];
    return { residents, unregistered };
  }
}

/** Median and 90 % interval of draws, as NumPy interpolates. */
export function rangeOfDraws(draws: Float64Array): Range {
  const sorted = draws.slice().sort();
  const at = (quantile: number): number => {
    const place = quantile * (sorted.length - 1);
    const below = Math.floor(place);
    const low = sorted[below] as number;
    return low + (place - below) * ((sorted[below + 1] ?? low) - low);
  };
  return { low: at(0.05), middle: at(0.5), high: at(0.95) };
}

/** Draws of the share of a place's people who live in a part of it (`inside` in pipeline/schema/draws.py). */
export function shareDraws(share: number, homes: number, count: number, seed: number): Float64Array {
  const draws = new Float64Array(count).fill(share);
  if (share >= 1) return draws.fill(1);
  const worth = Math.max(homes / HOME_SPREAD ** 2 - 1, 0.5);
  const random = generator(seed);
  for (let i = 0; i < count; i++) {
    const [inside, outside] = [gamma(share * worth, random), gamma((1 - share) * worth, random)];
    draws[i] = inside + outside > 0 ? inside / (inside + outside) : share;
  }
  return draws;
}

/** Uniform numbers between 0 and 1 (sfc32, the small fast counter of C. Doty-Humphrey's PractRand). */
function generator(seed: number): () => number {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A draw of the Gamma distribution with scale 1 (Marsaglia & Tsang 2000, ACM Trans. Math. Softw. 26, 363-372). */
function gamma(shape: number, random: () => number): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    // Box and Muller: a normal number from two uniform ones.
    const x = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
