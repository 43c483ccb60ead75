// The page around the map: header, panel with tabs, growth bar, and what a print shows.

import type { App } from "./app";
import { h, replace, type Child } from "./dom";
import { Drawing } from "./drawing";
import { showsPast } from "./growth";
import { Overlay } from "./overlay";
import { Swipe } from "./swipe";
import { Sheet } from "./sheet";
import { aboutPanel, sourceList } from "./panels/about";
import { AreaPanel } from "./panels/area";
import { DrawBar } from "./panels/drawbar";
import { herePanel } from "./panels/here";
import { detailsPanel } from "./panels/details";
import { GrowthBar } from "./panels/growthbar";
import { headerContent, SearchBox } from "./panels/header";
import { zoneItems } from "./legend";
import { keyPanel, pastNote, pastTitle, themeLegend } from "./panels/key";
import { MapTools } from "./panels/maptools";
import { Tour } from "./panels/summary";
import { tablePanel } from "./panels/table";
import { WhatIfPanel } from "./panels/whatif";
import { TABS, type State, type Tab } from "./state";

const PRINT_DELAY_MS = 250;
const LONGEST_ADDRESS = 600;
/** Room for the map on a print (print.css), across and upright for an area and for a sheet, and a pixel on paper in metres. */
const [ACROSS_PX, AREA_PX, SHEET_PX, M_PER_PX] = [[672, 420], [700, 380], [700, 340], 0.0254 / 96] as const;

