// "What is here?": every rule that reaches a place, hazard by hazard, and what the inputs know of it. No DOM in here.

import type { Projection } from "./projection";
import type { Sections } from "./sections";
import type { Hazard, PageData, Rule, Settlement } from "./types";

/** A rule that reaches a place, and the objects by which it does, the nearest first. */
export interface Reach {
  rule: Rule;
  hits: { hazard: Hazard; metres: number }[];
}

export interface Here {
  lat: number;
  lon: number;
  /** Within the area that was looked at at all. */
  within: boolean;
  settlements: Settlement[];
  reaches: Reach[];
  /** What the inputs show of the 500 m cell; null: nobody lives there and nothing stands there, as far as they see. */
  cell: { inhabited: boolean; mapped: boolean; osmMapped: boolean } | null;
  /** The building that was asked about, and the rules whose distance its outline is within. */
  building: { kind: number; footprint: number; home: boolean; rules: string[] } | null;
}

const MAPPED = 2;
const OSM_MAPPED = 4;

export async function lookUp(
  sections: Sections,
  projection: Projection,
  data: PageData,
  { lat, lon }: { lat: number; lon: number },
  building: number | null,
): Promise<Here> {
  const [west, south, east, north] = data.area.bbox;
  const within = lon >= west && lon <= east && lat >= south && lat <= north;
  if (!within) return { lat, lon, within, settlements: [], reaches: [], cell: null, building: null };
  const at = projection.metres(lon, lat);
  const [outlines, classes, coverage, buildings, reached] = await Promise.all([
    sections.outlines(), sections.everyEdge(), sections.coverage(), sections.buildings(), sections.reached(),
  ]);
  const settlements = [...outlines.distances(projection, at)].filter(([, metres]) => metres === 0).map(([i]) => data.settlements[i] as Settlement);
  const rules = new Map(data.rules.map((rule) => [rule.id, rule]));
  const reaches = new Map<string, Reach>();
  for (const { edges, hazards } of classes) {
    for (const [number, metres] of edges.distances(projection, at)) {
      const hazard = hazards[number] as Hazard;
      const rule = rules.get(hazard.rule);
      if (!rule || metres > rule.distance) continue;
      const reach = reaches.get(rule.id) ?? { rule, hits: [] };
      reach.hits.push({ hazard, metres });
      reaches.set(rule.id, reach);
    }
  }
  for (const { hits } of reaches.values()) hits.sort((a, b) => a.metres - b.metres);
  const [number] = [...coverage.cells.distances(projection, at)].find(([, metres]) => metres === 0) ?? [];
  const cell = number === undefined ? undefined : coverage.flags[number];
  return {
    lat, lon, within,
    settlements: settlements.sort((a, b) => a.areaM2 - b.areaM2),
    reaches: [...reaches.values()].sort((a, b) => (a.hits[0]?.metres ?? 0) - (b.hits[0]?.metres ?? 0)),
    cell: cell === undefined ? null : { inhabited: (cell & 1) > 0, mapped: (cell & MAPPED) > 0, osmMapped: (cell & OSM_MAPPED) > 0 },
    building: building === null ? null : {
      kind: buildings.kind[building] as number, footprint: buildings.footprint[building] as number,
      home: (buildings.floor[building] as number) > 0, rules: reached.rulesOf(building),
    },
  };
}
