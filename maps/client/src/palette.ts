// The colours of the map. Each set is a ladder of lightness, so that it still reads in greyscale and for the
// colour-blind; contrast of neighbours is at least ten steps of L*.

import { annualGrowth, roundBreaks } from "./numbers";
import type { Kind, PageData, Settlement, Status } from "./types";
import type { Theme } from "./state";

export const PAPER = "#f5f2eb";
export const INK = "#1f1d1a";
export const ACCENT = "#0b4f6c";
export const NO_DATA = "#e7e3da";
export const PLAIN_BUILDING = "#a39b8d";

/** Settlements that a what-if does not reach. */
export const UNTOUCHED = "#d3ccbf";

/** Settlements in the growth view. */
export const BUILT = "#8f3a1d";

/** Opacity that stands for a share from 0 to 1; nothing is still faintly there. */
export function shareOpacity(share: number): number {
  return 0.1 + 0.78 * share;
}

export const KIND_COLOURS: Record<Kind, string> = {
  novostroika: "#9c3521",
  formal: "#5f7f9f",
  village: "#8fa878",
  dacha: "#dcc06f",
  other: "#dcd8cf",
};

export const STATUS_COLOURS: Record<Status, string> = {
  unresolved: "#6d2a54",
  mixed: "#bd8339",
  legal: "#a3c2b0",
  unknown: "#dcd8cf",
};

const RAMPS = {
  residents: ["#dfeaec", "#acced6", "#70a7b8", "#3a7d95", "#14526a"],
  unregistered: ["#f1e2e9", "#dcb3c7", "#bd7c9e", "#954873", "#661d4c"],
  growth: ["#f5ead0", "#e6ca8a", "#cb9b4c", "#a16a2c", "#6b3e12"],
} as const;

export interface Scale {
  breaks: number[];
  colours: readonly string[];
  value(settlement: Settlement): number | null;
}

/** The classes of a numeric theme, for the settlements at hand. */
export function scaleOf(theme: "residents" | "unregistered" | "growth", data: PageData): Scale {
  const value = (settlement: Settlement): number | null => {
    if (theme === "growth") {
      return settlement.growth && data.growth ? annualGrowth(data.growth.years, settlement.growth) : null;
    }
    return settlement.population[theme]?.q[2] ?? null;
  };
  const values = data.settlements.map(value).filter((v): v is number => v !== null);
  const breaks = roundBreaks(values, RAMPS[theme].length);
  return { breaks, colours: RAMPS[theme], value };
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
