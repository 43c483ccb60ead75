// What is drawn, in which order and style, for a given state. Pure: state and data in, rules out.

import type { LabelRule, PaintRule } from "protomaps-leaflet";
import { ACCENT, BUILT, INK, PLAIN_BUILDING, settlementColours, shareOpacity } from "./palette";
import { hatching, idOf, PointLabel, Shape, type LabelStyle } from "./symbols";
import type { Language } from "./i18n";
import type { LayerKey, State } from "./state";
import type { PageData, Settlement } from "./types";

/** From this zoom on single buildings are drawn, and settlements step back. */
export const BUILDINGS_FROM = 13;
/** A settlement enters the growth view once it has this share of its final built-up area. */
const APPEARS_AT = 0.02;

export const DASHES: Record<string, readonly number[] | undefined> = { advisory: [7, 4], proxy: [2, 3] };
const ROAD_WIDTH = [0, 3.2, 2.6, 2, 1.5, 0.9];

export interface Context {
  data: PageData;
  state: State;
  language: Language;
  shown: (layer: LayerKey) => boolean;
  /** Distances of the class of the what-if, once they are read. */
  distances: Uint16Array | null;
  /** Share of each settlement's buildings within the what-if's limit. */
  within: Float64Array | null;
}

function roadWidth(rank: number, zoom: number): number {
  return (ROAD_WIDTH[rank] ?? 1) * Math.min(3, 1.35 ** (zoom - 12));
}

function contextRules(): PaintRule[] {
  const rail = { stroke: "#8d867a", width: 1.1 };
  const sleepers = { stroke: "#8d867a", width: 3.2, dash: [1, 7] };
  return [
    { dataLayer: "green", symbolizer: new Shape(() => ({ fill: "#dfe6d0" })) },
    { dataLayer: "water", symbolizer: new Shape(() => ({ fill: "#c4d8e0" })) },
    {
      dataLayer: "waterways",
      symbolizer: new Shape((feature, zoom) => ({
        stroke: "#a9c6d2",
        width: (["river", "canal"].includes(String(feature.props.waterway)) ? 1.6 : 0.8) * Math.min(2, 1.2 ** (zoom - 12)),
      })),
    },
    {
      dataLayer: "roads",
      symbolizer: new Shape((feature, zoom) => ({ stroke: "#d5cfc3", width: roadWidth(Number(feature.props.rank), zoom) + 1 })),
    },
    {
      dataLayer: "roads",
      symbolizer: new Shape((feature, zoom) => ({ stroke: "#ffffff", width: roadWidth(Number(feature.props.rank), zoom) })),
    },
    { dataLayer: "railways", symbolizer: new Shape(() => rail) },
    { dataLayer: "railways", minzoom: 12, symbolizer: new Shape(() => sleepers) },
  ];
}

function settlementRule({ data, state, within }: Context): PaintRule {
  const colours = settlementColours(state.theme, data);
  const hazardColour = data.classes.find((hazard) => hazard.id === state.whatif?.hazardClass)?.colour ?? INK;
  const epoch = state.year === null || !data.growth ? -1 : data.growth.years.indexOf(state.year);
  const shares = epoch < 0 ? null : data.settlements.map((settlement) => builtShare(settlement, epoch));
  return {
    dataLayer: "settlements",
    symbolizer: new Shape((feature, zoom) => {
      const index = idOf(feature) - 1;
      const colour = colours[index];
      if (colour === undefined) return null;
      if (shares) {
        const share = shares[index] ?? null;
        if (share === null || share < APPEARS_AT) return null;
        return { fill: BUILT, fillOpacity: shareOpacity(share), stroke: BUILT, width: 0.8 };
      }
      if (within) {
        const opacity = shareOpacity(within[index] ?? 0);
        return { fill: hazardColour, fillOpacity: zoom < BUILDINGS_FROM ? opacity : opacity / 3, stroke: hazardColour, width: 0.8 };
      }
      return zoom < BUILDINGS_FROM
        ? { fill: colour, fillOpacity: 0.82, stroke: "#ffffff", width: 0.8 }
        : { fill: colour, fillOpacity: 0.28, stroke: colour, width: 1.2 };
    }),
  };
}

/** Built-up area of an epoch as a share of the greatest of the series. */
export function builtShare(settlement: Settlement, epoch: number): number | null {
  if (!settlement.growth) return null;
  const most = Math.max(...settlement.growth);
  return most > 0 ? (settlement.growth[epoch] as number) / most : null;
}

/** Whether a class is drawn; while a what-if is asked, only the class that it is about. */
function isShown(state: State, hazardClass: string): boolean {
  return state.whatif ? hazardClass === state.whatif.hazardClass : !state.hiddenClasses.has(hazardClass);
}

