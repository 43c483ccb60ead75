// The edges of a class's hazards, and what lies within any distance of them. No DOM in here.

import { squaredDistance, type Point, type Projection } from "./projection";

/** Semi-major axis in metres and squared eccentricity of WGS 84. */
const [AXIS, ECCENTRICITY2] = [6_378_137, 0.00669437999014];
const UNITS_PER_DEGREE = 1e7;
/** Side of a tile on the map. */
const TILE_PX = 256;
/** Points of a piece of an edge: short pieces have small boxes, so that few of them are near a tile. */
const PIECE = 32;
/** Points nearer than this to the one before are passed over. */
const THINNING_PX = 0.3;

export interface Tile {
  z: number;
  x: number;
  y: number;
}

/** A run of points of a hazard with its box; coordinates are those of the web's maps, from 0 to 1. */
interface Piece {
  hazard: number;
  from: number;
  to: number;
  west: number;
  north: number;
  east: number;
  south: number;
}

/** What takes a shape up: a canvas' path, or a list in a test. */
export interface Pen {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  closePath(): void;
}

/**
 * Pixels of a metre to the east and to the south at a latitude (radians) and zoom.
 *
 * The web's projection takes the ellipsoid for a sphere, so that the two differ, by 0.4 % at 43°: the radii of
 * curvature are those of the prime vertical and of the meridian (Snyder 1987, USGS Professional Paper 1395, 4-18, 4-20).
 */
export function pixelsPerMetre(latitude: number, zoom: number): [number, number] {
  const bend = 1 - ECCENTRICITY2 * Math.sin(latitude) ** 2;
  const prime = AXIS / Math.sqrt(bend);
  const meridian = (AXIS * (1 - ECCENTRICITY2)) / bend ** 1.5;
  const px = (TILE_PX * 2 ** zoom) / (2 * Math.PI * Math.cos(latitude));
  return [px / prime, px / meridian];
}

export class Edges {
  private readonly x: Float64Array;
  private readonly y: Float64Array;
  /** What a pen follows, and what lies inside a ring. */
  private readonly pieces: Piece[] = [];
  private readonly rings: Piece[] = [];
  private readonly lon: Float64Array;
  private readonly lat: Float64Array;
  private grounded: { x: Float64Array; y: Float64Array } | null = null;

  /** Read what pipeline/load/planner_map/whatif.py wrote. */
  constructor(values: Int32Array) {
    const hazards = values[0] ?? 0;
    const partsOf = values.subarray(1, 1 + hazards);
    const parts = partsOf.reduce((sum, count) => sum + count, 0);
    const counts = values.subarray(1 + hazards, 1 + hazards + parts);
    const first = 1 + hazards + parts;
    const points = Math.max(0, (values.length - first) / 2);
    [this.x, this.y, this.lon, this.lat] = [0, 0, 0, 0].map(() => new Float64Array(points)) as [Float64Array, Float64Array, Float64Array, Float64Array];
    for (let i = 0, lon = 0, lat = 0; i < points; i++) {
      lon += values[first + i] as number;
      lat += values[first + points + i] as number;
      this.lon[i] = lon / UNITS_PER_DEGREE;
      this.lat[i] = lat / UNITS_PER_DEGREE;
      this.x[i] = lon / UNITS_PER_DEGREE / 360 + 0.5;
      const sine = Math.sin(((lat / UNITS_PER_DEGREE) * Math.PI) / 180);
      this.y[i] = 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
    }
    let [from, part] = [0, 0];
    partsOf.forEach((count, hazard) => {
      for (const last = part + count; part < last; part++) {
        const signed = counts[part] as number;
        const to = from + Math.abs(signed);
        if (signed < 0) this.rings.push(this.piece(hazard, from, to));
        // A piece begins with the last point of the one before; a point alone is a piece as well.
        for (let at = from; at === from || at < to - 1; at += PIECE) this.pieces.push(this.piece(hazard, at, Math.min(to, at + PIECE + 1)));
        from = to;
      }
    });
  }

  private piece(hazard: number, from: number, to: number): Piece {
    const box: Piece = { hazard, from, to, west: Infinity, north: Infinity, east: -Infinity, south: -Infinity };
    // A loop, since a ring may have more points than a call can have arguments.
    for (let i = from; i < to; i++) {
      const [x, y] = [this.x[i] as number, this.y[i] as number];
      box.west = Math.min(box.west, x);
      box.north = Math.min(box.north, y);
      box.east = Math.max(box.east, x);
      box.south = Math.max(box.south, y);
    }
    return box;
  }

