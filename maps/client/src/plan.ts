// A planner's own area: polygons in degrees, what lies in them, and how they travel in an address. No DOM in here.

import { orient2d } from "robust-predicates";
import { UNITS_PER_DEGREE } from "./sections";

/** Longitude and latitude in degrees, to a centimetre. */
export type Vertex = [number, number];
export type Ring = Vertex[];
/** An outer ring and its holes; the first point of a ring is not repeated at its end. */
export type Polygon = Ring[];
export type Plan = Polygon[];

export type Box = [number, number, number, number];

/** A coordinate to the centimetre, as buildings have it. */
export function toCentimetre(degrees: number): number {
  return Math.round(degrees * UNITS_PER_DEGREE) / UNITS_PER_DEGREE;
}

export function boxOf(plan: Plan): Box {
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lon, lat] of plan.flat(2)) {
    box[0] = Math.min(box[0], lon);
    box[1] = Math.min(box[1], lat);
    box[2] = Math.max(box[2], lon);
    box[3] = Math.max(box[3], lat);
  }
  return box;
}

export function verticesOf(plan: Plan): number {
  return plan.reduce((sum, polygon) => sum + polygon.reduce((inner, ring) => inner + ring.length, 0), 0);
}

/** The sides of a polygon in bands of latitude, so that a point is compared with few of them. */
class Banded {
  private readonly bands: number[][];
  private readonly sides: number[] = [];
  private readonly box: Box;

  constructor(polygon: Polygon) {
    this.box = boxOf([polygon]);
    const [, south, , north] = this.box;
    const count = Math.max(1, Math.min(4096, verticesOf([polygon])));
    this.bands = Array.from({ length: count }, () => []);
    this.height = (north - south) / count || 1;
    for (const ring of polygon) {
      ring.forEach(([ax, ay], i) => {
        const [bx, by] = ring[(i + 1) % ring.length] as Vertex;
        const place = this.sides.push(ax, ay, bx, by) - 4;
        for (let band = this.bandOf(Math.min(ay, by)); band <= this.bandOf(Math.max(ay, by)); band++) this.bands[band]?.push(place);
      });
    }
  }

  private readonly height: number;

  private bandOf(lat: number): number {
    return Math.max(0, Math.min(this.bands.length - 1, Math.floor((lat - this.box[1]) / this.height)));
  }

  /** Whether a point lies inside, and not on the edge: exact, as GEOS answers it. */
  contains(lon: number, lat: number): boolean {
    const [west, south, east, north] = this.box;
    if (lon < west || lon > east || lat < south || lat > north) return false;
    let inside = false;
    for (const place of this.bands[this.bandOf(lat)] ?? []) {
      const [ax, ay, bx, by] = [this.sides[place], this.sides[place + 1], this.sides[place + 2], this.sides[place + 3]] as [number, number, number, number];
      if (lat < Math.min(ay, by) || lat > Math.max(ay, by)) continue;
      const side = orient2d(ax, ay, bx, by, lon, lat);
      if (side === 0 && lon >= Math.min(ax, bx) && lon <= Math.max(ax, bx)) return false;
      if (ay > lat !== by > lat && side > 0 === by > ay) inside = !inside;
    }
    return inside;
  }
}

/** Positions of the points that lie in any polygon of a plan. */
export function pointsIn(plan: Plan, lon: Float64Array, lat: Float64Array): number[] {
  const polygons = plan.map((polygon) => new Banded(polygon));
  const [west, south, east, north] = boxOf(plan);
  const found: number[] = [];
  for (let i = 0; i < lon.length; i++) {
    const [x, y] = [lon[i] as number, lat[i] as number];
    if (x < west || x > east || y < south || y > north) continue;
    if (polygons.some((polygon) => polygon.contains(x, y))) found.push(i);
  }
  return found;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Whole numbers as text that an address may hold: five bits a digit, the sign first, small numbers short. */
function written(values: readonly number[]): string {
  let text = "";
  for (const value of values) {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    do {
      const low = rest % 32;
      rest = Math.floor(rest / 32);
      text += DIGITS[rest > 0 ? low + 32 : low];
    } while (rest > 0);
  }
  return text;
}

function read(text: string): number[] {
  const values: number[] = [];
  let [value, scale] = [0, 1];
  for (const letter of text) {
    const digit = DIGITS.indexOf(letter);
    if (digit < 0) return [];
    value += (digit % 32) * scale;
    scale *= 32;
    if (digit >= 32) continue;
    values.push(value % 2 === 1 ? -(value + 1) / 2 : value / 2);
    [value, scale] = [0, 1];
  }
  return values;
}

/** A plan as text: how many polygons, rings of each, points of each ring, then the steps from point to point. */
export function encodePlan(plan: Plan): string {
  const values = [plan.length, ...plan.map((polygon) => polygon.length), ...plan.flat().map((ring) => ring.length)];
  let [lon, lat] = [0, 0];
  for (const vertex of plan.flat(2)) {
    const [x, y] = vertex.map((degrees) => Math.round(degrees * UNITS_PER_DEGREE)) as Vertex;
    values.push(x - lon, y - lat);
    [lon, lat] = [x, y];
  }
  return written(values);
}

/** The plan of a text; null: it is none. */
export function decodePlan(text: string): Plan | null {
  const values = read(text);
  let at = 0;
  const take = (count: number): number[] => values.slice(at, (at += count));
  const [polygons = 0] = take(1);
  if (polygons < 1 || polygons > values.length) return null;
  const rings = take(polygons);
  const total = rings.reduce((sum, count) => sum + count, 0);
  if (rings.some((count) => count < 1) || total > values.length) return null;
  const counts = take(total);
  if (counts.some((count) => count < 3) || values.length - at !== 2 * counts.reduce((sum, count) => sum + count, 0)) return null;
  let [lon, lat] = [0, 0];
  const drawn = counts.map((count) =>
    Array.from({ length: count }, (): Vertex => {
      const [x = 0, y = 0] = take(2);
      [lon, lat] = [lon + x, lat + y];
      return [lon / UNITS_PER_DEGREE, lat / UNITS_PER_DEGREE];
    }));
  if (drawn.flat().some(([x, y]) => Math.abs(x) > 180 || Math.abs(y) > 90)) return null;
  let first = 0;
  return rings.map((count) => drawn.slice(first, (first += count)));
}