function zoneRule({ data, state }: Context): PaintRule {
  const colours = new Map(data.classes.map((hazard) => [hazard.id, hazard.colour]));
  return {
    dataLayer: "red_zones",
    filter: (_, feature) => isShown(state, String(feature.props.hazard_class)),
    symbolizer: new Shape((feature, zoom) => {
      const colour = colours.get(String(feature.props.hazard_class)) ?? INK;
      const kind = String(feature.props.kind);
      // From afar a strip along a river is narrower than its own outline: two dashed lines would read as a braid.
      const near = zoom >= BUILDINGS_FROM;
      const dash = near ? DASHES[kind] : undefined;
      return {
        // Advisory surfaces span a whole city: an outline says enough.
        fill: kind === "advisory" ? null : colour,
        fillOpacity: 0.16,
        stroke: colour,
        width: near ? 1.3 : 0.7,
        ...(dash ? { dash } : {}),
      };
    }),
  };
}

function buildingRule({ data, state, distances }: Context): PaintRule {
  const colours = new Map(data.classes.map((hazard) => [hazard.id, hazard.colour]));
  const asked = state.whatif;
  const inside = { fill: asked ? (colours.get(asked.hazardClass) ?? INK) : INK };
  const outside = { fill: PLAIN_BUILDING, fillOpacity: 0.55 };
  const byClass = new Map(data.classes.map((hazard) => [hazard.id, { fill: hazard.colour }]));
  const plain = { fill: PLAIN_BUILDING };
  return {
    dataLayer: "buildings",
    minzoom: BUILDINGS_FROM,
    symbolizer: new Shape((feature) => {
      if (asked && distances) {
        return (distances[idOf(feature) - 1] ?? Infinity) <= asked.limit ? inside : outside;
      }
      const zone = feature.props.zone;
      if (zone === undefined || state.hiddenClasses.has(String(zone))) return plain;
      return byClass.get(String(zone)) ?? plain;
    }),
  };
}

function selectionRule({ data, state }: Context): PaintRule {
  const number = data.settlements.findIndex((settlement) => settlement.id === state.selected) + 1;
  return {
    dataLayer: "settlements",
    filter: (_, feature) => number > 0 && idOf(feature) === number,
    symbolizer: new Shape(() => ({ stroke: ACCENT, width: 3.5 })),
  };
}

export function paintRules(context: Context): PaintRule[] {
  const { data, state, shown } = context;
  const colours = new Map(data.classes.map((hazard) => [hazard.id, hazard.colour]));
  const hatch = hatching("rgba(110, 102, 90, 0.55)");
  const growing = state.year !== null;
  const advisory = new Set(data.rules.filter((rule) => rule.kind === "advisory").map((rule) => rule.hazardClass));
  return [
    ...(shown("context") ? contextRules() : []),
    ...(shown("settlements") ? [settlementRule(context)] : []),
    ...(shown("unmapped") ? [{ dataLayer: "unmapped", symbolizer: new Shape(() => ({ fill: hatch })) }] : []),
    ...(shown("red_zones") && !growing ? [zoneRule(context)] : []),
    ...(shown("buildings") && !growing ? [buildingRule(context)] : []),
    ...(shown("hazards")
      ? [
          {
            dataLayer: "hazards",
            filter: (_: number, feature: { props: Record<string, unknown> }) =>
              isShown(state, String(feature.props.hazard_class)),
            symbolizer: new Shape((feature, zoom) => {
              const hazardClass = String(feature.props.hazard_class);
              const colour = colours.get(hazardClass) ?? INK;
              const width = zoom >= BUILDINGS_FROM ? 2 : 1;
              if (feature.geomType !== 3) return { stroke: colour, width };
              return { fill: advisory.has(hazardClass) ? null : colour, fillOpacity: 0.35, stroke: colour, width: width / 2 };
            }),
          },
        ]
      : []),
    selectionRule(context),
  ];
}

export function labelRules({ data, language, shown }: Context): LabelRule[] {
  if (!shown("names")) return [];
  const order = new Map(data.settlements.map((settlement, i) => [i + 1, settlement]));
  const settlementLabel = (feature: Parameters<typeof idOf>[0], zoom: number): LabelStyle | null => {
    const settlement = order.get(idOf(feature));
    const text = settlement && language.name(settlement.names);
    if (!settlement || !text || settlement.buildings < 2000 / 2 ** Math.max(0, zoom - 10)) return null;
    return { text, size: 12, weight: 600, colour: INK };
  };
  const rules: LabelRule[] = [];
  for (let zoom = 8; zoom <= 18; zoom++) {
    rules.push({
      dataLayer: "settlement_labels",
      minzoom: zoom,
      maxzoom: zoom,
      symbolizer: new PointLabel((feature) => settlementLabel(feature, zoom)),
    });
  }
  rules.push({
    dataLayer: "places",
    symbolizer: new PointLabel((feature) => {
      const props = feature.props as Record<string, string | undefined>;
      const text = props[`name_${language.code}`] ?? props.name ?? props.name_en ?? props.name_ru;
      if (!text) return null;
      const city = props.place === "city" || props.place === "town";
      return { text, size: city ? 15 : 11, weight: city ? 700 : 400, colour: city ? "#3b372f" : "#5d574c", italic: !city };
    }),
  });
  return rules;
}
