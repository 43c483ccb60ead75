// Finding settlements, places, hazards and coordinates by any spelling: Cyrillic or Latin, Kyrgyz, Kazakh or Russian letters, with or without prefixes.

import { normalise } from "./spelling";
import type { Hazard, PageData, Place, Settlement } from "./types";

/** Whether two words differ by at most one letter put in, left out or replaced. */
export function within1(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  const rest = (x: string, from: number): string => x.slice(from);
  return (
    rest(a, i + 1) === rest(b, i + 1) || rest(a, i) === rest(b, i + 1) || rest(a, i + 1) === rest(b, i)
  );
}

export type Found =
  | { kind: "settlement"; settlement: Settlement }
  | { kind: "place"; place: Place }
  | { kind: "hazard"; hazard: Hazard }
  | { kind: "coordinates"; lat: number; lon: number };

/** Latitude and longitude as people write them: «42.95, 74.63», «42,95; 74,63», «42.95 74.63». */
export function coordinates(text: string): { lat: number; lon: number } | null {
  const [, lat, lon] = /^\s*(-?\d{1,2}(?:[.,]\d+)?)\s*°?\s*[NС]?(?:\s*[;,]\s+|\s*;\s*|\s+|,(?=-?\d+\.))(-?\d{1,3}(?:[.,]\d+)?)\s*°?\s*[EВ]?\s*$/iu.exec(text) ?? [];
  if (lat === undefined || lon === undefined) return null;
  const [y, x] = [lat, lon].map((part) => Number(part.replace(",", "."))) as [number, number];
  return Math.abs(y) <= 85 && Math.abs(x) <= 180 ? { lat: y, lon: x } : null;
}

interface Entry {
  found: Found;
  forms: string[];
  /** Of entries that fit equally well, the larger comes first. */
  weight: number;
}

export class Search {
  /** Made when first asked for: thousands of names take a moment that a first view should not wait for. */
  private made: Entry[] | null = null;

  constructor(private readonly data: Pick<PageData, "settlements" | "places" | "hazards" | "classes">) {}

  private get entries(): Entry[] {
    if (this.made) return this.made;
    const entry = (found: Found, spellings: (string | null)[], weight: number): Entry =>
      ({ found, weight, forms: [...new Set(spellings.filter((text) => text !== null).map(normalise))].filter(Boolean) });
    const classes = new Map(this.data.classes.map((hazard) => [hazard.id, Object.values(hazard.names)]));
    this.made = [
      ...this.data.settlements.map((settlement) =>
        entry({ kind: "settlement", settlement }, [...Object.values(settlement.names), ...settlement.otherNames, settlement.id.split("/").pop() ?? ""], settlement.buildings)),
      ...this.data.places.map((place) => entry({ kind: "place", place }, Object.values(place.names), 0)),
      ...this.data.hazards.map((hazard) => entry({ kind: "hazard", hazard }, [hazard.name, ...(classes.get(hazard.hazardClass) ?? [])], -1)),
    ];
    return this.made;
  }

  /** What has a name that begins with, holds, or (six letters and more) nearly equals the text; best first. */
  find(text: string, limit = 8): Found[] {
    const point = coordinates(text);
    if (point) return [{ kind: "coordinates", ...point }];
    const wanted = normalise(text);
    if (wanted === "") return [];
    const ranked = this.entries
      .map((entry) => ({ entry, rank: Math.min(NO_RANK, ...entry.forms.map((form) => rankOf(form, wanted))) }))
      .filter(({ rank }) => rank < NO_RANK)
      .sort((a, b) => a.rank - b.rank || b.entry.weight - a.entry.weight);
    return ranked.slice(0, limit).map(({ entry }) => entry.found);
  }
}

const NO_RANK = 9;

function rankOf(form: string, wanted: string): number {
  if (form === wanted) return 0;
  if (form.startsWith(wanted)) return 1;
  if (form.includes(wanted)) return 2;
  if (wanted.length >= 6 && within1(form, wanted)) return 3;
  return NO_RANK;
}
