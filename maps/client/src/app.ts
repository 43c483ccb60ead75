// Holds the page together: data, texts, state, map and panels.

import L from "leaflet";
import { asked, figuresOf, MOST_AREAS, readGrounds, type AreaFigures, type Asked, type Grounds } from "./areas";
import { openArchive, TileCanvas, type DrawnTile } from "./canvas";
import { Places } from "./group";
import { lookUp, type Here } from "./here";
import { nearestMoment, sharesIn, showsPast } from "./growth";
import { languages, preferredLanguage, type Language } from "./i18n";
import { centralBox } from "./numbers";
import { labelRules, paintRules, type Past } from "./paint";
import { readTheme } from "./palette";
import type { People } from "./people";
import { Projection } from "./projection";
import { Sections } from "./sections";
import { INITIAL, LAYERS, Store, type LayerKey, type State, type WhatIf } from "./state";
import type { Hazard, LanguageCode, PageData, Settlement, Texts } from "./types";
import type { Edges } from "./edges";
import { nearest, outcome, type Outcome } from "./whatif";

const SELECT_ZOOM = 15;
const FLIGHT_S = 0.8;
const IDLE_MS = 3000;

/** A part of the drawing that Leaflet can add and remove like any layer. */
export class Slice extends L.Layer {
  constructor(readonly key: LayerKey) {
    super();
  }

  override onAdd(map: L.Map): this {
    map.fire("slice", { key: this.key });
    return this;
  }

  override onRemove(map: L.Map): this {
    map.fire("slice", { key: this.key });
    return this;
  }
}

export class App {
  readonly store: Store;
  readonly settlements: Map<string, Settlement>;
  readonly sections: Sections;
  readonly projection: Projection;
  readonly slices = new Map<LayerKey, Slice>();
  private readonly spoken: Record<LanguageCode, Language>;
  /** An area or a line is being drawn: clicks are its corners. */
  drawing = false;
  private onPaper = false;
  private readonly systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  private canvas: TileCanvas | null = null;
  /** Draws the earlier year, left of the line. */
  private earlier: TileCanvas | null = null;
  private seen: { firstSeen: Int32Array; settlementOf: Int32Array } | null = null;
  private background: L.TileLayer | null = null;
  private read: { key: string; distances: Uint16Array; edges: Edges; places: Places; people: People } | null = null;
  private reckoned: { key: string; outcome: Outcome } | null = null;
  private found: { key: string; here: Here } | null = null;
  private grounds: Promise<Grounds> | null = null;
  private readonly measured = new Map<string, { area: Asked; figures: AreaFigures } | null>();

  constructor(
    readonly map: L.Map,
    readonly data: PageData,
    texts: Texts,
    embedded: { tiles: ArrayBuffer | null; whatif: () => ArrayBuffer | null },
  ) {
    this.spoken = languages(texts);
    const lang = preferredLanguage(null, navigator.languages);
    this.settlements = new Map(data.settlements.map((settlement) => [settlement.id, settlement]));
    this.sections = new Sections(data, embedded.whatif);
    this.projection = new Projection(data.projection);
    const source = data.tiles.mode === "url" ? data.tiles.url : embedded.tiles;
    if (data.tiles.mode !== "none" && source) this.canvas = new TileCanvas(map, openArchive(source), data.tiles.maxZoom);
    this.store = new Store({ ...INITIAL, lang }, window, (state) => this.answerable(state));
  }

  get state(): State {
    return this.store.state;
  }

  /** What the address asks, within what the data can answer: distances as far as rules ask for them, years that are known. */
  private answerable(state: State): State {
    const { whatif, year, swipe } = state;
    const hazard = this.data.classes.find((candidate) => candidate.id === whatif?.hazardClass);
    const objects = this.hazardsOf(hazard?.id ?? "").length;
    return {
      ...state,
      year: year === null ? null : nearestMoment(this.data, year),
      swipe: swipe === null || this.canvas === null ? null : nearestMoment(this.data, swipe),
      whatif: whatif && hazard
        ? { ...whatif, limit: Math.min(whatif.limit, hazard.reach), only: whatif.only !== null && whatif.only < objects ? whatif.only : null }
        : null,
    };
  }

  /** The hazards of a class, in the order in which sections know them. */
  hazardsOf(hazardClass: string): Hazard[] {
    return this.data.hazards.filter((hazard) => hazard.hazardClass === hazardClass);
  }

  get language(): Language {
    return this.spoken[this.state.lang];
  }

  t(key: string, values: Record<string, string | number> = {}): string {
    return this.language.t(key, values);
  }