function part(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}`);
  return element;
}

export class Shell {
  private readonly search: SearchBox;
  private readonly whatif: WhatIfPanel;
  private readonly growth: GrowthBar;
  private readonly area: AreaPanel;
  private readonly drawTools: DrawBar;
  private readonly overlay: Overlay;
  private readonly tools: MapTools;
  private readonly tour: Tour;
  private readonly swipe: Swipe;
  private readonly header = part("header");
  private readonly banner = part("banner");
  private readonly tabs = part("tabs");
  private readonly content = part("content");
  private readonly bar = part("growth");
  private readonly print = part("print");
  private readonly imprint = part("imprint");
  private printTimer: number | undefined;
  /** Where the reader was in a tab when a sheet opened over it. */
  private left = { focus: "", scrollTop: 0 };

  constructor(private readonly app: App) {
    this.search = new SearchBox(app);
    this.whatif = new WhatIfPanel(app);
    this.growth = new GrowthBar(app);
    const drawing = new Drawing(app);
    this.area = new AreaPanel(app, drawing);
    this.drawTools = new DrawBar(app, drawing, part("drawbar"));
    this.overlay = new Overlay(app);
    this.tools = new MapTools(app, part("maptools"), part("chip"));
    this.tour = new Tour(app, part("tour"));
    this.swipe = new Swipe(app, part("swipe"));
  }

  start(): void {
    const { app } = this;
    app.store.listen((_, changed) => this.follow(changed));
    app.map.on("ground", () => {
      this.drawAll();
      this.overlay.draw();
    });
    app.map.on("growthplay", () => this.drawBar());
    app.map.on("slice here areas", () => this.drawContent());
    app.map.on("move", () => this.labelScale());
    // The key lists what is in view.
    app.map.on("moveend", () => this.view === "key" && this.drawContent());
    new Sheet(app, part("sheet")).start();
    this.mapKeys();
    this.printing();
    // Not a plain link to #content: the hash belongs to the state.
    part("skip").addEventListener("click", (event) => {
      event.preventDefault();
      this.content.focus();
    });
    this.drawAll();
  }

  private follow(changed: ReadonlySet<keyof State>): void {
    const shown = document.body.dataset.tab;
    if (shown !== "details" && shown !== "here") {
      const { activeElement } = document;
      this.left = { focus: this.content.contains(activeElement) ? (activeElement?.id ?? "") : "", scrollTop: this.content.scrollTop };
    }
    if (changed.has("lang")) {
      this.drawAll();
      return;
    }
    if (changed.has("basemap")) this.credit();
    if (changed.has("year") || changed.has("swipe")) {
      this.drawBar();
      this.swipe.draw();
    }
    if (changed.has("tab")) this.drawTabs();
    if (changed.has("here") || changed.has("areas")) this.overlay.draw();
    const onlyLimit = changed.size === 1 && changed.has("whatif") && this.whatif.upToDate;
    if (onlyLimit && this.app.state.tab === "whatif" && this.view === "whatif") this.whatif.update();
    else if ([...changed].some((key) => key !== "view")) this.drawContent();
    if (changed.has("selected") || changed.has("here")) this.afterSelection();
    if ([...changed].some((key) => key === "theme" || key === "year" || key === "swipe" || key === "whatif")) this.tools.drawChip();
    // Nobody sees it before printing: it must not slow a slider down.
    window.clearTimeout(this.printTimer);
    this.printTimer = window.setTimeout(() => this.drawPrint(), PRINT_DELAY_MS);
  }

  private drawAll(): void {
    const { app } = this;
    replace(this.header, ...headerContent(app, this.search));
    replace(this.banner, app.data.area.simulated && h("p", {}, h("strong", {}, app.t("simulated.short")), " ", app.t("simulated.banner")));
    this.banner.hidden = !app.data.area.simulated;
    part("skip").textContent = app.t("skip");
    part("panel").setAttribute("aria-label", app.t("panel.label"));
    this.bar.setAttribute("aria-label", app.t("growth.slider"));
    const container = app.map.getContainer();
    container.setAttribute("aria-label", app.t("map.label"));
    this.drawTabs();
    this.drawContent();
    this.drawBar();
    this.drawTools.draw();
    this.tools.draw();
    this.tour.draw();
    this.swipe.draw();
    this.drawPrint();
    this.labelControls();
  }

  private labelControls(): void {
    const { app } = this;
    const container = app.map.getContainer();
    const name = (selector: string, key: string): void => {
      const element = container.querySelector(selector);
      element?.setAttribute("aria-label", app.t(key));
      element?.setAttribute("title", app.t(key));
    };
    name(".leaflet-control-zoom-in", "map.zoomIn");
    name(".leaflet-control-zoom-out", "map.zoomOut");
    // Has Leaflet write its scale anew, which is then put into the language of the page.
    app.map.fire("move");
    this.credit();
    part("notice").textContent = this.notice();
  }

  private labelScale(): void {
    const line = this.app.map.getContainer().querySelector(".leaflet-control-scale-line");
    const [, value, unit] = /^(\d+) (k?m)$/.exec(line?.textContent ?? "") ?? [];
    if (line && value && unit) line.textContent = this.app.t(`unit.${unit}`, { value: Number(value) });
  }

  private credit(): void {
    const { data, state } = this.app;
    const osm = data.sources.some((source) => source.attribution.includes("OpenStreetMap"));
    const credits = [osm ? "© OpenStreetMap" : "", state.basemap && data.basemap ? data.basemap.attribution : ""];
    const corner = this.app.map.getContainer().querySelector(".leaflet-control-attribution");
    if (corner) corner.textContent = [...new Set(credits.filter(Boolean))].join(" · ");
  }

  /** What the reader must know where the map shows less than expected. */
  private notice(): string {
    const { app } = this;
    const { settlements, tiles, whatif } = app.data;
    if (tiles.mode === "none") return app.t("map.tooLarge", { count: whatif.buildings });
    if (whatif.buildings === 0) return app.t("map.nothing");
    return settlements.length === 0 ? app.t("map.noSettlement") : "";
  }

  private drawTabs(): void {
    const { app } = this;
    const choose = (tab: Tab): void => app.store.set({ tab, selected: null, here: null });
    const key = (event: Event): void => {
      const { key: pressed } = event as KeyboardEvent;
      const step = { ArrowRight: 1, ArrowLeft: -1 }[pressed];
      if (step === undefined) return;
      event.preventDefault();
      const next = TABS[(TABS.indexOf(app.state.tab) + step + TABS.length) % TABS.length] as Tab;
      choose(next);
      document.getElementById(`tab-${next}`)?.focus();
    };
    this.tabs.setAttribute("aria-label", app.t("panel.label"));
    replace(this.tabs, ...TABS.map((tab) =>
      h("button",
        { type: "button", role: "tab", id: `tab-${tab}`, "aria-selected": String(tab === app.state.tab), "aria-controls": "content", tabindex: tab === app.state.tab ? 0 : -1, click: () => choose(tab), keydown: key },
        app.t(`tab.${tab}`)),
    ));
  }

  /** What the panel shows: a settlement, a place, or else the tab. */
  private get view(): Tab | "details" | "here" {
    const { app } = this;
    return app.selected ? "details" : app.state.here ? "here" : app.state.tab;
  }

  /** Whether a place or a settlement is told of, which prints as a sheet. */
  private get isSheet(): boolean {
    return this.view === "here" || this.view === "details";
  }

  private drawContent(): void {
    const { app, view } = this;
    const { selected } = app;
    document.body.dataset.tab = view;
    document.body.dataset.print = this.isSheet ? "sheet" : view;
    document.body.dataset.areas = String(app.state.areas.length);
    document.body.dataset.growing = String(showsPast(app.state));
    this.content.setAttribute("aria-labelledby", `tab-${app.state.tab}`);
    const panels: Record<typeof view, () => Child[]> = {
      key: () => keyPanel(app),
      area: () => this.area.render(),
      whatif: () => this.whatif.render(),
      table: () => tablePanel(app),
      about: () => aboutPanel(app),
      here: () => herePanel(app),
      details: () => (selected ? detailsPanel(app, selected) : []),
    };
    const title = view !== "here" && view !== "details" && h("h2", { class: "hidden" }, app.t(`tab.${view}`));
    replace(this.content, title, ...panels[view]());
  }

  /** A sheet that opens is read from its top; one that closes leaves the panel as it was, and where the reader was in it. */
  private afterSelection(): void {
    const { view } = this;
    if (view === "details" || view === "here") {
      this.content.scrollTop = 0;
      document.getElementById(`${view}-title`)?.focus({ preventScroll: true });
    } else {
      this.content.scrollTop = this.left.scrollTop;
      (document.getElementById(this.left.focus) ?? document.getElementById(`tab-${view}`))?.focus({ preventScroll: true });
    }
  }

  private drawBar(): void {
    replace(this.bar, ...this.growth.render());
  }

  /** What only a print shows: the key of what is on the map, the figures that were asked about, scale, sources, date, address. */
  private drawPrint(): void {
    const { app } = this;
    const zones = zoneItems(app).map(({ mark, text }) => h("li", {}, mark, h("span", {}, text)));
    const { whatif } = app.state;
    const past = showsPast(app.state);
    const found = app.outcome;
    const people = found?.residents && app.language.people(found.residents);
    const asked = whatif && app.t("print.whatif", { class: app.language.name(app.data.classes.find((c) => c.id === whatif.hazardClass)?.names ?? {}) ?? whatif.hazardClass, distance: app.language.metres(whatif.limit) });
    replace(
      this.print,
      asked && h("h2", {}, asked),
      found && h("p", {}, h("strong", {}, app.language.number(found.homes)), " ", app.t("whatif.homes", { count: found.homes })),
      people && h("p", {}, h("strong", {}, `${people.low}–${people.high}`), " ", app.t("whatif.residents", { middle: people.middle })),
      h("h2", {}, past ? pastTitle(app) : app.t(whatif ? "tab.key" : `theme.${app.state.theme}`)),
      themeLegend(app),
      past && h("p", { class: "note" }, pastNote(app)),
      zones.length > 0 && h("h2", {}, app.t("layer.red_zones")),
      h("ul", { class: "legend zone-key" }, ...zones),
    );
    replace(
      this.imprint,
      h("h2", {}, app.t("about.sources")),
      sourceList(app),
      h("p", { class: "note" }, app.t("about.disclaimer")),
      h("p", { class: "note" }, [app.t("print.scale", { scale: app.language.number(this.paperScale()) }), app.t("print.date", { date: app.language.date(new Date()) })].join(" · ")),
      h("p", { class: "note" }, app.t("print.address", { address: window.location.href.slice(0, LONGEST_ADDRESS) })),
    );
  }

  /** Metres on the ground for one on an A4 print, to two digits. */
  private paperScale(): number {
    const { map } = this.app;
    const size = map.getSize();
    const width = map.distance(map.containerPointToLatLng([0, size.y / 2]), map.containerPointToLatLng([size.x, size.y / 2]));
    const room = this.isSheet ? SHEET_PX : this.view === "area" ? AREA_PX : ACROSS_PX;
    const shown = size.x * Math.min(room[0] / size.x, room[1] / size.y);
    return Number((width / (shown * M_PER_PX)).toPrecision(2));
  }

  /** With the keyboard on the map, a cross marks its centre and Enter asks what is there. */
  private mapKeys(): void {
    const container = this.app.map.getContainer();
    container.setAttribute("role", "application");
    // The cross is for the keyboard: a hand that drags the map sees where it is.
    container.addEventListener("pointerdown", () => (container.dataset.pointer = "true"));
    container.addEventListener("keydown", (event) => {
      delete container.dataset.pointer;
      if (event.target === container && event.key === "Enter") this.app.askAt(this.app.map.getCenter());
      if (event.key === "Escape" && (this.app.selected || this.app.state.here)) this.app.store.set({ selected: null, here: null });
    });
  }

  /** A print shows the map as it is on the screen, scaled to the sheet: no tile needs to be drawn anew for it. */
  private printing(): void {
    const container = this.app.map.getContainer();
    const onPaper = window.matchMedia("print");
    const settle = (): void => {
      if (onPaper.matches) return;
      this.app.map.invalidateSize({ animate: false });
      const { style } = document.documentElement;
      style.setProperty("--screen-width", String(container.clientWidth));
      style.setProperty("--screen-height", String(container.clientHeight));
    };
    window.addEventListener("beforeprint", () => {
      this.app.print(true);
      this.drawPrint();
    });
    window.addEventListener("afterprint", () => this.app.print(false));
    new ResizeObserver(settle).observe(container);
    // Leaflet follows the window by itself, and would crop the map to the sheet.
    this.app.map.options.trackResize = false;
    settle();
  }
}
