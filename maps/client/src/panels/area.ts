// "My area": draw one, or drop a file; its homes, people, zones and growth, beside up to three others. Nothing leaves the page.

import type { App } from "../app";
import { areasCsv, areasGeoJson, type Told } from "../areafiles";
import { MOST_AREAS, written, type AreaFigures, type Asked } from "../areas";
import { download, h, replace, type Child } from "../dom";
import type { Drawing } from "../drawing";
import { annualGrowth, type Range } from "../numbers";
import { boxOf, encodePlan, type Box, type Plan } from "../plan";
import { MOST_BYTES, PlanError, readPlan } from "../planfile";
import { fitsAddress } from "../state";
import { zoneSwatch } from "../legend";

/** Years by which homes were seen that the table tells; the CSV has all. */
const MOST_YEARS = 6;

type Column = ReturnType<App["areas"]["slice"]>[number];

export class AreaPanel {
  private readonly file: HTMLInputElement;
  private readonly said = h("div", { role: "status", id: "area-said" });
  private readonly live = h("p", { class: "measured", role: "status", id: "area-measured" });

  constructor(
    private readonly app: App,
    private readonly drawing: Drawing,
  ) {
    this.file = h("input", {
      type: "file", id: "area-file", class: "hidden", tabindex: -1, accept: ".geojson,.json,.kml,.gpx", "aria-hidden": "true",
      change: () => {
        const [file] = this.file.files ?? [];
        if (file) void this.open(file);
        this.file.value = "";
      },
    });
    app.map.on("drawn", (event) => this.take((event as unknown as { plan: Plan }).plan, ""));
    app.map.on("drawing", () => this.showMeasured());
    this.acceptDrops();
  }

  /** A file may be dropped anywhere on the page. */
  private acceptDrops(): void {
    const over = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      document.body.dataset.drop = "true";
    };
    const out = (): void => {
      delete document.body.dataset.drop;
    };
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", (event) => event.relatedTarget === null && out());
    document.addEventListener("drop", (event) => {
      out();
      const [file] = event.dataTransfer?.files ?? [];
      if (!file) return;
      event.preventDefault();
      this.app.store.set({ tab: "area", here: null, selected: null });
      void this.open(file);
    });
  }

  /** Read a file; what is wrong with it is said, and nothing changes. */
  private async open(file: File): Promise<void> {
    const { app } = this;
    this.say([]);
    try {
      if (file.size > MOST_BYTES) throw new PlanError("area.error.size", { most: MOST_BYTES / 1e6, size: Math.round(file.size / 1e6) });
      const { plan, name, notes } = readPlan(file.name, await file.text(), app.data.projection.box as Box);
      this.take(plan, name);
      this.say(notes);
    } catch (error) {
      if (!(error instanceof PlanError)) throw error;
      this.say([error.key], error.values, true);
    }
  }

  private say(keys: readonly string[], values: Record<string, string | number> = {}, wrong = false): void {
    replace(this.said, ...keys.map((key) => h("p", { class: wrong ? "wrong" : "note" }, this.app.t(key, values))));
  }

  private take(plan: Plan, name: string): void {
    const [west, south, east, north] = boxOf(plan);
    this.app.addArea(written("p", encodePlan(plan), name));
    this.app.flyTo([[south, west], [north, east]]);
  }

  private showMeasured(): void {
    const { app, drawing } = this;
    if (drawing.tool === null || drawing.count < 2) {
      this.live.textContent = "";
      return;
    }
    const { length, area } = drawing.measured;
    this.live.textContent = [
      app.t(drawing.tool === "line" ? "area.length" : "area.around", { length: app.language.metres(Math.round(length)) }),
      area > 0 && app.t("area.land", { area: app.language.hectares(area) }),
    ].filter(Boolean).join(" · ");
  }

  render(): Child[] {
    const { app } = this;
    const { areas } = app;
    const button = (id: string, key: string, click: () => void): HTMLElement =>
      h("button", { type: "button", class: "button", id, click }, app.t(key));
    return [
      h("p", { class: "lead" }, app.t("area.lead")),
      h("div", { class: "tools" },
        button("area-draw", "area.draw", () => this.drawing.start("area")),
        button("area-open", "area.open", () => this.file.click()),
        button("area-measure", "area.measure", () => this.drawing.start("line"))),
      this.file, this.live, this.said,
      areas.length === 0
        ? h("p", { class: "note" }, app.t("area.empty"))
        : h("div", {}, comparison(app, areas), ...exports(app, areas)),
    ];
  }
}

