// "What if": a class, a distance, and at once what follows.

import type { App } from "../app";
import { h, replace, type Child } from "../dom";
import type { Condition, Hazard, HazardClass } from "../types";

const MAX_ROWS = 200;
const DEFAULT_LIMIT = 100;
/** A slider that moves is not talked over. */
const SAID_AFTER_MS = 500;

function limitsOf(app: App, hazard: HazardClass): { law: number[]; other: number[] } {
  const rules = app.data.rules.filter((rule) => rule.hazardClass === hazard.id);
  const law = [...new Set(rules.map((rule) => rule.distance))].sort((a, b) => a - b);
  const other = [...new Set(rules.flatMap((rule) => rule.sensitivity))].filter((d) => !law.includes(d)).sort((a, b) => a - b);
  return { law, other };
}

/** The distance with which a what-if begins: the least that a rule sets. */
export function firstLimit(app: App, hazard: HazardClass): number {
  return limitsOf(app, hazard).law[0] ?? DEFAULT_LIMIT;
}

/** What to call a hazard: its name, or the number that it has among those of its class. */
export function hazardName(app: App, hazard: Hazard): string {
  const number = app.hazardsOf(hazard.hazardClass).indexOf(hazard) + 1;
  return hazard.name ?? app.t("hazard.unnamed", { number: String(number) });
}

/** Which objects of its class a rule is about. */
export function conditionWords(app: App, condition: Condition): string {
  const { language } = app;
  const ranges = condition.ranges.map(({ names, low, high }) => {
    const write = (value: number | null): string => (value === null ? "" : language.decimal(value, 3));
    const key = low === null ? "condition.below" : high === null ? "condition.from" : "condition.between";
    return app.t(key, { measure: language.name(names) ?? "", low: write(low), high: write(high) });
  });
  const parts = [language.name(condition.objects), ...ranges, condition.orUnknown && app.t("condition.unknown")];
  return parts.filter(Boolean).join(", ");
}

/** Which objects a distance is the rule for, where not for all of the class. */
function objectsAt(app: App, hazard: HazardClass, distance: number): string | null {
  const rules = app.data.rules.filter((rule) => rule.hazardClass === hazard.id && rule.distance === distance);
  if (rules.some((rule) => !rule.condition)) return null;
  return rules.map((rule) => (rule.condition ? conditionWords(app, rule.condition) : "")).join("; ");
}

function chooser(app: App): HTMLElement {
  const choose = (event: Event): void => {
    const id = (event.target as HTMLSelectElement).value;
    const hazard = app.data.classes.find((candidate) => candidate.id === id);
    app.store.set({ whatif: hazard ? { hazardClass: id, limit: firstLimit(app, hazard), only: null } : null });
  };
  return h(
    "p",
    { class: "field" },
    h("span", { class: "field-row" }, h("label", { for: "whatif-class" }, app.t("whatif.class")), app.state.whatif && endButton(app)),
    h(
      "select",
      { id: "whatif-class", change: choose },
      h("option", { value: "", selected: app.state.whatif === null }, app.t("whatif.choose")),
      ...app.data.classes.map((hazard) =>
        h(
          "option",
          { value: hazard.id, selected: hazard.id === app.state.whatif?.hazardClass },
          app.language.name(hazard.names) ?? hazard.id,
        ),
      ),
    ),
  );
}

/** All objects of the class, or one of them. */
function objectChooser(app: App, hazard: HazardClass): Child {
  const objects = app.hazardsOf(hazard.id);
  const { whatif } = app.state;
  if (!whatif || objects.length < 2) return null;
  const choose = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    const only = value === "" ? null : Number(value);
    app.store.set({ whatif: { ...whatif, only } });
    const [west, south, east, north] = objects[only ?? -1]?.bbox ?? [0, 0, 0, 0];
    if (only !== null) app.flyTo([[south, west], [north, east]]);
  };
  const named = objects.map((object, i) => ({ i, name: hazardName(app, object) }));
  named.sort((a, b) => a.name.localeCompare(b.name, app.language.locale, { numeric: true }));
  return h("p", { class: "field" },
    h("label", { for: "whatif-object" }, app.t("whatif.object")),
    h("select", { id: "whatif-object", change: choose },
      h("option", { value: "", selected: whatif.only === null }, app.t("whatif.allObjects", { count: objects.length })),
      ...named.map(({ i, name }) => h("option", { value: i, selected: i === whatif.only }, name))));
}

/** The way out: rules' zones and the chosen colours come back. */
export function endButton(app: App): HTMLElement {
  return h("button", { type: "button", class: "link", id: "whatif-end", click: () => app.store.set({ whatif: null }) }, app.t("whatif.end"));
}

/** The figures in one sentence, for readers who hear the page. */
function sentence(app: App): string {
  const { outcome: found, language } = app;
  const { whatif } = app.state;
  if (!found || !whatif) return app.t("whatif.loading");
  const { low, high } = found.residents ? language.people(found.residents) : { low: "0", high: "0" };
  return app.t("whatif.said", { distance: language.metres(whatif.limit), homes: language.number(found.homes), low, high });
}