  /** What a language calls itself. */
  ownName(code: LanguageCode): string {
    return this.spoken[code].t(`language.${code}`);
  }

  /** The name of a settlement, or what to call one without. */
  nameOf(settlement: Settlement): string {
    const named = this.language.name(settlement.names);
    if (named !== undefined) return named;
    const near = settlement.nearId === null ? undefined : this.settlements.get(settlement.nearId);
    const number = String(settlement.nearNumber ?? 1);
    return near === undefined
      ? this.t("settlement.unnamed", { number })
      : this.t("settlement.unnamedNear", { number, neighbour: this.nameOf(near) });
  }

  /** What the catalogue calls a dataset. */
  titleOf(dataset: string): string {
    return this.data.sources.find((source) => source.dataset === dataset)?.title || dataset;
  }

  get selected(): Settlement | null {
    return this.state.selected === null ? null : (this.settlements.get(this.state.selected) ?? null);
  }

  shown(layer: LayerKey): boolean {
    const slice = this.slices.get(layer);
    return slice !== undefined && this.map.hasLayer(slice);
  }

  /** Start: put the map where the address says, and redraw whenever something changes. */
  start(): void {
    this.followGround();
    this.systemDark.addEventListener("change", () => this.followGround());
    this.followHiddenLayers();
    this.followBasemap();
    this.followSwipe();
    this.placeMap();
    this.map.on("moveend", () => {
      const { lat, lng: lon } = this.map.getCenter();
      this.store.set({ view: { zoom: this.map.getZoom(), lat, lon } }, false);
    });
    this.map.on("click", (event: L.LeafletMouseEvent) => this.askAt(event.latlng));
    this.map.on("slice", () => {
      const hidden = LAYERS.filter((key) => this.slices.has(key) && !this.shown(key));
      this.store.set({ hiddenLayers: new Set(hidden) });
      this.redraw(true);
    });
    this.store.listen((_, changed) => {
      if (changed.has("hiddenLayers")) this.followHiddenLayers();
      if (changed.has("ground")) this.followGround();
      if (changed.has("basemap") || changed.has("swipe")) this.followBasemap();
      if (changed.has("swipe")) this.followSwipe();
      if (changed.has("year") || changed.has("swipe")) void this.readFirstSeen();
      if (changed.has("view")) this.placeMap();
      if (changed.has("whatif")) void this.readDistances();
      if (changed.has("here")) void this.lookHere();
      if (changed.has("tab") && this.state.tab === "area") void this.ground();
      if (changed.has("areas")) void this.measure();
      const redrawn = ["lang", "theme", "selected", "year", "swipe", "whatif", "hiddenClasses", "hiddenKinds", "hiddenStatuses", "basemap"] as const;
      if (redrawn.some((key) => changed.has(key))) this.redraw(["lang", "year", "swipe"].some((key) => changed.has(key as keyof State)));
    });
    void this.readDistances();
    void this.readFirstSeen();
    void this.lookHere();
    void this.measure();
    // What is in the page already is read as soon as there is nothing else to do; over a network only when it is wanted.
    if (this.data.tiles.mode !== "url") this.canvas?.whenDrawn(() => whenIdle(() => void this.ground()));
    this.redraw(true);
  }

  /** Select a settlement and bring it into view. */
  select(settlement: Settlement | null): void {
    this.store.set({ selected: settlement?.id ?? null });
    if (settlement) this.show(settlement);
  }

  show(settlement: Settlement): void {
    const [west, south, east, north] = settlement.bbox;
    const bounds = L.latLngBounds([south, west], [north, east]);
    if (!this.map.getBounds().contains(bounds) || this.map.getBoundsZoom(bounds) > this.map.getZoom() + 3) this.flyTo(bounds);
  }

  /** Bring a box into view; readers who asked for less motion are taken there at once. */
  flyTo(bounds: L.LatLngBoundsExpression): void {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const options = { padding: [40, 40] as L.PointExpression, maxZoom: SELECT_ZOOM };
    if (still) this.map.fitBounds(bounds, { ...options, animate: false });
    else this.map.flyToBounds(bounds, { ...options, duration: FLIGHT_S });
  }

  /** Back to the first view. */
  home(): void {
    this.flyTo(this.extent());
  }

  /** Ask what is at a place; while an area is drawn, a click is one of its corners. */
  askAt({ lat, lng: lon }: L.LatLng): void {
    if (this.drawing) return;
    const [roundLat, roundLon] = [lat, lon].map((degrees) => Math.round(degrees * 1e7) / 1e7) as [number, number];
    this.store.set({ here: { lat: roundLat, lon: roundLon }, selected: null });
  }

