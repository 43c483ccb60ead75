// How much land polygons and zones cover, measured along parallel lines: no polygon has to be cut. No DOM in here.

import type { Edges } from "./edges";
import type { Plan } from "./plan";
import type { Projection } from "./projection";

/** Stretches of a line, each from a beginning to an end, in ascending order and apart. */
type Stretches = [number, number][];

/** With so many lines the error is about a thousandth of a plan. */
const LINES = 600;

/** A zone of a class: its hazards, each with the distance of its rule (metres). */
export interface Zone {
  edges: Edges;
  limits: readonly number[];
}

function united(stretches: Stretches): Stretches {
  const apart: Stretches = [];
  for (const [from, to] of stretches.sort((a, b) => a[0] - b[0])) {
    const last = apart[apart.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else apart.push([from, to]);
  }
  return apart;
}

function lengthOf(stretches: Stretches): number {
  return stretches.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** Length of what two sets of stretches have in common. */
function common(a: Stretches, b: Stretches): number {
  let [sum, i, j] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const [first, second] = [a[i] as [number, number], b[j] as [number, number]];
    sum += Math.max(0, Math.min(first[1], second[1]) - Math.max(first[0], second[0]));
    if (first[1] < second[1]) i++;
    else j++;
  }
  return sum;
}

export class Scanlines {
  private readonly bottom: number;
  private readonly step: number;
  private readonly left: number;
  private readonly right: number;
  private readonly rows: Stretches[];

  constructor(plan: Plan, private readonly projection: Projection) {
    const polygons = plan.map((polygon) => polygon.map((ring) => ring.map(([lon, lat]) => projection.metres(lon, lat))));
    const points = polygons.flat(2);
    const bounds = points.reduce(([w, s, e, n], [x, y]) => [Math.min(w, x), Math.min(s, y), Math.max(e, x), Math.max(n, y)], [Infinity, Infinity, -Infinity, -Infinity]);
    [this.left, this.bottom, this.right] = bounds as [number, number, number, number];
    this.step = ((bounds[3] as number) - this.bottom) / LINES;
    const crossings = polygons.map(() => Array.from({ length: LINES }, (): number[] => []));
    polygons.forEach((rings, polygon) => {
      for (const ring of rings) {
        ring.forEach(([ax, ay], i) => {
          const [bx, by] = ring[(i + 1) % ring.length] as [number, number];
          this.crossed(ay, by, (row, y) => crossings[polygon]?.[row]?.push(ax + ((y - ay) / (by - ay)) * (bx - ax)));
        });
      }
    });
    this.rows = Array.from({ length: LINES }, (_, row) =>
      united(crossings.flatMap((rows) => {
        const ends = (rows[row] ?? []).sort((a, b) => a - b);
        return Array.from({ length: Math.floor(ends.length / 2) }, (_, i): [number, number] => [ends[2 * i] as number, ends[2 * i + 1] as number]);
      })));
  }

  /** Lead through the lines that a side from one height to another crosses. */
  private crossed(a: number, b: number, visit: (row: number, y: number) => void): void {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    const first = Math.max(0, Math.ceil((low - this.bottom) / this.step - 0.5));
    for (let row = first; row < LINES; row++) {
      const y = this.bottom + (row + 0.5) * this.step;
      if (y >= high) break;
      if (y >= low) visit(row, y);
    }
  }

  /** Land of the plan in m²; what several of its polygons cover counts once. */
  get area(): number {
    return this.rows.reduce((sum, row) => sum + lengthOf(row), 0) * this.step;
  }

  /** Land of the plan within a zone, in m². */
  within({ edges, limits }: Zone): number {
    const covered = Array.from({ length: LINES }, (): Stretches => []);
    const turns = new Map<number, { x: number; turn: number }[][]>();
    edges.sides(this.projection, (hazard, ring, ax, ay, bx, by) => {
      const limit = limits[hazard] ?? 0;
      if (ring) {
        // A ring turns left or right where it crosses a line: inside is where the turns do not cancel out.
        this.crossed(ay, by, (row, y) => {
          let rows = turns.get(hazard);
          if (!rows) turns.set(hazard, (rows = Array.from({ length: LINES }, () => [])));
          rows[row]?.push({ x: ax + ((y - ay) / (by - ay)) * (bx - ax), turn: by > ay ? 1 : -1 });
        });
      } else if (limit > 0 && Math.max(ax, bx) + limit >= this.left && Math.min(ax, bx) - limit <= this.right) {
        this.crossed(Math.min(ay, by) - limit, Math.max(ay, by) + limit, (row, y) => {
          const stretch = besideSegment(y, limit, ax, ay, bx, by);
          if (stretch) covered[row]?.push(stretch);
        });
      }
    });
    for (const rows of turns.values()) {
      rows.forEach((crossings, row) => {
        let sum = 0;
        crossings.sort((a, b) => a.x - b.x).forEach(({ x, turn }, i) => {
          if (sum !== 0) covered[row]?.push([(crossings[i - 1] as { x: number }).x, x]);
          sum += turn;
        });
      });
    }
    return this.rows.reduce((sum, row, i) => sum + common(row, united(covered[i] ?? [])), 0) * this.step;
  }
}

/** The stretch of a horizontal line within a distance of a segment: all of that land is convex, so it is one. */
function besideSegment(y: number, limit: number, ax: number, ay: number, bx: number, by: number): [number, number] | null {
  let [from, to] = [Infinity, -Infinity];
  const reach = (x: number): void => {
    from = Math.min(from, x);
    to = Math.max(to, x);
  };
  for (const [x, height] of [[ax, ay], [bx, by]] as const) {
    const half = limit ** 2 - (y - height) ** 2;
    if (half >= 0) {
      reach(x - Math.sqrt(half));
      reach(x + Math.sqrt(half));
    }
  }
  const length = Math.hypot(bx - ax, by - ay);
  if (length > 0) {
    const [nx, ny] = [(-(by - ay) / length) * limit, ((bx - ax) / length) * limit];
    for (const side of [1, -1]) {
      const [y1, y2] = [ay + side * ny, by + side * ny];
      if (y1 > y !== y2 > y) reach(ax + side * nx + ((y - y1) / (y2 - y1)) * (bx - ax));
    }
  }
  return from <= to ? [from, to] : null;
}
