// "What if the limit were …": distances of all buildings, and what follows from a limit. No DOM in here.

import type { PageData, Settlement } from "./types";
import { type Range, sumOfParts } from "./numbers";

export const BEYOND = 0xffff;

export interface Buildings {
  /** Position of the settlement plus one; 0: in none. */
  settlement: Uint16Array;
  /** Floor area of a dwelling in m²; 0: nobody lives there. */
  weight: Uint16Array;
}

export interface Outcome {
  buildings: number;
  /** Of these, outside any settlement: no residents are estimated for them. */
  outside: number;
  residents: Range;
  perSettlement: { settlement: Settlement; buildings: number; share: number }[];
}

/** Join a plane of low and a plane of high bytes. */
export function joinPlanes(bytes: Uint8Array): Uint16Array {
  const count = bytes.length >> 1;
  const values = new Uint16Array(count);
  for (let i = 0; i < count; i++) values[i] = (bytes[i] as number) | ((bytes[count + i] as number) << 8);
  return values;
}

/** What a limit means: buildings at most that far from a hazard of the class, and the people who live in them. */
export function outcome(
  distances: Uint16Array,
  limit: number,
  buildings: Buildings,
  settlements: readonly Settlement[],
): Outcome {
  const counts = new Uint32Array(settlements.length + 1);
  const within = new Float64Array(settlements.length + 1);
  const whole = new Float64Array(settlements.length + 1);
  const { settlement, weight } = buildings;
  for (let i = 0; i < distances.length; i++) {
    const at = settlement[i] as number;
    const floor = weight[i] as number;
    whole[at] = (whole[at] as number) + floor;
    if ((distances[i] as number) <= limit) {
      counts[at] = (counts[at] as number) + 1;
      within[at] = (within[at] as number) + floor;
    }
  }
  const perSettlement = settlements
    .map((entry, i) => ({
      settlement: entry,
      buildings: counts[i + 1] as number,
      share: (whole[i + 1] as number) > 0 ? (within[i + 1] as number) / (whole[i + 1] as number) : 0,
    }))
    .filter((row) => row.buildings > 0)
    .sort((a, b) => b.buildings - a.buildings || a.settlement.id.localeCompare(b.settlement.id));
  const parts = perSettlement.flatMap(({ settlement: { population }, share }) =>
    population.residents ? [{ interval: population.residents, share }] : [],
  );
  return {
    buildings: counts.reduce((sum, count) => sum + count, 0),
    outside: counts[0] as number,
    residents: sumOfParts(parts),
    perSettlement,
  };
}

/** Reads the sections of the what-if file when they are first asked for, from the page or over HTTP Range. */
export class Distances {
  private readonly loaded = new Map<string, Promise<Uint16Array>>();

  constructor(
    private readonly info: PageData["whatif"],
    private readonly embedded: ArrayBuffer | null,
  ) {}

  /** Metres of every building to the nearest hazard of a class. */
  of(hazardClass: string): Promise<Uint16Array> {
    return this.section(hazardClass).then((values) =>
      values.length > 0 ? values : new Uint16Array(this.info.buildings).fill(BEYOND),
    );
  }

  async buildings(): Promise<Buildings> {
    const both = await this.section("buildings");
    const half = both.length / 2;
    return { settlement: both.subarray(0, half), weight: both.subarray(half) };
  }

  private section(key: string): Promise<Uint16Array> {
    let promise = this.loaded.get(key);
    if (!promise) {
      promise = this.read(key);
      this.loaded.set(key, promise);
    }
    return promise;
  }

  private async read(key: string): Promise<Uint16Array> {
    const section = this.info.sections.find((candidate) => candidate.key === key);
    if (!section) return new Uint16Array(0);
    const { offset, length } = section;
    const packed = this.embedded
      ? this.embedded.slice(offset, offset + length)
      : await fetchRange(this.info.url, offset, length);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    if (key !== "buildings") return joinPlanes(bytes);
    // Two arrays follow each other here, each with planes of its own.
    const half = bytes.length / 2;
    const both = new Uint16Array(half);
    both.set(joinPlanes(bytes.subarray(0, half)), 0);
    both.set(joinPlanes(bytes.subarray(half)), half / 2);
    return both;
  }
}

async function fetchRange(url: string, offset: number, length: number): Promise<ArrayBuffer> {
  const response = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const body = await response.arrayBuffer();
  // A server without Range support answers 200 with the whole file.
  return response.status === 206 ? body : body.slice(offset, offset + length);
}
