// Everything that the reader can choose, kept in the address, so that a view can be bookmarked, sent, and gone back to.

import { MOST_AREAS } from "./areas";
import { KINDS, LANGUAGES, STATUSES, type Kind, type LanguageCode, type Status } from "./types";

export const TABS = ["key", "area", "whatif", "table", "about"] as const;
export type Tab = (typeof TABS)[number];

export const THEMES = ["kind", "status", "residents", "unregistered", "growth"] as const;
export type Theme = (typeof THEMES)[number];

export const LAYERS = ["context", "unmapped", "settlements", "red_zones", "buildings", "hazards", "names"] as const;
export type LayerKey = (typeof LAYERS)[number];

export const COLUMNS = ["name", "homes", "residents", "unregistered", "growth", "zones"] as const;
export type Column = (typeof COLUMNS)[number];

export interface WhatIf {
  hazardClass: string;
  limit: number;
  /** Position of the one hazard of the class that is meant; null: all of them. */
  only: number | null;
}

export interface State {
  lang: LanguageCode;
  tab: Tab;
  theme: Theme;
  /** Settlement, by id. */
  selected: string | null;
  /** Where the reader asked what is there. */
  here: { lat: number; lon: number } | null;
  /** Settlements and plans side by side, as areas.ts writes them. */
  areas: readonly string[];
  /** Epoch of the growth slider; null: today. */
  year: number | null;
  /** Epoch that is drawn left of a line across the map, `year` right of it; null: there is no line. */
  swipe: number | null;
  whatif: WhatIf | null;
  /** Dark or light ground; null: as the system has it. */
  ground: "dark" | "light" | null;
  /** Whether the online background is on, where there is one. */
  basemap: boolean;
  hiddenLayers: ReadonlySet<LayerKey>;
  hiddenClasses: ReadonlySet<string>;
  hiddenKinds: ReadonlySet<Kind>;
  hiddenStatuses: ReadonlySet<Status>;
  sort: { column: Column; descending: boolean };
  view: { zoom: number; lat: number; lon: number } | null;
}

export const INITIAL: State = {
  lang: "en",
  tab: "key",
  theme: "kind",
  selected: null,
  here: null,
  areas: [],
  year: null,
  swipe: null,
  whatif: null,
  ground: null,
  basemap: false,
  hiddenLayers: new Set(),
  hiddenClasses: new Set(),
  hiddenKinds: new Set(),
  hiddenStatuses: new Set(),
  sort: { column: "residents", descending: true },
  view: null,
};

function oneOf<T extends string>(known: readonly T[], value: string | null, fallback: T): T {
  return known.find((candidate) => candidate === value) ?? fallback;
}

