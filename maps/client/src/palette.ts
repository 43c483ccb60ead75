// The colours of the map by what they mean; which they are, maps/theme.css says.

import { annualGrowth, roundBreaks } from "./numbers";
import type { HazardClass, Kind, PageData, Settlement, Status } from "./types";
import type { Theme } from "./state";

const styles = getComputedStyle(document.documentElement);

/** A colour of maps/theme.css, which stands at the head of the page. */
export function themeColour(name: string): string {
  const value = styles.getPropertyValue(`--${name}`).trim();
  if (!value) throw new Error(`maps/theme.css has no --${name}`);
  return value;
}

/** The colours of some keys, such as those of settlements by kind. */
function themeColours<Key extends string>(set: string, keys: readonly Key[]): Record<Key, string> {
  return Object.fromEntries(keys.map((key) => [key, themeColour(`${set}-${key}`)])) as Record<Key, string>;
}

export let PAPER: string;
export let CARD: string;
export let SOFT: string;
export let INK: string;
export let ACCENT: string;
export let NO_DATA: string;
export let PLAIN_BUILDING: string;
/** Between neighbours, so that they stay apart. */
export let OUTLINE: string;
/** Around the letters of names. */
export let HALO: string;
/** The hatching of what was not surveyed. */
export let UNMAPPED: string;

/** Red zones, and their names. */
export let ZONE: string;
export let ZONE_INK: string;

/** Settlements that a what-if reaches, and those that it does not. */
export let WITHIN: string;
export let UNTOUCHED: string;

/** Settlements in the growth view. */
export let BUILT: string;

export let KIND_COLOURS: Record<Kind, string>;
export let STATUS_COLOURS: Record<Status, string>;

/** Read the colours of the page: again when its ground turns dark or light. */
export function readTheme(): void {
  PAPER = themeColour("paper");
  CARD = themeColour("card");
  SOFT = themeColour("soft");
  INK = themeColour("ink");
  ACCENT = themeColour("accent");
  NO_DATA = themeColour("no-data");
  PLAIN_BUILDING = themeColour("building");
  OUTLINE = themeColour("outline");
  HALO = themeColour("halo");
  UNMAPPED = themeColour("unmapped");
  ZONE = themeColour("zone");
  ZONE_INK = themeColour("zone-ink");
  WITHIN = themeColour("within");
  UNTOUCHED = themeColour("untouched");
  BUILT = themeColour("built");
  KIND_COLOURS = themeColours("kind", ["novostroika", "formal", "village", "dacha", "other", "undetermined"]);
  STATUS_COLOURS = themeColours("status", ["unresolved", "mixed", "legal", "unknown"]);
}
readTheme();

/** By how much the ink of a dark page lightens the colour of a hazard class, which is made for paper. */
const LIGHTENED = 0.4;

/** The colour of a hazard class, on the ground that the page has. */
export function hazardColour({ colour }: HazardClass): string {
  if (document.documentElement.dataset.dark === undefined) return colour;
  const part = (hex: string, at: number): number => Number.parseInt(hex.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round(part(colour, at) * (1 - LIGHTENED) + part(INK, at) * LIGHTENED));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Opacity that stands for a share from 0 to 1; nothing is still faintly there. */
export function shareOpacity(share: number): number {
  return 0.1 + 0.78 * share;
}

type Figure = "residents" | "unregistered" | "growth";

/** From few to many. */
const STEPS = ["1", "2", "3", "4", "5"] as const;

/** Counts of people are shown by the hectare: a large settlement is not a dense one. */
const M2_PER_HA = 10_000;

export interface Scale {
  breaks: number[];
  colours: readonly string[];
  value(settlement: Settlement): number | null;
}

/** The classes of a numeric theme, for the settlements at hand. */
export function scaleOf(theme: Figure, data: PageData): Scale {
  const value = (settlement: Settlement): number | null => {
    if (theme === "growth") {
      return settlement.growth && data.growth ? annualGrowth(data.growth.years, settlement.growth) : null;
    }
    const people = settlement.population[theme]?.q[2];
    return people === undefined ? null : (people / settlement.areaM2) * M2_PER_HA;
  };
  const values = data.settlements.map(value).filter((v): v is number => v !== null);
  const ladder = themeColours(theme, STEPS);
  return { breaks: roundBreaks(values, STEPS.length), colours: STEPS.map((step) => ladder[step]), value };
}

export function colourIn(scale: Scale, value: number | null): string {
  if (value === null) return NO_DATA;
  const step = scale.breaks.filter((limit) => value >= limit).length;
  return scale.colours[step] as string;
}

/** The colour of each settlement under a theme. */
export function settlementColours(theme: Theme, data: PageData): string[] {
  if (theme === "kind") return data.settlements.map((settlement) => KIND_COLOURS[settlement.kind]);
  if (theme === "status") return data.settlements.map((settlement) => STATUS_COLOURS[settlement.status]);
  const scale = scaleOf(theme, data);
  return data.settlements.map((settlement) => colourIn(scale, scale.value(settlement)));
}
