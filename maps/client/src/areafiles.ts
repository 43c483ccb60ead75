// Areas with their figures, as CSV and as GeoJSON. No DOM in here.

import type { AreaFigures, Asked } from "./areas";
import { toCsv } from "./csv";
import { roundPeople } from "./rounding";
import type { PageData } from "./types";

export interface Told {
  name: string;
  area: Asked;
  figures: AreaFigures;
}

/** The figures of an area by name; people are rounded as everywhere. */
function record({ name, area, figures }: Told, data: PageData): Record<string, string | number | boolean | null> {
  const residents = figures.residents && roundPeople(figures.residents);
  const unregistered = figures.unregistered && roundPeople(figures.unregistered);
  return {
    name,
    settlement_id: area.kind === "settlement" ? area.settlement.id : null,
    area_m2: Math.round(figures.areaM2),
    homes: figures.homes,
    other_buildings: figures.others,
    homes_in_no_settlement: figures.outside,
    homes_in_binding_zones: figures.inZones,
    residents_p05: residents?.low ?? null,
    residents_p50: residents?.middle ?? null,
    residents_p95: residents?.high ?? null,
    unregistered_p05: unregistered?.low ?? null,
    unregistered_p50: unregistered?.middle ?? null,
    unregistered_p95: unregistered?.high ?? null,
    ...Object.fromEntries(data.classes.flatMap(({ id }) => {
      const zone = figures.zones.find((candidate) => candidate.hazardClass === id);
      return [[`homes_in_${id}`, zone?.homes ?? 0], [`land_share_in_${id}`, zone?.land == null ? null : Number(zone.land.toFixed(4))]];
    })),
    ...Object.fromEntries((data.growth?.years ?? []).map((year, i) => [`built_m2_${year}`, figures.growth ? Math.round(figures.growth[i] as number) : null])),
    ...Object.fromEntries((data.firstSeen?.years ?? []).map((year, i) => [`homes_first_seen_by_${year}`, figures.seen?.by[i] ?? null])),
    ...(data.firstSeen ? { homes_first_seen_unknown: figures.seen?.unknown ?? null } : {}),
    simulated: data.area.simulated,
  };
}

export function areasCsv(told: readonly Told[], data: PageData): string {
  const records = told.map((entry) => record(entry, data));
  return toCsv([
    Object.keys(records[0] ?? {}),
    ...records.map((entry) => Object.values(entry).map((value) => (typeof value === "boolean" ? String(value) : value))),
  ]);
}

/** The areas in degrees of WGS 84 (RFC 7946); of a settlement the figures alone, since its outline is in the tables. */
export function areasGeoJson(told: readonly Told[], data: PageData): string {
  const features = told.map((entry) => ({
    type: "Feature",
    properties: record(entry, data),
    geometry: entry.area.kind === "settlement" ? null : {
      type: "MultiPolygon",
      coordinates: entry.area.plan.map((polygon) => polygon.map((ring) => [...ring, ring[0]])),
    },
  }));
  return JSON.stringify({ type: "FeatureCollection", features });
}