  /**
   * Trace what lies within a limit of a tile, in metres from its north-western corner.
   *
   * All distances are measured at the scale of the tile's middle. What a line as wide as twice the limit then covers is
   * wrong by the square of the limit over 13,700 km: 7 cm at 1 km, and less than a pixel up to 2 km at any zoom.
   *
   * @param only - The one hazard that is meant; null: all of the class.
   * @returns Pixels of a metre to the east and to the south; null: nothing is that near.
   */
  trace(tile: Tile, limit: number, line: Pen, land: Pen, only: number | null = null): [number, number] | null {
    const size = 2 ** tile.z;
    const [east, south] = pixelsPerMetre(Math.atan(Math.sinh(Math.PI * (1 - (2 * (tile.y + 0.5)) / size))), tile.z);
    // A fiftieth more than the limit, and two pixels: what is only just too far may as well be drawn.
    const [aroundX, aroundY] = [east, south].map((scale) => (limit * scale * 1.02 + 2) / TILE_PX) as [number, number];
    const near = (piece: Piece): boolean =>
      piece.west * size <= tile.x + 1 + aroundX && piece.east * size >= tile.x - aroundX &&
      piece.north * size <= tile.y + 1 + aroundY && piece.south * size >= tile.y - aroundY;
    let found = false;
    const draw = (pieces: readonly Piece[], pen: Pen, closed: boolean): void => {
      for (const piece of pieces) {
        if ((only !== null && piece.hazard !== only) || !near(piece)) continue;
        found = true;
        this.follow(piece, size, tile, [east, south], pen);
        if (closed) pen.closePath();
      }
    };
    draw(this.rings, land, true);
    draw(this.pieces, line, false);
    return found ? [east, south] : null;
  }

  /** The points in metres of the area's projection; made when first asked for. */
  private ground(projection: Projection): { x: Float64Array; y: Float64Array } {
    if (!this.grounded) {
      const [x, y] = [new Float64Array(this.x.length), new Float64Array(this.x.length)];
      for (let i = 0; i < x.length; i++) [x[i], y[i]] = projection.metres(this.lon[i] as number, this.lat[i] as number);
      this.grounded = { x, y };
    }
    return this.grounded;
  }

  /** Metres from a place (metres) to each hazard of the class; 0: on its land. */
  distances(projection: Projection, [px, py]: Point): Map<number, number> {
    const { x, y } = this.ground(projection);
    const squares = new Map<number, number>();
    for (const { hazard, from, to } of this.pieces) {
      let nearest = squares.get(hazard) ?? Infinity;
      for (let i = from; i < Math.max(to - 1, from + 1); i++) {
        const end = Math.min(i + 1, to - 1);
        nearest = Math.min(nearest, squaredDistance(px, py, x[i] as number, y[i] as number, x[end] as number, y[end] as number));
      }
      squares.set(hazard, nearest);
    }
    const turns = new Map<number, number>();
    for (const ring of this.rings) turns.set(ring.hazard, (turns.get(ring.hazard) ?? 0) + windings(x, y, ring, px, py));
    return new Map([...squares].map(([hazard, square]) => [hazard, turns.get(hazard) ? 0 : Math.sqrt(square)]));
  }

  /** Lead through the sides of every piece and every ring, in metres. */
  sides(projection: Projection, visit: (hazard: number, ring: boolean, ax: number, ay: number, bx: number, by: number) => void): void {
    const { x, y } = this.ground(projection);
    for (const [runs, ring] of [[this.pieces, false], [this.rings, true]] as const) {
      for (const { hazard, from, to } of runs) {
        for (let i = from; i < Math.max(to - 1, from + 1); i++) {
          const end = Math.min(i + 1, to - 1);
          visit(hazard, ring, x[i] as number, y[i] as number, x[end] as number, y[end] as number);
        }
      }
    }
  }

  private follow({ from, to }: Piece, size: number, tile: Tile, [east, south]: [number, number], pen: Pen): void {
    let [lastX, lastY] = [Number.NaN, Number.NaN];
    for (let i = from; i < to; i++) {
      const x = ((this.x[i] as number) * size - tile.x) * TILE_PX;
      const y = ((this.y[i] as number) * size - tile.y) * TILE_PX;
      if (i === from) {
        pen.moveTo(x / east, y / south);
        // A canvas draws no line without length: that of a point has a millimetre.
        if (to - from === 1) pen.lineTo(x / east + 0.001, y / south);
      } else if (i < to - 1 && Math.abs(x - lastX) + Math.abs(y - lastY) < THINNING_PX) {
        continue;
      } else {
        pen.lineTo(x / east, y / south);
      }
      [lastX, lastY] = [x, y];
    }
  }
}

/** How often a ring winds around a point: outer rings and holes turn against each other. */
function windings(x: Float64Array, y: Float64Array, { from, to }: Piece, px: number, py: number): number {
  let turns = 0;
  for (let i = from; i < to - 1; i++) {
    const [ax, ay, bx, by] = [x[i] as number, y[i] as number, x[i + 1] as number, y[i + 1] as number];
    const left = (bx - ax) * (py - ay) - (px - ax) * (by - ay);
    if (ay <= py && by > py && left > 0) turns++;
    if (ay > py && by <= py && left < 0) turns--;
  }
  return turns;
}