/** What an area is called: a settlement by its name, a plan as its file says, or by its number. */
export function areaName(app: App, area: Asked | null, position: number): string {
  if (area?.kind === "settlement") return app.nameOf(area.settlement);
  return area?.name || app.t("area.numbered", { number: String(position + 1) });
}

function comparison(app: App, areas: readonly Column[]): Child {
  const rows = figureRows(app, areas);
  const remove = (text: string): void => app.store.set({ areas: app.state.areas.filter((known) => known !== text) });
  const head = areas.map(({ text, area }, i) =>
    h("th", { scope: "col", role: "columnheader" },
      h("span", { class: "area-number", "aria-hidden": "true" }, i + 1), " ",
      h("bdi", {}, areaName(app, area, i)),
      h("button", { type: "button", class: "link", id: `area-remove-${i}`, click: () => remove(text) }, app.t("area.remove"))));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": app.t("tab.area") },
    h("table", { class: "figures areas", id: "area-figures", role: "table", style: `--areas:${areas.length}` },
      h("caption", { class: "hidden" }, app.t("tab.area")),
      // The roles are written out: on a phone a row is a grid, which would take them away.
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, h("td", { role: "cell" }), ...head)),
      ...rows));
}

interface Row {
  id: string;
  title: Child[];
  cell: (figures: AreaFigures) => Child[];
}

function people(app: App, range: Range | null): Child[] {
  if (!range) return ["–"];
  const { low, middle, high } = app.language.people(range);
  return [h("strong", {}, `${low}–${high}`), h("small", {}, app.t("area.middle", { middle }))];
}

function figureRows(app: App, areas: readonly Column[]): HTMLElement[] {
  const { language, data } = app;
  const count = (value: number): Child[] => [language.number(value)];
  const main: Row[] = [
    { id: "land", title: [app.t("details.area")], cell: (f) => [language.hectares(f.areaM2)] },
    { id: "homes", title: [app.t("column.homes")], cell: (f) => count(f.homes) },
    { id: "others", title: [app.t("area.others")], cell: (f) => count(f.others) },
    { id: "residents", title: [app.t("quantity.residents")], cell: (f) => people(app, f.residents) },
    { id: "unregistered", title: [app.t("column.unregistered")], cell: (f) => people(app, f.unregistered) },
    { id: "growth", title: [app.t("column.growth")], cell: (f) => [growthWords(app, f)] },
    { id: "inZones", title: [app.t("area.inZones")], cell: (f) => [language.number(f.inZones), h("small", {}, f.homes > 0 ? language.percent(f.inZones / f.homes) : "")] },
  ];
  const { firstSeen } = data;
  const told = firstSeen ? lastFew(firstSeen.years, MOST_YEARS) : [];
  const share = (part: number, homes: number): Child => h("small", {}, homes > 0 ? language.percent(part / homes) : "");
  const seen: Row[] = told.map((year) => ({
    id: `seen-${year}`,
    title: [app.t("area.seenBy", { year: String(year) })],
    cell: ({ seen: found, homes }) => (found ? [language.number(found.by[firstSeen?.years.indexOf(year) ?? 0] as number), share(found.by[firstSeen?.years.indexOf(year) ?? 0] as number, homes)] : ["–"]),
  }));
  if (firstSeen) {
    seen.push({
      id: "seen-unknown",
      title: [app.t("area.seenUnknown")],
      cell: ({ seen: found, homes }) => (found ? [language.number(found.unknown), share(found.unknown, homes)] : ["–"]),
    });
  }
  const present = data.classes.filter(({ id }) => areas.some(({ figures }) => figures?.zones.some((zone) => zone.hazardClass === id)));
  const zones: Row[] = present.map((hazard) => {
    const kind = data.rules.find((rule) => rule.hazardClass === hazard.id)?.kind ?? "statutory";
    return {
      id: `zone-${hazard.id}`,
      title: [zoneSwatch(hazard, kind), " ", language.name(hazard.names) ?? hazard.id],
      cell: (figures) => {
        const zone = figures.zones.find((candidate) => candidate.hazardClass === hazard.id);
        return zone ? [language.number(zone.homes), zone.land !== null && h("small", {}, app.t("area.landShare", { share: language.percent(zone.land) }))] : ["–"];
      },
    };
  });
  const body = (rows: Row[], title: string): HTMLElement =>
    h("tbody", { role: "rowgroup" },
      title !== "" && h("tr", { role: "row" }, h("th", { scope: "rowgroup", role: "rowheader", colspan: areas.length + 1, class: "group" }, title)),
      ...rows.map(({ id, title: name, cell }) =>
        h("tr", { role: "row", "data-figure": id }, h("th", { scope: "row", role: "rowheader" }, ...name),
          ...areas.map(({ figures, area }) => h("td", { role: "cell" }, ...(area === null ? ["–"] : figures ? cell(figures) : ["…"]))))));
  return [
    body(main, ""),
    ...(seen.length > 0 ? [body(seen, app.t("area.seen"))] : []),
    ...(zones.length > 0 ? [body(zones, app.t("area.zones"))] : []),
  ];
}

