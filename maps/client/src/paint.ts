// What is drawn, in which order and style, for a given state. Pure: state and data in, rules out.

import type { Feature, LabelRule, PaintRule } from "protomaps-leaflet";
import {
  ACCENT, BUILT, HALO, hazardColour, INK, OUTLINE, PLAIN_BUILDING, settlementColours, shareOpacity, themeColour, UNMAPPED, UNTOUCHED, WITHIN, ZONE, ZONE_INK,
} from "./palette";
import type { Edges } from "./edges";
import { Dot, dots, hatching, idOf, PointLabel, unsurveyed, Shape, Surrounding, Surroundings, TILE_LAYER, type LabelStyle, type Style } from "./symbols";
import { Union } from "./union";
import { shortName } from "./spelling";
import type { Language } from "./i18n";
import type { LayerKey, State } from "./state";
import type { Concern, HazardClass, Names, PageData, Settlement } from "./types";

/** From this zoom on single buildings are drawn. */
export const BUILDINGS_FROM = 13;
/** Up to this zoom settlements are dots. */
const DOTS_TO = 10;
/** From this zoom on streets and houses are looked at; before it, settlements are. */
const CLOSE_FROM = 14;
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
  /** The edges that they are measured from. */
  edges: Edges | null;
  /** Share of each settlement's buildings within the what-if's limit. */
  within: Float64Array | null;
  /** What stood at another time, where that is drawn. */
  past: Past | null;
}

/** What stood in a year. */
export interface Past {
  /** Null: today. */
  year: number | null;
  /** Built-up area of each settlement as a share of its greatest; null: not known. */
  shares: readonly (number | null)[];
  /** The year in which the place of each building was first seen built up, 0: none is known; null: not read, or of none. */
  firstSeen: Int32Array | null;
}

function roadWidth(rank: number, zoom: number): number {
  return (ROAD_WIDTH[rank] ?? 1) * Math.min(3, 1.35 ** (zoom - 12));
}

function contextRules(): PaintRule[] {
  const [green, water, waterway] = [themeColour("green"), themeColour("water"), themeColour("waterway")];
  const [road, roadEdge, railway] = [themeColour("road"), themeColour("road-edge"), themeColour("railway")];
  const rail = { stroke: railway, width: 1.1 };
  const sleepers = { stroke: railway, width: 3.2, dash: [1, 7] };
  return [
    { dataLayer: "green", symbolizer: new Shape(() => ({ fill: green })) },
    { dataLayer: "water", symbolizer: new Shape(() => ({ fill: water })) },
    {
      dataLayer: "waterways",
      symbolizer: new Shape((feature, zoom) => ({
        stroke: waterway,
        width: (["river", "canal"].includes(String(feature.props.waterway)) ? 1.6 : 0.8) * Math.min(2, 1.2 ** (zoom - 12)),
      })),
    },
    {
      dataLayer: "roads",
      symbolizer: new Shape((feature, zoom) => ({ stroke: roadEdge, width: roadWidth(Number(feature.props.rank), zoom) + 1 })),
    },
    {
      dataLayer: "roads",
      symbolizer: new Shape((feature, zoom) => ({ stroke: road, width: roadWidth(Number(feature.props.rank), zoom) })),
    },
    { dataLayer: "railways", symbolizer: new Shape(() => rail) },
    { dataLayer: "railways", minzoom: 12, symbolizer: new Shape(() => sleepers) },
  ];
}

function settlementRule({ data, state, within, past }: Context): PaintRule {
  const colours = settlementColours(state.theme, data);
  return {
    dataLayer: "settlements",
    symbolizer: new Shape((feature, zoom) => {
      const index = idOf(feature) - 1;
      const colour = colours[index];
      const settlement = data.settlements[index];
      if (colour === undefined || !settlement || isFiltered(state, settlement)) return null;
      if (past) {
        const share = past.shares[index] ?? null;
        if (share === null || share < APPEARS_AT) return null;
        const houses = past.firstSeen !== null && zoom >= BUILDINGS_FROM;
        return { fill: BUILT, fillOpacity: shareOpacity(share) * (houses ? 0.4 : 1), stroke: BUILT, width: 0.8 };
      }
      if (within) {
        const share = within[index] ?? 0;
        const opacity = shareOpacity(share);
        if (share === 0) return { fill: UNTOUCHED, fillOpacity: zoom < CLOSE_FROM ? 0.9 : 0.4, stroke: OUTLINE, width: 0.6 };
        return { fill: WITHIN, fillOpacity: zoom < BUILDINGS_FROM ? opacity : opacity / 3, stroke: OUTLINE, width: 0.8 };
      }
      if (zoom < BUILDINGS_FROM) return { fill: colour, fillOpacity: 0.85, stroke: OUTLINE, width: 0.8 };
      return { fill: colour, fillOpacity: zoom < CLOSE_FROM ? 0.6 : 0.26, stroke: colour, width: zoom < CLOSE_FROM ? 0.8 : 1.4 };
    }),
  };
}