function finite(text: string | null | undefined): number | null {
  const value = text ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

/** An address longer than this is cut by some programs: areas beyond it are left out. */
const LONGEST_AREAS = 16_000;

/** Whether the address can hold these areas. */
export function fitsAddress(areas: readonly string[]): boolean {
  return areas.join(";").length <= LONGEST_AREAS;
}

/** The members of a set that the address names, of those that are known. */
function members<T extends string>(known: readonly T[], value: string | null): Set<T> {
  return new Set((value ?? "").split(".").filter((key): key is T => (known as readonly string[]).includes(key)));
}

/** Write a state as a hash; what equals `base` is left out. */
export function encode(state: State, base: State = INITIAL): string {
  const query = new URLSearchParams();
  if (state.lang !== base.lang) query.set("lang", state.lang);
  if (state.tab !== base.tab) query.set("tab", state.tab);
  if (state.theme !== base.theme) query.set("theme", state.theme);
  if (state.selected !== null) query.set("at", state.selected);
  if (state.here) query.set("here", `${state.here.lat.toFixed(7)},${state.here.lon.toFixed(7)}`);
  if (state.areas.length > 0 && fitsAddress(state.areas)) query.set("areas", state.areas.join(";"));
  if (state.year !== null) query.set("year", String(state.year));
  if (state.swipe !== null) query.set("swipe", String(state.swipe));
  if (state.whatif) query.set("if", [state.whatif.hazardClass, state.whatif.limit, ...(state.whatif.only === null ? [] : [state.whatif.only])].join("~"));
  if (state.ground !== null) query.set("ground", state.ground);
  if (state.basemap) query.set("basemap", "on");
  if (state.hiddenLayers.size > 0) query.set("hide", [...state.hiddenLayers].sort().join("."));
  if (state.hiddenClasses.size > 0) query.set("nozone", [...state.hiddenClasses].sort().join("."));
  if (state.hiddenKinds.size > 0) query.set("nokind", [...state.hiddenKinds].sort().join("."));
  if (state.hiddenStatuses.size > 0) query.set("nostatus", [...state.hiddenStatuses].sort().join("."));
  const { column, descending } = state.sort;
  if (column !== base.sort.column || descending !== base.sort.descending)
    query.set("sort", `${descending ? "-" : ""}${column}`);
  if (state.view) query.set("map", `${state.view.zoom}/${state.view.lat.toFixed(5)}/${state.view.lon.toFixed(5)}`);
  // Legible where the standard allows it: these need no escape in a fragment.
  return query.toString().replaceAll("%2F", "/").replaceAll("%7E", "~").replaceAll("%2C", ",").replaceAll("%3B", ";");
}

/** Read a hash; whatever in it is unknown or broken is as if absent. */
export function decode(hash: string, base: State = INITIAL): State {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const [hazardClass, limit, only] = (query.get("if") ?? "").split("~");
  const [hereLat, hereLon] = (query.get("here") ?? "").split(",").map(finite);
  const position = finite(only);
  const [zoom, lat, lon] = (query.get("map") ?? "").split("/").map(finite);
  const sort = query.get("sort");
  const asked = sort?.replace(/^-/, "") ?? null;
  const column = oneOf(COLUMNS, asked, base.sort.column);
  const metres = finite(limit);
  return {
    lang: oneOf(LANGUAGES, query.get("lang"), base.lang),
    tab: oneOf(TABS, query.get("tab"), base.tab),
    theme: oneOf(THEMES, query.get("theme"), base.theme),
    selected: query.get("at"),
    here: hereLat != null && hereLon != null && Math.abs(hereLat) <= 85 && Math.abs(hereLon) <= 180 ? { lat: hereLat, lon: hereLon } : null,
    areas: (query.get("areas") ?? "").split(";").filter(Boolean).slice(0, MOST_AREAS),
    year: finite(query.get("year")),
    swipe: finite(query.get("swipe")),
    whatif: hazardClass && metres !== null && metres >= 0 ? { hazardClass, limit: Math.round(metres), only: position !== null && Number.isInteger(position) && position >= 0 ? position : null } : null,
    ground: query.get("ground") === "dark" ? "dark" : query.get("ground") === "light" ? "light" : null,
    basemap: query.get("basemap") === "on",
    hiddenLayers: members(LAYERS, query.get("hide")),
    hiddenClasses: new Set((query.get("nozone") ?? "").split(".").filter(Boolean)),
    hiddenKinds: members(KINDS, query.get("nokind")),
    hiddenStatuses: members(STATUSES, query.get("nostatus")),
    sort: column === asked ? { column, descending: sort?.startsWith("-") ?? false } : base.sort,
    view: zoom != null && lat != null && lon != null && Math.abs(lat) <= 85 ? { zoom, lat, lon } : null,
  };
}

export type Change = Partial<State>;
export type Listener = (state: State, changed: ReadonlySet<keyof State>) => void;

/** Holds the state, tells listeners what changed, and keeps the address in step. */
export class Store {
  state: State;
  private readonly listeners: Listener[] = [];

  constructor(
    private readonly base: State,
    private readonly window: Window,
    /** Turns what was asked into what can be shown. */
    private readonly answerable: (state: State) => State = (state) => state,
  ) {
    this.state = answerable(decode(window.location.hash, base));
    window.addEventListener("popstate", () => this.apply(answerable(decode(window.location.hash, base))));
  }

  listen(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Change the state. `step` makes it a step that "back" undoes; without it the address changes in place. */
  set(change: Change, step = true): void {
    const next = this.answerable({ ...this.state, ...change });
    const hash = `#${encode(next, this.base)}`;
    if (hash !== this.window.location.hash && !(hash === "#" && this.window.location.hash === "")) {
      if (step) this.window.history.pushState(null, "", hash);
      else this.window.history.replaceState(null, "", hash);
    }
    this.apply(next);
  }

  private apply(next: State): void {
    const changed = new Set<keyof State>();
    for (const key of Object.keys(next) as (keyof State)[])
      if (!same(this.state[key], next[key])) changed.add(key);
    this.state = next;
    if (changed.size > 0) for (const listener of this.listeners) listener(next, changed);
  }
}

function same(a: unknown, b: unknown): boolean {
  const plain = (value: unknown): unknown => (value instanceof Set ? [...value].sort() : value);
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}
