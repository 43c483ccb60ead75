// "What if the limit were …": distances of all buildings, and what follows from a limit. No DOM in here.

import { Edges } from "./edges";
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

/** Join planes of bytes, from the low ones to the high ones, to unsigned numbers of 16 bits or signed ones of 32. */
export function joinPlanes<T extends Uint16Array | Int32Array>(bytes: Uint8Array, values: T): T {
  const count = values.length;
  for (let plane = 0; plane < values.BYTES_PER_ELEMENT; plane++)
    for (let i = 0; i < count; i++) values[i] = (values[i] as number) | ((bytes[plane * count + i] as number) << (8 * plane));
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
  private readonly loaded = new Map<string, Promise<unknown>>();

  constructor(
    private readonly info: PageData["whatif"],
    private readonly embedded: ArrayBuffer | null,
  ) {}

  /** Metres of every building to the nearest hazard of a class. */
  of(hazardClass: string): Promise<Uint16Array> {
    return this.section(hazardClass, (bytes) =>
      bytes ? joinPlanes(bytes, new Uint16Array(bytes.length / 2)) : new Uint16Array(this.info.buildings).fill(BEYOND),
    );
  }

  /** The edges that these are measured from. */
  edges(hazardClass: string): Promise<Edges> {
    return this.section(`edge/${hazardClass}`, (bytes) =>
      new Edges(bytes ? joinPlanes(bytes, new Int32Array(bytes.length / 4)) : new Int32Array(1)),
    );
  }

  buildings(): Promise<Buildings> {
    return this.section("buildings", (bytes) => {
      // Two arrays follow each other here, each with planes of its own.
      const half = (bytes?.length ?? 0) / 2;
      const array = (from: number): Uint16Array =>
        joinPlanes(bytes?.subarray(from, from + half) ?? new Uint8Array(0), new Uint16Array(half / 2));
      return { settlement: array(0), weight: array(half) };
    });
  }

  /** A section once it is read; `decode` gets null where there is none. */
  private section<T>(key: string, decode: (bytes: Uint8Array | null) => T): Promise<T> {
    let promise = this.loaded.get(key) as Promise<T> | undefined;
    if (!promise) {
      promise = this.read(key).then(decode);
      this.loaded.set(key, promise);
    }
    return promise;
  }

  private async read(key: string): Promise<Uint8Array | null> {
    const section = this.info.sections.find((candidate) => candidate.key === key);
    if (!section) return null;
    const { offset, length } = section;
    const packed = this.embedded
      ? this.embedded.slice(offset, offset + length)
      : await fetchRange(this.info.url, offset, length);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
}

async function fetchRange(url: string, offset: number, length: number): Promise<ArrayBuffer> {
  const response = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const body = await response.arrayBuffer();
  // A server without Range support answers 200 with the whole file.
  return response.status === 206 ? body : body.slice(offset, offset + length);
}