/** Whether the reader left a settlement out, by its kind or its status. */
export function isFiltered(state: State, { kind, status }: Settlement): boolean {
  return state.hiddenKinds.has(kind) || state.hiddenStatuses.has(status);
}

/** From afar a settlement is a dot, as large as it has buildings: outlines would be specks. */
function dotRule({ data, state }: Context): PaintRule {
  const colours = settlementColours(state.theme, data);
  return {
    dataLayer: "settlement_labels",
    maxzoom: DOTS_TO,
    symbolizer: new Dot((feature) => {
      const settlement = data.settlements[idOf(feature) - 1];
      if (!settlement || isFiltered(state, settlement)) return null;
      return { radius: 2 + Math.sqrt(settlement.buildings) / 9, fill: colours[idOf(feature) - 1] ?? INK, stroke: OUTLINE };
    }),
  };
}

/** Whether a class is drawn; while a what-if is asked, only the class that it is about. */
export function isShown(state: State, hazardClass: string): boolean {
  return state.whatif ? hazardClass === state.whatif.hazardClass : !state.hiddenClasses.has(hazardClass);
}

/** Patterns of zones: lines where people are protected, dots where land is administered. */
function patterns(): Record<Concern, CanvasPattern | null> {
  return { residents: hatching(ZONE), administrative: dots(ZONE) };
}

/**
 * How loudly a zone speaks: all are red; limits that protect people are ruled with lines, administrative ones dotted and
 * quieter, advice is an outline. So they differ without any colour, too.
 */
function zoneStyle(hazard: HazardClass | undefined, kind: string, near: boolean, pattern: Record<Concern, CanvasPattern | null>): Style {
  const concern = hazard?.concern ?? "residents";
  const loud = concern === "residents";
  const dash = near ? DASHES[kind] : undefined;
  // Advisory surfaces span a whole city: an outline says enough, and from afar not even that is needed in full.
  const whisper = kind === "advisory";
  return {
    fill: whisper ? null : (pattern[concern] ?? ZONE),
    fillOpacity: (loud ? 0.75 : 0.5) * (near ? 0.8 : 1),
    under: whisper ? null : { colour: ZONE, opacity: loud ? 0.1 : 0.05 },
    stroke: ZONE,
    strokeOpacity: (whisper ? 0.5 : 1) * (loud ? 0.9 : 0.6) * (near ? 1 : 0.8),
    width: near ? 1.4 : loud ? 1 : 0.7,
    ...(dash ? { dash } : {}),
  };
}

/**
 * Red zones. From afar their land lies under the settlements, which readers look for first, and their edge above;
 * near by the land is tinted over houses and streets, and each zone has its own edge. Zones that look alike are hatched as
 * one area where they overlap.
 */
