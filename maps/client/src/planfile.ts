// A plan from a file: GeoJSON, KML or GPX. Text in, polygons or the reason why not out; nothing of the file is ever run.

import { gpx, kml } from "@tmcw/togeojson";
import type { GeoJSON, Position } from "geojson";
import { boxOf, toCentimetre, verticesOf, type Box, type Plan, type Ring, type Vertex } from "./plan";

export const MOST_BYTES = 20_000_000;
export const MOST_VERTICES = 100_000;
/** Beyond these, coordinates are metres and not degrees. */
const [MOST_LON, MOST_LAT] = [180, 90];

/** Key of the sentence that says why a file cannot be used, and what fills its placeholders. */
export class PlanError extends Error {
  constructor(
    readonly key: string,
    readonly values: Record<string, string | number> = {},
  ) {
    super(key);
  }
}

export interface PlanFile {
  plan: Plan;
  name: string;
  /** Keys of sentences about what was left out or understood in some way. */
  notes: string[];
}

/** Read a plan from a file's text, for a map of some bounds. */
export function readPlan(fileName: string, text: string, bounds: Box): PlanFile {
  const told = parsed(fileName, text);
  checkCrs(told);
  const shapes = polygonsOf(told);
  const vertices = verticesOf(shapes.plan);
  if (vertices === 0) throw new PlanError("area.error.noPolygon");
  if (vertices > MOST_VERTICES) throw new PlanError("area.error.vertices", { count: vertices, most: MOST_VERTICES });
  const coordinates = shapes.plan.flat(2);
  if (coordinates.some(([lon, lat]) => !Number.isFinite(lon) || !Number.isFinite(lat))) throw new PlanError("area.error.unreadable");
  if (coordinates.some(([lon, lat]) => Math.abs(lon) > MOST_LON || Math.abs(lat) > MOST_LAT)) throw new PlanError("area.error.crs");
  const [west, south, east, north] = boxOf(shapes.plan);
  if (west > bounds[2] || east < bounds[0] || south > bounds[3] || north < bounds[1]) throw new PlanError("area.error.elsewhere");
  const notes = [
    ...(shapes.closed ? ["area.note.closed"] : []),
    ...(shapes.leftOut > 0 ? ["area.note.leftOut"] : []),
    ...(west < bounds[0] || east > bounds[2] || south < bounds[1] || north > bounds[3] ? ["area.note.beyond"] : []),
  ];
  return { plan: shapes.plan, name: nameOf(told) ?? fileName.replace(/\.[^.]*$/, ""), notes };
}

function parsed(fileName: string, text: string): GeoJSON {
  const bare = text.replace(/^\uFEFF/, "").trimStart();
  if (!bare.startsWith("<")) {
    try {
      const value: unknown = JSON.parse(bare);
      if (value !== null && typeof value === "object" && typeof (value as { type?: unknown }).type === "string") return value as GeoJSON;
    } catch {
      // Said below: it is neither.
    }
    throw new PlanError("area.error.unreadable", { file: fileName });
  }
  // A parsed document is no page: nothing in it is fetched, and no script of it runs.
  const document = new DOMParser().parseFromString(bare, "application/xml");
  if (document.querySelector("parsererror")) throw new PlanError("area.error.unreadable", { file: fileName });
  return (document.documentElement.localName === "gpx" ? gpx(document) : kml(document)) as GeoJSON;
}

/** GeoJSON of 2008 could name another CRS; since RFC 7946 it is degrees of WGS 84. */
function checkCrs(told: GeoJSON): void {
  const crs = (told as { crs?: { properties?: { name?: unknown } } | null }).crs;
  const name = crs?.properties?.name;
  if (crs && !(typeof name === "string" && /CRS84|EPSG:+4326$/i.test(name))) throw new PlanError("area.error.crs");
}

function nameOf(told: GeoJSON): string | null {
  const features = told.type === "FeatureCollection" ? told.features : told.type === "Feature" ? [told] : [];
  const names = features.map((feature) => feature?.properties?.name as unknown).filter((name): name is string => typeof name === "string" && name.trim() !== "");
  return names.length === 1 || features.length === 1 ? (names[0] ?? null) : null;
}

interface Shapes {
  plan: Plan;
  /** A line was taken for the edge of an area. */
  closed: boolean;
  leftOut: number;
}

function polygonsOf(told: GeoJSON): Shapes {
  const shapes: Shapes = { plan: [], closed: false, leftOut: 0 };
  // A list of what is left to look at: a file may nest collections as deep as it likes.
  const waiting: (GeoJSON | null | undefined)[] = [told];
  const polygon = (rings: Position[][]): void => {
    const kept = rings.map(ringOf);
    if ((kept[0]?.length ?? 0) < 3) shapes.leftOut++;
    else shapes.plan.push(kept.filter((ring) => ring.length >= 3));
  };
  const line = (positions: Position[]): void => {
    if (ringOf(positions).length < 3) {
      shapes.leftOut++;
      return;
    }
    shapes.closed = true;
    polygon([positions]);
  };
  try {
    while (waiting.length > 0) {
      const item = waiting.pop();
      if (!item) continue;
      if (item.type === "FeatureCollection") for (const feature of item.features) waiting.push(feature);
      else if (item.type === "Feature") waiting.push(item.geometry);
      else if (item.type === "GeometryCollection") for (const geometry of item.geometries) waiting.push(geometry);
      else if (item.type === "Polygon") polygon(item.coordinates);
      else if (item.type === "MultiPolygon") item.coordinates.forEach(polygon);
      else if (item.type === "LineString") line(item.coordinates);
      else if (item.type === "MultiLineString") item.coordinates.forEach(line);
      else shapes.leftOut++;
    }
  } catch (error) {
    if (error instanceof TypeError) throw new PlanError("area.error.unreadable");
    throw error;
  }
  return shapes;
}

/** A ring to the centimetre, without its repeated last point and without points that follow themselves. */
function ringOf(positions: Position[]): Ring {
  const ring: Ring = [];
  for (const [lon, lat] of positions) {
    const vertex: Vertex = [toCentimetre(Number(lon)), toCentimetre(Number(lat))];
    const last = ring[ring.length - 1];
    if (!last || last[0] !== vertex[0] || last[1] !== vertex[1]) ring.push(vertex);
  }
  const [first, last] = [ring[0], ring[ring.length - 1]];
  if (ring.length > 1 && first && last && first[0] === last[0] && first[1] === last[1]) ring.pop();
  return ring;
}