/** Of many, so many at even distances, the last among them. */
function lastFew(years: readonly number[], most: number): number[] {
  const step = Math.ceil(years.length / most);
  return years.filter((_, i) => (years.length - 1 - i) % step === 0);
}

function growthWords(app: App, { growth }: AreaFigures): string {
  if (!growth || !app.data.growth) return "–";
  const rate = annualGrowth(app.data.growth.years, growth);
  return rate === null ? "–" : app.language.percent(rate, 1);
}

function exports(app: App, areas: readonly Column[]): Child[] {
  const told = areas.flatMap(({ area, figures }, i): Told[] => (area && figures ? [{ name: areaName(app, area, i), area, figures }] : []));
  const outside = told.reduce((sum, { figures }) => sum + figures.outside, 0);
  const plans = told.some(({ area }) => area.kind === "plan");
  return [
    h("div", { class: "tools" },
      h("button", { type: "button", class: "button", id: "area-csv", disabled: told.length === 0, click: () => download(`${app.data.area.id}_areas.csv`, "text/csv", areasCsv(told, app.data)) }, app.t("table.csv")),
      h("button", { type: "button", class: "button", id: "area-geojson", disabled: told.length === 0, click: () => download(`${app.data.area.id}_areas.geojson`, "application/geo+json", areasGeoJson(told, app.data)) }, app.t("area.geojson"))),
    h("p", { class: "note" }, app.data.area.seen[app.language.code]),
    plans && h("p", { class: "note" }, app.t("area.method")),
    h("p", { class: "note", id: "area-seen-note" },
      app.data.firstSeen ? app.t("area.seenNote", { products: app.data.firstSeen.datasets.map((dataset) => app.titleOf(dataset)).join(", ") }) : app.t("area.seenNone")),
    outside > 0 && h("p", { class: "note" }, app.t("area.outside", { count: outside })),
    h("p", { class: "note" }, app.t("area.homesNote")),
    !fitsAddress(app.state.areas) && h("p", { class: "wrong" }, app.t("area.tooLong")),
    areas.length < MOST_AREAS && h("p", { class: "note" }, app.t("area.compare", { count: MOST_AREAS })),
    h("p", { class: "note disclaimer" }, app.t("about.disclaimer")),
  ];
}