function zoneRules(context: Context): { land: PaintRule[]; edge: PaintRule[] } {
  const { data, state } = context;
  if (state.whatif) return limitRules(context);
  const classes = new Map(data.classes.map((hazard) => [hazard.id, hazard]));
  const filter: PaintRule["filter"] = (_, feature) => isShown(state, String(feature.props.hazard_class));
  const pattern = patterns();
  const looks = new Map<string, Style>();
  const look = (feature: Feature, zoom: number): { key: string; style: Style } => {
    const hazard = classes.get(String(feature.props.hazard_class));
    const kind = String(feature.props.kind);
    const near = zoom >= CLOSE_FROM;
    const key = `${hazard?.concern ?? ""} ${near || kind === "advisory" ? kind : ""} ${near}`;
    let style = looks.get(key);
    if (!style) looks.set(key, (style = zoneStyle(hazard, kind, near, pattern)));
    return { key, style };
  };
  const [far, near] = [new Union(look), new Union(look)];
  const [zones, tile] = [{ dataLayer: "red_zones", filter }, { dataLayer: TILE_LAYER }];
  const [afar, close] = [{ maxzoom: CLOSE_FROM - 1 }, { minzoom: CLOSE_FROM }];
  return {
    land: [{ ...zones, ...afar, symbolizer: far.gathering }, { ...tile, ...afar, symbolizer: far.land }],
    edge: [
      { ...tile, ...afar, symbolizer: far.edge },
      { ...zones, ...close, symbolizer: near.gathering },
      { ...tile, ...close, symbolizer: near.land },
      { ...tile, ...close, symbolizer: near.forgetting },
      { ...zones, ...close, symbolizer: new Shape((feature, zoom) => ({ ...look(feature, zoom).style, fill: null, under: null })) },
    ],
  };
}

/** The zone that the what-if asks about, drawn at its limit, in the order of the zones of rules. */
function limitRules({ data, state, edges }: Context): { land: PaintRule[]; edge: PaintRule[] } {
  if (!state.whatif || !edges) return { land: [], edge: [] };
  const { hazardClass, limit, only } = state.whatif;
  const hazard = data.classes.find((candidate) => candidate.id === hazardClass);
  const surroundings = new Surroundings(edges, limit, only, ZONE);
  const pattern = patterns();
  const shape = (part: (style: Style) => Style): Surrounding =>
    new Surrounding(surroundings, (zoom) => part(zoneStyle(hazard, "asked", zoom >= CLOSE_FROM, pattern)));
  const rule = { dataLayer: TILE_LAYER };
  return {
    land: [{ ...rule, maxzoom: CLOSE_FROM - 1, symbolizer: shape((style) => ({ ...style, stroke: null })) }],
    edge: [
      { ...rule, maxzoom: CLOSE_FROM - 1, symbolizer: shape((style) => ({ ...style, fill: null, under: null })) },
      { ...rule, minzoom: CLOSE_FROM, symbolizer: shape((style) => style) },
    ],
  };
}

/** The sites themselves: thin from afar, where a network of pipes would else be all that is seen. */
function hazardRule({ data, state }: Context): PaintRule {
  const classes = new Map(data.classes.map((hazard) => [hazard.id, hazard]));
  const advisory = new Set(data.rules.filter((rule) => rule.kind === "advisory").map((rule) => rule.hazardClass));
  return {
    dataLayer: "hazards",
    filter: (_, feature) => isShown(state, String(feature.props.hazard_class)),
    symbolizer: new Shape((feature, zoom) => {
      const hazard = classes.get(String(feature.props.hazard_class));
      const stroke = hazard ? hazardColour(hazard) : INK;
      const near = zoom >= CLOSE_FROM;
      const strokeOpacity = near ? 1 : hazard?.concern === "residents" ? 0.55 : 0.35;
      if (feature.geomType !== 3) return { stroke, strokeOpacity, width: near ? 2 : 1 };
      const fill = hazard && advisory.has(hazard.id) ? null : stroke;
      return { fill, fillOpacity: near ? 0.35 : 0.25, stroke, strokeOpacity, width: near ? 1 : 0.6 };
    }),
  };
}

function buildingRule({ state, distances }: Context): PaintRule {
  const asked = state.whatif;
  const inside = { fill: themeColour("zone-building") };
  const outside = { fill: PLAIN_BUILDING, fillOpacity: 0.55 };
  const plain = { fill: PLAIN_BUILDING };
  return {
    dataLayer: "buildings",
    minzoom: BUILDINGS_FROM,
    symbolizer: new Shape((feature) => {
      if (asked && distances) {
        return (distances[idOf(feature) - 1] ?? Infinity) <= asked.limit ? inside : outside;
      }
      const zone = feature.props.zone;
      return zone === undefined || state.hiddenClasses.has(String(zone)) ? plain : inside;
    }),
  };
}