function result(app: App): Child[] {
  const found = app.outcome;
  if (!found) return [h("p", { class: "note" }, app.t("whatif.loading"))];
  const people = found.residents && app.language.people(found.residents);
  const rows = found.perSettlement.slice(0, MAX_ROWS).map((row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" },
        h("button", { type: "button", class: "link", id: `whatif-${row.settlement.id}`, click: () => app.select(row.settlement) },
          h("bdi", {}, app.nameOf(row.settlement)))),
      h("td", {}, app.language.number(row.homes)),
      h("td", {}, app.language.percent(row.share)),
    ),
  );
  return [
    h("div", { class: "totals" },
      h("p", {}, h("strong", { id: "whatif-buildings" }, app.language.number(found.homes)),
        h("span", {}, app.t("whatif.homes", { count: found.homes }))),
      h("p", {}, h("strong", { id: "whatif-residents" }, people ? `${people.low}–${people.high}` : found.homes === 0 ? "0" : "–"),
        h("span", {}, people ? app.t("whatif.residents", { middle: people.middle }) : app.t(found.homes === 0 ? "whatif.nobody" : "details.noPopulation")))),
    h("p", { class: "note" },
      found.outside > 0 && `${app.t("whatif.outside", { count: found.outside })} `,
      found.others > 0 && app.t("whatif.others", { count: found.others })),
    people && h("p", { class: "note" }, app.t("whatif.method")),
    rows.length > 0 &&
      h("table", { class: "figures" },
        h("caption", {}, app.t("whatif.bySettlement")),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, app.t("column.name")), h("th", { scope: "col" }, app.t("column.homes")), h("th", { scope: "col" }, app.t("whatif.share")))),
        h("tbody", {}, ...rows)),
    found.perSettlement.length > MAX_ROWS && h("p", { class: "note" }, app.t("whatif.more", { count: found.perSettlement.length - MAX_ROWS })),
  ];
}

export class WhatIfPanel {
  private readonly output = h("div", { class: "result" });
  /** Said aloud: one sentence, not every cell of the table. */
  private readonly status = h("p", { class: "hidden", role: "status" });
  private readonly beyond = h("p", { class: "note", role: "status", id: "whatif-beyond" });
  private drawnFor = "";
  private saying: number | undefined;

  constructor(private readonly app: App) {
    app.map.on("distances", () => this.update());
  }

  render(): Child[] {
    const { app } = this;
    const hazard = app.data.classes.find((candidate) => candidate.id === app.state.whatif?.hazardClass);
    this.drawnFor = this.key();
    this.beyond.textContent = "";
    this.update();
    return [
      h("p", { class: "lead" }, app.t("whatif.lead")),
      app.data.classes.length === 0 ? h("p", { class: "note" }, app.t("key.noHazards")) : chooser(app),
      hazard && objectChooser(app, hazard),
      hazard && h("div", { class: "asked" }, this.slider(hazard), this.beyond, this.output, this.status),
    ];
  }

  /** The slider with its presets; moving it changes the address in place, letting go makes a step for "back". */
  private slider(hazard: HazardClass): HTMLElement {
    const { app } = this;
    if (hazard.reach === 0) return h("p", { class: "note" }, app.t("whatif.fixed"));
    const { limit = 0, only = null } = app.state.whatif ?? {};
    const set = (metres: number, step: boolean): void => {
      this.beyond.textContent = metres > hazard.reach || metres < 0 || !Number.isFinite(metres)
        ? app.t("whatif.beyond", { most: app.language.metres(hazard.reach) })
        : "";
      app.store.set({ whatif: { hazardClass: hazard.id, limit: Math.max(0, Math.min(hazard.reach, Math.round(metres) || 0)), only } }, step);
      this.update();
    };
    const range = h("input", {
      type: "range", id: "whatif-limit", min: 0, max: hazard.reach, step: hazard.reach > 3000 ? 10 : 1, value: limit,
      "aria-valuetext": app.language.metres(limit),
      input: (event) => set(Number((event.target as HTMLInputElement).value), false),
      change: (event) => set(Number((event.target as HTMLInputElement).value), true),
    });
    const number = h("input", {
      type: "number", id: "whatif-metres", min: 0, max: hazard.reach, step: 1, value: limit, inputmode: "numeric",
      "aria-label": app.t("whatif.metres"),
      change: (event) => set(Number((event.target as HTMLInputElement).value), true),
    });
    const { law, other } = limitsOf(app, hazard);
    const preset = (metres: number, key: string): HTMLElement =>
      h("button",
        { type: "button", class: "chip", id: `preset-${key}-${metres}`, title: key === "law" ? objectsAt(app, hazard, metres) : null, click: () => set(metres, true) },
        app.t(`whatif.${key}`, { distance: app.language.metres(metres) }));
    return h(
      "div",
      { class: "slider" },
      h("label", { for: "whatif-limit" }, app.t("whatif.limit")),
      h("div", { class: "slider-row" }, range, number, h("span", { class: "suffix", "aria-hidden": "true" }, app.t("unit.m.short"))),
      h("div", { class: "chips" }, ...law.map((d) => preset(d, "law")), ...other.map((d) => preset(d, "other"))),
    );
  }

  /** Whether a change of the limit alone can be shown without rebuilding the controls under the finger. */
  get upToDate(): boolean {
    return this.drawnFor === this.key();
  }

  update(): void {
    const limit = this.app.state.whatif?.limit;
    for (const id of ["whatif-limit", "whatif-metres"]) {
      const input = document.getElementById(id) as HTMLInputElement | null;
      if (!input || limit === undefined) continue;
      if (input.value !== String(limit)) input.value = String(limit);
      if (input.type === "range") input.setAttribute("aria-valuetext", this.app.language.metres(limit));
    }
    replace(this.output, ...result(this.app));
    window.clearTimeout(this.saying);
    this.saying = window.setTimeout(() => (this.status.textContent = sentence(this.app)), SAID_AFTER_MS);
  }

  private key(): string {
    const { lang, whatif } = this.app.state;
    return `${lang} ${whatif?.hazardClass} ${whatif?.only}`;
  }
}
