// The colours of the map by what they mean; which they are, maps/theme.css says.

import { annualGrowth, roundBreaks } from "./numbers";
import type { Kind, PageData, Settlement, Status } from "./types";
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

export const PAPER = themeColour("paper");
export const CARD = themeColour("card");
export const SOFT = themeColour("soft");
export const INK = themeColour("ink");
export const ACCENT = themeColour("accent");
export const NO_DATA = themeColour("no-data");
export const PLAIN_BUILDING = themeColour("building");
/** Between neighbours, so that they stay apart. */
export const OUTLINE = themeColour("outline");
/** Around the letters of names. */
export const HALO = themeColour("halo");
/** The hatching of what was not surveyed. */
export const UNMAPPED = themeColour("unmapped");

/** Red zones, and their names. */
export const ZONE = themeColour("zone");
export const ZONE_INK = themeColour("zone-ink");

/** Settlements that a what-if reaches, and those that it does not. */
export const WITHIN = themeColour("within");
export const UNTOUCHED = themeColour("untouched");

/** Settlements in the growth view. */
export const BUILT = themeColour("built");

/** Opacity that stands for a share from 0 to 1; nothing is still faintly there. */
export function shareOpacity(share: number): number {
  return 0.1 + 0.78 * share;
}

export const KIND_COLOURS: Record<Kind, string> = themeColours("kind", ["novostroika", "formal", "village", "dacha", "other", "undetermined"]);

export const STATUS_COLOURS: Record<Status, string> = themeColours("status", ["unresolved", "mixed", "legal", "unknown"]);

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