/** Buildings whose place was built up by then; hollow, where nobody knows. */
function pastBuildingRule({ year, firstSeen }: Past): PaintRule {
  const stood = { fill: BUILT };
  const unknown = { stroke: BUILT, strokeOpacity: 0.7, width: 0.6 };
  return {
    dataLayer: "buildings",
    minzoom: BUILDINGS_FROM,
    symbolizer: new Shape((feature) => {
      const seen = firstSeen?.[idOf(feature) - 1] ?? 0;
      if (seen === 0) return unknown;
      return year === null || seen <= year ? stood : null;
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
  const { state, shown } = context;
  const hatch = unsurveyed(UNMAPPED);
  const { past } = context;
  const zones = shown("red_zones") && !past ? zoneRules(context) : { land: [], edge: [] };
  const areaEdge = { stroke: themeColour("area-edge"), width: 1, dash: [6, 5] };
  return [
    ...(shown("context") && !(state.basemap && context.data.basemap) ? contextRules() : []),
    { dataLayer: "area", symbolizer: new Shape(() => areaEdge) },
    ...zones.land,
    ...(shown("settlements") ? [settlementRule(context)] : []),
    ...(shown("unmapped") ? [{ dataLayer: "unmapped", symbolizer: new Shape(() => ({ fill: hatch })) }] : []),
    ...zones.edge,
    ...(shown("settlements") && !past && !state.whatif ? [dotRule(context)] : []),
    ...(shown("buildings") ? (past ? (past.firstSeen ? [pastBuildingRule(past)] : []) : [buildingRule(context)]) : []),
    ...(shown("hazards") && !past ? [hazardRule(context)] : []),
    selectionRule(context),
  ];
}

/** The names of a place, which its tile has as attributes. */
function placeNames(props: Record<string, string | undefined>): Names {
  const { name, ...rest } = props;
  const named = Object.entries({ ...rest, name_any: name }).filter(([key, value]) => key.startsWith("name_") && value);
  return Object.fromEntries(named.map(([key, value]) => [key.slice("name_".length), value])) as Names;
}

export function labelRules({ data, state, language, shown, past }: Context): LabelRule[] {
  if (!shown("names")) return [];
  const order = new Map(data.settlements.map((settlement, i) => [i + 1, settlement]));
  const settlementLabel = (feature: Parameters<typeof idOf>[0], zoom: number): LabelStyle | null => {
    const settlement = order.get(idOf(feature));
    const text = settlement && language.name(settlement.names);
    if (!settlement || !text || settlement.buildings < 2000 / 2 ** Math.max(0, zoom - 10)) return null;
    return { text: shortName(text), size: 12, weight: 600, colour: INK, halo: HALO };
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
  if (shown("red_zones") && !past) rules.push(...zoneLabels(data, state, language));
  const [cityColour, placeColour] = [themeColour("label-city"), themeColour("label-place")];
  rules.push({
    dataLayer: "places",
    symbolizer: new PointLabel((feature) => {
      const props = feature.props as Record<string, string | undefined>;
      const text = language.name(placeNames(props));
      if (!text) return null;
      const city = props.place === "city" || props.place === "town";
      const [size, weight, colour] = city ? [15, 700, cityColour] : [11, 400, placeColour];
      return { text: shortName(text), size, weight, colour, halo: HALO, italic: !city };
    }),
  });
  return rules;
}

/** What a zone is about, written at its object: dumps and mines before pipes and wires, of which there are many. */
function zoneLabels(data: PageData, state: State, language: Language): LabelRule[] {
  const classes = new Map(data.classes.map((hazard) => [hazard.id, hazard]));
  const label = (wide: boolean) => new PointLabel((feature) => {
    const hazard = classes.get(String(feature.props.hazard_class));
    if (!hazard || !isShown(state, hazard.id) || (wide && hazard.concern !== "residents")) return null;
    return { text: language.name(hazard.names) ?? hazard.id, size: 11, weight: 600, colour: ZONE_INK, halo: HALO, italic: true };
  });
  return [
    { dataLayer: "hazard_labels", minzoom: BUILDINGS_FROM, maxzoom: CLOSE_FROM, symbolizer: label(true) },
    // Every park of a city has a limit of its own.
    { dataLayer: "hazard_labels", minzoom: CLOSE_FROM + 1, symbolizer: label(false) },
  ];
}
