// The area's projection: metres as the tables measure them (pipeline/load/planner_map/page_projection.py). No DOM in here.

import type { ProjectionData } from "./types";

export type Point = [number, number];

export class Projection {
  private readonly degree: number;
  private readonly u: Float64Array;
  private readonly v: Float64Array;

  constructor(private readonly data: ProjectionData) {
    // The number of terms i + j <= degree is (degree + 1)(degree + 2)/2.
    this.degree = Math.round((Math.sqrt(8 * data.x.length + 1) - 3) / 2);
    this.u = new Float64Array(this.degree + 1);
    this.v = new Float64Array(this.degree + 1);
  }

  /** Metres of a place; beyond the box where the projection holds it is moved to its edge. */
  metres(lon: number, lat: number): Point {
    const { box, x, y } = this.data;
    const [west, south, east, north] = box;
    chebyshev(this.u, (2 * lon - west - east) / (east - west));
    chebyshev(this.v, (2 * lat - south - north) / (north - south));
    let [sumX, sumY, term] = [0, 0, 0];
    for (let i = 0; i <= this.degree; i++) {
      for (let j = 0; i + j <= this.degree; j++) {
        const product = (this.u[i] as number) * (this.v[j] as number);
        sumX += product * (x[term] as number);
        sumY += product * (y[term] as number);
        term++;
      }
    }
    return [sumX, sumY];
  }
}

/** Fill in T_0(t), T_1(t) …, with t held between -1 and 1. */
function chebyshev(into: Float64Array, at: number): void {
  const t = Math.max(-1, Math.min(1, at));
  for (let n = 0; n < into.length; n++)
    into[n] = n === 0 ? 1 : n === 1 ? t : 2 * t * (into[n - 1] as number) - (into[n - 2] as number);
}

/** Square of the distance from a point to the line between two others. */
export function squaredDistance(px: number, py: number, ax: number, ay: number, bx: number, by: number): number {
  const [dx, dy] = [bx - ax, by - ay];
  const along = dx === 0 && dy === 0 ? 0 : Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy)));
  return (px - ax - along * dx) ** 2 + (py - ay - along * dy) ** 2;
}
