// The file that the page reckons with (pipeline/load/planner_map/whatif.py), section by section. No DOM in here.

import { Edges } from "./edges";
import { People } from "./people";
import type { Hazard, PageData } from "./types";

/** A unit of a stored coordinate in degrees. */
export const UNITS_PER_DEGREE = 1e7;

export interface Buildings {
  /** Position of the settlement plus one; 0: in none. */
  settlement: Int32Array;
  /** Floor area in which people may live, in m²; 0: no home. */
  floor: Int32Array;
  /** Position of the kind in BUILDING_KINDS. */
  kind: Int32Array;
  footprint: Int32Array;
}

/** A point in each building, in degrees. */
export interface Points {
  lon: Float64Array;
  lat: Float64Array;
}

/** Buildings near the hazards of a class: those of hazard i from starts[i] to before starts[i + 1]. */
export interface Pairs {
  starts: Int32Array;
  building: Int32Array;
  /** Rounded up to whole metres. */
  metres: Int32Array;
}

export interface Coverage {
  cells: Edges;
  /** Of each cell: 1: inhabited, 2: mapped, 4: known to OpenStreetMap. */
  flags: Int32Array;
}

/** Join planes of bytes, from the low ones to the high ones, to signed numbers of 32 bits. */
export function joinPlanes(bytes: Uint8Array): Int32Array {
  const count = bytes.length / 4;
  const values = new Int32Array(count);
  for (let plane = 0; plane < 4; plane++)
    for (let i = 0; i < count; i++) values[i] = (values[i] as number) | ((bytes[plane * count + i] as number) << (8 * plane));
  return values;
}

/** Sums of differences: what was stored as the step from the one before. */
export function summed(steps: Int32Array): Int32Array {
  let sum = 0;
  return steps.map((step) => (sum += step));
}

/** Cut an array into so many pieces of equal length. */
function cut(values: Int32Array, pieces: number): Int32Array[] {
  const length = values.length / pieces;
  return Array.from({ length: pieces }, (_, i) => values.subarray(i * length, (i + 1) * length));
}

/** Which buildings are within the distance of which rule: a bit each. */
export class Reached {
  private readonly words: number;

  constructor(
    private readonly bits: Int32Array,
    private readonly ruleIds: readonly string[],
  ) {
    this.words = ruleIds.length > 0 ? bits.length / ruleIds.length : 0;
  }

  /** Position of a rule, for `has`. */
  row(ruleId: string): number {
    return this.ruleIds.indexOf(ruleId);
  }

  has(row: number, building: number): boolean {
    return row >= 0 && (((this.bits[row * this.words + (building >> 5)] as number) >>> (building & 31)) & 1) === 1;
  }

  rulesOf(building: number): string[] {
    return this.ruleIds.filter((_, row) => this.has(row, building));
  }
}

/** Reads the sections when they are first asked for, from the page or over HTTP Range. */
export class Sections {
  private readonly loaded = new Map<string, Promise<unknown>>();

  constructor(
    private readonly data: Pick<PageData, "whatif" | "rules" | "hazards" | "settlements">,
    /** The whole file, where the page holds it. */
    private readonly embedded: () => ArrayBuffer | null,
  ) {}

  buildings(): Promise<Buildings> {
    return this.section("buildings", (values) => {
      const [settlement, floor, kind, footprint] = cut(values, 4) as [Int32Array, Int32Array, Int32Array, Int32Array];
      return { settlement, floor, kind, footprint };
    });
  }

  points(): Promise<Points> {
    return this.section("points", (values) => {
      const [lon, lat] = cut(values, 2).map((steps) => Float64Array.from(summed(steps), (unit) => unit / UNITS_PER_DEGREE)) as [Float64Array, Float64Array];
      return { lon, lat };
    });
  }

  /** The year in which rasters first show the place of each building built up; 0: none does. */
  firstSeen(): Promise<Int32Array> {
    return this.section("first_seen", (values) => values);
  }

  reached(): Promise<Reached> {
    return this.section("rules", (values) => new Reached(values, this.data.rules.map((rule) => rule.id)));
  }

  pairs(hazardClass: string): Promise<Pairs> {
    return this.section(`pairs/${hazardClass}`, (values) => {
      const hazards = values[0] ?? 0;
      const starts = new Int32Array(hazards + 1);
      starts.set(summed(values.subarray(1, 1 + hazards)), 1);
      const [steps, metres] = cut(values.subarray(1 + hazards), 2) as [Int32Array, Int32Array];
      return { starts, building: summed(steps), metres };
    });
  }

  edges(hazardClass: string): Promise<Edges> {
    return this.section(`edge/${hazardClass}`, (values) => new Edges(values));
  }

  /** The outlines of the settlements, in the order in which the page lists them. */
  outlines(): Promise<Edges> {
    return this.section("outlines", (values) => new Edges(values));
  }

  /** The edges of all classes, each with the hazards that they belong to. */
  async everyEdge(): Promise<{ edges: Edges; hazards: Hazard[] }[]> {
    const classes = [...new Set(this.data.hazards.map((hazard) => hazard.hazardClass))];
    return Promise.all(
      classes.map(async (name) => ({
        edges: await this.edges(name),
        hazards: this.data.hazards.filter((hazard) => hazard.hazardClass === name),
      })),
    );
  }

  people(): Promise<People> {
    return this.section("draws", (values) => new People(values));
  }

  async coverage(): Promise<Coverage> {
    const [cells, flags] = await Promise.all([
      this.section("cells", (values) => new Edges(values)), this.section("coverage", (values) => values),
    ]);
    return { cells, flags };
  }

  /** A section once it is read; what is not in the file is empty. */
  private section<T>(key: string, decode: (values: Int32Array) => T): Promise<T> {
    let promise = this.loaded.get(key) as Promise<T> | undefined;
    if (!promise) {
      promise = this.read(key).then((bytes) => decode(joinPlanes(bytes)));
      this.loaded.set(key, promise);
    }
    return promise;
  }

  private async read(key: string): Promise<Uint8Array> {
    const section = this.data.whatif.sections.find((candidate) => candidate.key === key);
    if (!section) return new Uint8Array(0);
    const { offset, length } = section;
    const packed = this.embedded()?.slice(offset, offset + length) ?? (await fetchRange(this.data.whatif.url, offset, length));
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