  private async lookHere(): Promise<void> {
    const { here } = this.state;
    if (!here) return;
    const building = this.canvas?.buildingAt(L.latLng(here.lat, here.lon)) ?? null;
    const found = await lookUp(this.sections, this.projection, this.data, here, building);
    if (this.state.here?.lat !== here.lat || this.state.here.lon !== here.lon) return;
    this.found = { key: keyOf(here), here: found };
    this.map.fire("here");
  }

  /** What is at the place that was asked about, once it is known. */
  get here(): Here | null {
    return this.state.here && this.found?.key === keyOf(this.state.here) ? this.found.here : null;
  }

  /** The areas side by side, with their figures once they are reckoned. */
  get areas(): { text: string; area: Asked | null; figures: AreaFigures | null }[] {
    return this.state.areas.map((text) => {
      const known = this.measured.get(text);
      return { text, area: known?.area ?? asked(text, this.settlements), figures: known?.figures ?? null };
    });
  }

  /** Put an area beside the others; the oldest makes room where there are too many. */
  addArea(text: string): void {
    const others = this.state.areas.filter((known) => known !== text);
    this.store.set({ areas: [...others, text].slice(-MOST_AREAS), tab: "area", here: null, selected: null });
  }

  /** What areas are reckoned with. It takes a moment to read, so that it is read before it is asked for, where it can be. */
  private ground(): Promise<Grounds> {
    return (this.grounds ??= readGrounds(this.sections, this.data));
  }

  private async measure(): Promise<void> {
    if (this.state.areas.length === 0) return;
    const grounds = await this.ground();
    for (const text of this.state.areas) {
      if (this.measured.has(text)) continue;
      const area = asked(text, this.settlements);
      this.measured.set(text, area && { area, figures: figuresOf(area, grounds, this.data, this.projection) });
    }
    this.map.fire("areas");
  }

  /** The map's tiles with so many pixels for one of the screen, for a picture. */
  async tilesAt(scale: number): Promise<DrawnTile[]> {
    const drawn = await Promise.all([this.canvas, this.earlier].map((canvas) => canvas?.enlarged(scale) ?? []));
    return drawn.flat();
  }

  redraw(labelsToo = false): void {
    const context = {
      data: this.data,
      state: this.state,
      language: this.language,
      shown: (layer: LayerKey): boolean => this.shown(layer),
      distances: this.current?.distances ?? null,
      edges: this.current?.edges ?? null,
      within: this.shares(),
    };
    const draw = (canvas: TileCanvas | null, past: Past | null): void =>
      canvas?.draw(paintRules({ ...context, past }), labelsToo ? labelRules({ ...context, past }) : null);
    const { year, swipe } = this.state;
    draw(this.canvas, showsPast(this.state) ? this.past(year) : null);
    if (swipe !== null) draw(this.earlier, this.past(swipe));
  }

  /** What a year is called, or today. */
  momentName(year: number | null): string {
    if (year === null) return this.t("growth.today");
    return this.data.growth?.modelled.includes(year) ? this.t("growth.modelled", { year: String(year) }) : String(year);
  }

  private past(year: number | null): Past {
    const { firstSeen = null, settlementOf = null } = this.seen ?? {};
    return { year, shares: sharesIn(this.data, year, firstSeen, settlementOf), firstSeen };
  }

  /** Since when each building can be seen; read when another year is first asked for. */
  private async readFirstSeen(): Promise<void> {
    if (this.seen || !this.data.firstSeen || !showsPast(this.state)) return;
    const [firstSeen, { settlement }] = await Promise.all([this.sections.firstSeen(), this.sections.buildings()]);
    this.seen = { firstSeen, settlementOf: settlement };
    if (showsPast(this.state)) this.redraw(true);
  }

  private followSwipe(): void {
    const wanted = this.state.swipe !== null;
    if (wanted && !this.earlier && this.canvas) {
      this.map.getPane("earlier") ?? (this.map.createPane("earlier").style.zIndex = "250");
      this.earlier = this.canvas.twin("earlier");
    } else if (!wanted && this.earlier) {
      this.earlier.remove();
      this.earlier = null;
    }
  }

  /** Where the line between two years stands on the screen. */
  cutAt(x: number): void {
    this.earlier?.cutAt(x);
  }

  /** What was read for the what-if, if it is the one that is asked. */
  private get current(): typeof this.read {
    return this.state.whatif && this.read?.key === whatIfKey(this.state.whatif) ? this.read : null;
  }

