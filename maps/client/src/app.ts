// Holds the page together: data, texts, state, map and panels.

import L from "leaflet";
import { TileCanvas } from "./canvas";
import { languages, preferredLanguage, type Language } from "./i18n";
import { centralBox } from "./numbers";
import { labelRules, paintRules } from "./paint";
import { INITIAL, LAYERS, Store, type LayerKey, type State } from "./state";
import type { LanguageCode, PageData, Settlement, Texts } from "./types";
import type { Edges } from "./edges";
import { Distances, outcome, type Buildings, type Outcome } from "./whatif";

const SELECT_ZOOM = 15;

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
  readonly distances: Distances;
  readonly slices = new Map<LayerKey, Slice>();
  private readonly spoken: Record<LanguageCode, Language>;
  private canvas: TileCanvas | null = null;
  private background: L.TileLayer | null = null;
  private read: { hazardClass: string; distances: Uint16Array; edges: Edges } | null = null;
  private buildings: Buildings | null = null;
  private reckoned: { whatif: State["whatif"]; outcome: Outcome } | null = null;

  constructor(
    readonly map: L.Map,
    readonly data: PageData,
    texts: Texts,
    embedded: { tiles: ArrayBuffer | null; whatif: ArrayBuffer | null },
  ) {
    this.spoken = languages(texts);
    const lang = preferredLanguage(null, navigator.languages);
    this.store = new Store({ ...INITIAL, lang }, window, (state) => this.answerable(state));
    this.settlements = new Map(data.settlements.map((settlement) => [settlement.id, settlement]));
    this.distances = new Distances(data.whatif, embedded.whatif);
    const source = data.tiles.mode === "url" ? data.tiles.url : embedded.tiles;
    if (data.tiles.mode !== "none" && source) this.canvas = new TileCanvas(map, source, data.tiles.maxZoom);
  }

  get state(): State {
    return this.store.state;
  }

  /** What the address asks, within what the data can answer: distances are known as far as rules ask for them. */
  private answerable(state: State): State {
    const { whatif } = state;
    const hazard = this.data.classes.find((candidate) => candidate.id === whatif?.hazardClass);
    if (!whatif || (hazard && whatif.limit <= hazard.reach)) return state;
    return { ...state, whatif: hazard ? { ...whatif, limit: hazard.reach } : null };
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

  get selected(): Settlement | null {
    return this.state.selected === null ? null : (this.settlements.get(this.state.selected) ?? null);
  }

  shown(layer: LayerKey): boolean {
    const slice = this.slices.get(layer);
    return slice !== undefined && this.map.hasLayer(slice);
  }

  /** Start: put the map where the address says, and redraw whenever something changes. */
  start(): void {
    this.followHiddenLayers();
    this.followBasemap();
    this.placeMap();
    this.map.on("moveend", () => {
      const { lat, lng: lon } = this.map.getCenter();
      this.store.set({ view: { zoom: this.map.getZoom(), lat, lon } }, false);
    });
    this.map.on("click", (event: L.LeafletMouseEvent) => this.selectAt(event.latlng));
    this.map.on("slice", () => {
      const hidden = LAYERS.filter((key) => this.slices.has(key) && !this.shown(key));
      this.store.set({ hiddenLayers: new Set(hidden) });
      this.redraw(true);
    });
    this.store.listen((_, changed) => {
      if (changed.has("hiddenLayers")) this.followHiddenLayers();
      if (changed.has("basemap")) this.followBasemap();
      if (changed.has("view")) this.placeMap();
      if (changed.has("whatif")) void this.readDistances();
      const redrawn = ["lang", "theme", "selected", "year", "whatif", "hiddenClasses", "basemap"] as const;
      if (redrawn.some((key) => changed.has(key))) this.redraw(changed.has("lang"));
    });
    void this.readDistances();
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
    const animate = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!this.map.getBounds().contains(bounds) || this.map.getBoundsZoom(bounds) > this.map.getZoom() + 3) {
      this.map.fitBounds(bounds, { padding: [40, 40], maxZoom: SELECT_ZOOM, animate });
    }
  }

  selectAt(place: L.LatLng): void {
    const numbers = this.canvas?.settlementsAt(place) ?? [];
    const found = numbers.map((number) => this.data.settlements[number - 1]).filter((s) => s !== undefined);
    found.sort((a, b) => a.areaM2 - b.areaM2);
    this.store.set({ selected: found[0]?.id ?? null });
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
    this.canvas?.draw(paintRules(context), labelsToo ? labelRules(context) : null);
  }

  /** Distances and edges of the what-if's class, if they are read already. */
  private get current(): { distances: Uint16Array; edges: Edges } | null {
    return this.read && this.read.hazardClass === this.state.whatif?.hazardClass ? this.read : null;
  }

  /** What the what-if's limit means, once its distances are read. */
  get outcome(): Outcome | null {
    const { current, buildings } = this;
    const { whatif } = this.state;
    if (!whatif || !current || !buildings) return null;
    if (this.reckoned?.whatif !== whatif) {
      this.reckoned = { whatif, outcome: outcome(current.distances, whatif.limit, buildings, this.data.settlements) };
    }
    return this.reckoned.outcome;
  }

  private shares(): Float64Array | null {
    const found = this.outcome;
    if (!found) return null;
    const shares = new Float64Array(this.data.settlements.length);
    const places = new Map(this.data.settlements.map((settlement, i) => [settlement.id, i]));
    for (const row of found.perSettlement)
      shares[places.get(row.settlement.id) ?? -1] = row.buildings / row.settlement.buildings;
    return shares;
  }

  private async readDistances(): Promise<void> {
    const asked = this.state.whatif?.hazardClass;
    if (!asked || this.read?.hazardClass === asked) return;
    const [distances, edges, buildings] = await Promise.all([
      this.distances.of(asked), this.distances.edges(asked), this.distances.buildings(),
    ]);
    if (this.state.whatif?.hazardClass !== asked) return;
    this.read = { hazardClass: asked, distances, edges };
    this.buildings = buildings;
    this.redraw();
    this.map.fire("distances");
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
    const wanted = basemap !== null && this.state.basemap;
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
    const { view } = this.state;
    if (!view) {
      this.map.fitBounds(this.extent(), { animate: false, padding: [12, 12] });
      if (this.selected) this.show(this.selected);
      return;
    }
    const here = this.map.getCenter();
    const same = Math.abs(here.lat - view.lat) + Math.abs(here.lng - view.lon) < 2e-5;
    if (!same || this.map.getZoom() !== view.zoom) this.map.setView([view.lat, view.lon], view.zoom, { animate: false });
  }
}
