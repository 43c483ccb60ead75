// What a page carries in <script type="application/json" id="novostroiki-data">; written by pipeline/load/planner_map/payload.py.

import type { Concern, Evidence, Kind, LanguageCode, Quantity, RuleKind, Status, Verdict } from "./vocabulary";

export * from "./vocabulary";

/** Names by language; `any` as the source has it, `latin` how that is spelled in Latin letters, where there is no `en`. */
export type Names = Partial<Record<LanguageCode, string>> & { any?: string; latin?: string };

/** Quantiles 5, 25, 50, 75 and 95 %, and what they rest on. */
export interface Interval {
  q: [number, number, number, number, number];
  evidence: Evidence;
  method: string;
  year: number | null;
}

export interface ZoneOverlap {
  rule: string;
  homes: number;
  /** How many homes really stand there, from 5 to 95 %. */
  homesRange: [number, number];
  share: number;
  nearest: number;
  assumed: boolean;
}

export interface Settlement {
  id: string;
  names: Names;
  /** Spellings in the literature, for the search. */
  otherNames: string[];
  nameEvidence: string | null;
  /** Without a name: the named neighbour it is told by, and its number among those near that one. */
  nearId: string | null;
  nearNumber: number | null;
  kind: Kind;
  score: number;
  delineation: string;
  status: Status;
  statusYear: number | null;
  statusSource: string | null;
  onset: number | null;
  areaM2: number;
  buildings: number;
  /** Of these, homes. */
  homes: number;
  at: [number, number];
  bbox: [number, number, number, number];
  population: Partial<Record<Quantity, Interval>>;
  /** Built-up m² in each year of `growth.years`. */
  growth: number[] | null;
  /** Built-up m² in each year of `since2016.years`: another product, never joined to `growth`. */
  since2016: number[] | null;
  zones: ZoneOverlap[];
  /** Homes within any red zone that binds. */
  inZones: number;
}

export interface HazardClass {
  id: string;
  names: Names;
  concern: Concern;
  colour: string;
  /** Metres up to which distances are known. */
  reach: number;
}

/** Which objects of its class a rule is about. */
export interface Condition {
  objects: Names;
  ranges: { names: Names; low: number | null; high: number | null }[];
  orUnknown: boolean;
}

export interface Rule {
  id: string;
  hazardClass: string;
  /** Null: all of its class. */
  condition: Condition | null;
  kind: RuleKind;
  distance: number;
  sensitivity: number[];
  legal: string;
  verified: boolean;
  /** Ids of the acts that it rests on, where they are known one by one. */
  acts: string[];
  article: string;
}

/** A legal act: its titles in English and in the languages of its publication, dates as ISO 8601. */
export interface Act {
  titles: Names;
  number: string;
  signed: string;
  link: string;
  repealed: string;
  readOn: string;
}

/** A mapped object; those of a class stand together, in the order of the sections `pairs` and `edge` of the class. */
export interface Hazard {
  id: string;
  hazardClass: string;
  rule: string;
  name: string | null;
  assumed: boolean;
  bbox: [number, number, number, number];
}

/** A named place of the background, for the search. */
export interface Place {
  names: Names;
  at: [number, number];
  place: string;
}

/** The area's projection (pipeline/load/planner_map/page_projection.py). */
export interface ProjectionData {
  box: [number, number, number, number];
  x: number[];
  y: number[];
}

export interface Completeness {
  layer: string;
  names: Names;
  /** The worst of its measures'. */
  verdict: Verdict;
  /** Keys of texts, and what fills their placeholders. */
  says: { text: string; values: Record<string, number> }[];
  /** What is known about how completely OpenStreetMap maps the layer. */
  mapping: Names;
}

export interface SourceRow {
  dataset: string;
  version: string;
  licence: string;
  attribution: string;
  simulated: boolean;
  /** Name of the dataset, where the catalogue knows it. */
  title: string;
  /** Page of the dataset, followed on a click only; empty: none. */
  home: string;
}

export interface WhatIfSection {
  key: string;
  offset: number;
  length: number;
}

/** Years of a series of one product; `modelled` are projections of its producer. */
export interface SeriesData {
  product: string;
  years: number[];
  modelled: number[];
}

export interface PageData {
  area: { id: string; names: Names; bbox: [number, number, number, number]; simulated: boolean; /** What the inputs see of the city, a sentence a language. */ seen: Record<LanguageCode, string>; /** What its figures are about: `city`, or less. */ told: string };
  /** Homes of the area, and those of them in zones that bind. */
  homes: { all: number; inZones: number };
  version: string;
  /** Online background that the reader can switch on. */
  basemap: { url: string; attribution: string } | null;
  tiles: { mode: "embedded" | "url" | "none"; url: string; maxZoom: number };
  whatif: { url: string; buildings: number; sections: WhatIfSection[] };
  classes: HazardClass[];
  rules: Rule[];
  acts: Record<string, Act>;
  hazards: Hazard[];
  places: Place[];
  projection: ProjectionData;
  settlements: Settlement[];
  population: Partial<Record<Quantity, Interval>>;
  growth: SeriesData | null;
  /** The tracker's own years. */
  since2016: SeriesData | null;
  /** Years of which one can tell which buildings stood, and by which datasets. */
  firstSeen: { years: number[]; datasets: string[] } | null;
  completeness: Completeness[];
  sources: SourceRow[];
}

export type Text = string | Partial<Record<Intl.LDMLPluralRule, string>>;
export type Texts = Record<LanguageCode, Record<string, Text>>;