  /** What the what-if's limit means, once its distances are read. */
  get outcome(): Outcome | null {
    const { current } = this;
    const { whatif } = this.state;
    if (!whatif || !current) return null;
    const key = `${whatIfKey(whatif)} ${whatif.limit}`;
    if (this.reckoned?.key !== key) {
      const { distances, places, people } = current;
      this.reckoned = { key, outcome: outcome(distances, whatif.limit, places, people, this.data.settlements) };
    }
    return this.reckoned.outcome;
  }

  private shares(): Float64Array | null {
    const found = this.outcome;
    if (!found) return null;
    const shares = new Float64Array(this.data.settlements.length);
    const places = new Map(this.data.settlements.map((settlement, i) => [settlement.id, i]));
    for (const row of found.perSettlement) shares[places.get(row.settlement.id) ?? -1] = row.share;
    return shares;
  }

  private async readDistances(): Promise<void> {
    const { whatif } = this.state;
    if (!whatif || this.read?.key === whatIfKey(whatif)) return;
    const [pairs, edges, buildings, people] = await Promise.all([
      this.sections.pairs(whatif.hazardClass), this.sections.edges(whatif.hazardClass), this.sections.buildings(), this.sections.people(),
    ]);
    if (!this.state.whatif || whatIfKey(this.state.whatif) !== whatIfKey(whatif)) return;
    const places = this.read?.places ?? new Places(buildings, this.data.settlements.length);
    const distances = nearest(pairs, this.data.whatif.buildings, whatif.only);
    this.read = { key: whatIfKey(whatif), distances, edges, places, people };
    this.redraw();
    this.map.fire("distances");
  }

  /** A print is light, and drawn before the browser takes it. */
  print(onPaper: boolean): void {
    this.onPaper = onPaper;
    this.followGround();
    if (onPaper && this.state.ground !== "light") for (const canvas of [this.canvas, this.earlier]) void canvas?.drawAtOnce();
  }

  /** Whether the page has dark ground: by the reader's choice, else as the system has it. */
  get dark(): boolean {
    return !this.onPaper && this.state.ground === null ? this.systemDark.matches : this.state.ground === "dark";
  }

  private followGround(): void {
    const { dataset } = document.documentElement;
    if ((dataset.dark !== undefined) === this.dark) return;
    if (this.dark) dataset.dark = "";
    else delete dataset.dark;
    readTheme();
    this.map.fire("ground");
    this.redraw(true);
  }

  private followHiddenLayers(): void {
    for (const [key, slice] of this.slices) {
      const wanted = !this.state.hiddenLayers.has(key);
      if (wanted !== this.map.hasLayer(slice)) {
        if (wanted) this.map.addLayer(slice);
        else this.map.removeLayer(slice);
      }
    }
  }

  /** The online background: its server is asked only while the reader wants it. */
  private followBasemap(): void {
    const { basemap } = this.data;
    // Of an earlier year there is no background: between two years neither side has one.
    const wanted = basemap !== null && this.state.basemap && this.state.swipe === null;
    if (wanted && !this.background) {
      this.background = L.tileLayer(basemap.url, { zIndex: 0, maxZoom: 18, className: "basemap" }).addTo(this.map);
    } else if (!wanted && this.background) {
      this.background.remove();
      this.background = null;
    }
    if (this.canvas) this.canvas.transparent = wanted;
  }

  /** Where nearly all of the houses in settlements are; in an area without any, the whole of it. */
  private extent(): L.LatLngBounds {
    const [west, south, east, north] = centralBox(this.data.settlements) ?? this.data.area.bbox;
    return L.latLngBounds([south, west], [north, east]);
  }

  private placeMap(): void {
    const { view, here } = this.state;
    if (!view) {
      this.map.fitBounds(this.extent(), { animate: false, padding: [12, 12] });
      if (this.selected) this.show(this.selected);
      else if (here) this.map.setView([here.lat, here.lon], SELECT_ZOOM, { animate: false });
      return;
    }
    const centre = this.map.getCenter();
    const same = Math.abs(centre.lat - view.lat) + Math.abs(centre.lng - view.lon) < 2e-5;
    if (!same || this.map.getZoom() !== view.zoom) this.map.setView([view.lat, view.lon], view.zoom, { animate: false });
  }
}

/** Do something once the browser has nothing else to do; one that cannot tell does it after a while. */
function whenIdle(work: () => void): void {
  if ("requestIdleCallback" in window) window.requestIdleCallback(work, { timeout: IDLE_MS });
  else setTimeout(work, IDLE_MS);
}

function keyOf({ lat, lon }: { lat: number; lon: number }): string {
  return `${lat} ${lon}`;
}

/** What distances depend on: the class, and the one hazard that is meant. */
function whatIfKey({ hazardClass, only }: WhatIf): string {
  return `${hazardClass} ${only ?? ""}`;
}
