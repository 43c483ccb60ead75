// What can be asked about: a settlement or a plan of one's own; and what is told of it. No DOM in here.

import { Places, type Group } from "./group";
import { rangeOf, type Range } from "./numbers";
import type { People } from "./people";
import { decodePlan, pointsIn, type Plan } from "./plan";
import type { Projection } from "./projection";
import { Scanlines } from "./scanlines";
import type { Points, Reached, Sections } from "./sections";
import { BINDING, type PageData, type Settlement } from "./types";
import type { Edges } from "./edges";

/** At most so many stand side by side. */
export const MOST_AREAS = 4;
const LONGEST_NAME = 60;

export type Asked = { kind: "settlement"; settlement: Settlement } | { kind: "plan"; plan: Plan; name: string };

/** An area as the address writes it: `s~<id>`, or `p~<plan>~<name>`. */
export function written(kind: "s" | "p", text: string, name = ""): string {
  const bare = name.replace(/[;~\s]+/g, " ").trim().slice(0, LONGEST_NAME);
  return [kind, text, ...(bare === "" ? [] : [bare])].join("~");
}

/** What an area of the address means; null: nothing that is known here. */
export function asked(text: string, settlements: ReadonlyMap<string, Settlement>): Asked | null {
  const [kind, body = "", name = ""] = text.split("~");
  if (kind === "s") {
    const settlement = settlements.get(body);
    return settlement ? { kind: "settlement", settlement } : null;
  }
  const plan = kind === "p" ? decodePlan(body) : null;
  return plan ? { kind: "plan", plan, name: name.slice(0, LONGEST_NAME) } : null;
}

export interface ZoneFigures {
  hazardClass: string;
  homes: number;
  /** Share of the land; null where it was not measured. */
  land: number | null;
}

export interface AreaFigures {
  areaM2: number;
  homes: number;
  others: number;
  /** Homes in zones that bind, each counted once. */
  inZones: number;
  residents: Range | null;
  unregistered: Range | null;
  zones: ZoneFigures[];
  /** Built-up m² in each year of `growth.years`, of settlements, by the share of their homes. */
  growth: number[] | null;
  /** Homes first seen by each year of `firstSeen.years`, and homes of which no year is known; null: of none it is. */
  seen: { by: number[]; unknown: number } | null;
  settlements: { settlement: Settlement; homes: number }[];
  /** Homes in no settlement. */
  outside: number;
}

/** Everything that is read once for all areas. */
export interface Grounds {
  places: Places;
  points: Points;
  reached: Reached;
  people: People;
  firstSeen: Int32Array;
  edges: ReadonlyMap<string, Edges>;
}

export async function readGrounds(sections: Sections, data: PageData): Promise<Grounds> {
  const [buildings, points, reached, people, firstSeen, edges] = await Promise.all([
    sections.buildings(), sections.points(), sections.reached(), sections.people(), sections.firstSeen(), sections.everyEdge(),
  ]);
  return {
    places: new Places(buildings, data.settlements.length), points, reached, people, firstSeen,
    edges: new Map(edges.map((entry) => [entry.hazards[0]?.hazardClass ?? "", entry.edges])),
  };
}

/** The figures of a settlement or a plan. */
export function figuresOf(area: Asked, grounds: Grounds, data: PageData, projection: Projection): AreaFigures {
  const { places, points, reached, people } = grounds;
  const members = area.kind === "plan" ? pointsIn(area.plan, points.lon, points.lat) : membersOf(area.settlement, grounds, data);
  const group = places.group(members);
  const homes = members.filter((i) => (places.buildings.floor[i] as number) > 0);
  const lines = area.kind === "plan" ? new Scanlines(area.plan, projection) : null;
  const drawn = area.kind === "plan" ? people.sum(group.parts) : toldOf(area.settlement);
  const binding = data.rules.filter((rule) => (BINDING as readonly string[]).includes(rule.kind)).map((rule) => reached.row(rule.id));
  return {
    areaM2: lines?.area ?? (area.kind === "settlement" ? area.settlement.areaM2 : 0),
    homes: group.homes,
    others: group.others,
    inZones: homes.filter((i) => binding.some((row) => reached.has(row, i))).length,
    residents: drawn?.residents ?? null,
    unregistered: drawn?.unregistered ?? null,
    zones: data.classes.flatMap((hazard) => {
      const rows = data.rules.filter((rule) => rule.hazardClass === hazard.id).map((rule) => reached.row(rule.id));
      const count = homes.filter((i) => rows.some((row) => reached.has(row, i))).length;
      const land = lines ? landWithin(lines, hazard.id, grounds, data) : area.kind === "settlement" ? overlapOf(area.settlement, hazard.id, data) : null;
      return count > 0 || (land ?? 0) > 0.0005 ? [{ hazardClass: hazard.id, homes: count, land }] : [];
    }),
    growth: growthOf(group, places, data),
    seen: seenOf(homes, grounds, data),
    settlements: data.settlements
      .map((settlement, i) => ({ settlement, homes: group.homesOf[i] as number }))
      .filter((row) => row.homes > 0)
      .sort((a, b) => b.homes - a.homes),
    outside: group.homesOf[data.settlements.length] as number,
  };
}

function membersOf(settlement: Settlement, { places }: Grounds, data: PageData): number[] {
  const wanted = data.settlements.indexOf(settlement) + 1;
  const members: number[] = [];
  places.buildings.settlement.forEach((position, i) => position === wanted && members.push(i));
  return members;
}

/** Of a whole settlement, the intervals that every product tells. */
function toldOf({ population }: Settlement): { residents: Range | null; unregistered: Range | null } {
  return {
    residents: population.residents ? rangeOf(population.residents) : null,
    unregistered: population.unregistered ? rangeOf(population.unregistered) : null,
  };
}

function landWithin(lines: Scanlines, hazardClass: string, { edges }: Grounds, data: PageData): number | null {
  const known = edges.get(hazardClass);
  if (!known || lines.area === 0) return null;
  const distances = new Map(data.rules.map((rule) => [rule.id, rule.distance]));
  const limits = data.hazards.filter((hazard) => hazard.hazardClass === hazardClass).map((hazard) => distances.get(hazard.rule) ?? 0);
  return Math.min(1, lines.within({ edges: known, limits }) / lines.area);
}

/** The largest share that a single rule of the class has of a settlement's land. */
function overlapOf({ zones }: Settlement, hazardClass: string, data: PageData): number {
  const rules = new Set(data.rules.filter((rule) => rule.hazardClass === hazardClass).map((rule) => rule.id));
  return Math.max(0, ...zones.filter((zone) => rules.has(zone.rule)).map((zone) => zone.share));
}

function seenOf(homes: readonly number[], { firstSeen }: Grounds, data: PageData): AreaFigures["seen"] {
  if (!data.firstSeen) return null;
  const known = homes.map((i) => firstSeen[i] as number).filter((year) => year > 0);
  return { by: data.firstSeen.years.map((year) => known.filter((seen) => seen <= year).length), unknown: homes.length - known.length };
}

function growthOf(group: Group, places: Places, data: PageData): number[] | null {
  if (!data.growth) return null;
  const parts = data.settlements.flatMap(({ growth }, i) => {
    const share = (group.homesOf[i] as number) / (places.homes[i] as number);
    return growth && share > 0 ? [growth.map((built) => built * share)] : [];
  });
  if (parts.length === 0) return null;
  return data.growth.years.map((_, epoch) => parts.reduce((sum, built) => sum + (built[epoch] as number), 0));
}
