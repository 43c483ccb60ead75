// A group of buildings: its homes, what else stands there, and which part of which place's people lives in it. No DOM in here.

import type { Part } from "./people";
import type { Buildings } from "./sections";

export interface Group {
  homes: number;
  /** Sheds, halls and outlines too small or too large for a home. */
  others: number;
  /** Homes of the group in each place: the settlements, and last the houses in none. */
  homesOf: Uint32Array;
  parts: Part[];
}

/** The places of an area with their homes. */
export class Places {
  readonly homes: Uint32Array;
  private readonly floor: Float64Array;
  private readonly squares: Float64Array;

  constructor(
    readonly buildings: Buildings,
    private readonly settlements: number,
  ) {
    this.homes = new Uint32Array(settlements + 1);
    this.floor = new Float64Array(settlements + 1);
    this.squares = new Float64Array(settlements + 1);
    for (let i = 0; i < buildings.floor.length; i++) {
      const [place, floor] = [this.of(i), buildings.floor[i] as number];
      if (floor === 0) continue;
      this.homes[place] = (this.homes[place] as number) + 1;
      this.floor[place] = (this.floor[place] as number) + floor;
      this.squares[place] = (this.squares[place] as number) + floor ** 2;
    }
  }

  /** Position of the place of a building. */
  of(building: number): number {
    const settlement = this.buildings.settlement[building] as number;
    return settlement === 0 ? this.settlements : settlement - 1;
  }

  group(members: Iterable<number>): Group {
    const homesOf = new Uint32Array(this.homes.length);
    const floors = new Float64Array(this.homes.length);
    let others = 0;
    for (const i of members) {
      const [place, floor] = [this.of(i), this.buildings.floor[i] as number];
      if (floor === 0) {
        others++;
        continue;
      }
      homesOf[place] = (homesOf[place] as number) + 1;
      floors[place] = (floors[place] as number) + floor;
    }
    const parts = [...floors].flatMap((floor, place) => {
      const whole = this.floor[place] as number;
      return floor > 0 ? [{ place, share: floor / whole, homes: whole ** 2 / (this.squares[place] as number) }] : [];
    });
    return { homes: homesOf.reduce((sum, count) => sum + count, 0), others, homesOf, parts };
  }
}
