// "What if": a class, a distance, and at once what follows.

import type { App } from "../app";
import { h, replace, type Child } from "../dom";
import type { Condition, HazardClass } from "../types";

const MAX_ROWS = 200;
const DEFAULT_LIMIT = 100;

function limitsOf(app: App, hazard: HazardClass): { law: number[]; other: number[] } {
  const rules = app.data.rules.filter((rule) => rule.hazardClass === hazard.id);
  const law = [...new Set(rules.map((rule) => rule.distance))].sort((a, b) => a - b);
  const other = [...new Set(rules.flatMap((rule) => rule.sensitivity))].filter((d) => !law.includes(d)).sort((a, b) => a - b);
  return { law, other };
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
    app.store.set({ whatif: hazard ? { hazardClass: id, limit: limitsOf(app, hazard).law[0] ?? DEFAULT_LIMIT } : null });
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

/** The slider with its presets; moving it changes the address in place, letting go makes a step for "back". */
function slider(app: App, hazard: HazardClass): HTMLElement {
  if (hazard.reach === 0) return h("p", { class: "note" }, app.t("whatif.fixed"));
  const limit = app.state.whatif?.limit ?? 0;
  const set = (metres: number, step: boolean): void =>
    app.store.set({ whatif: { hazardClass: hazard.id, limit: Math.max(0, Math.min(hazard.reach, Math.round(metres))) } }, step);
  const range = h("input", {
    type: "range", id: "whatif-limit", min: 0, max: hazard.reach, step: hazard.reach > 3000 ? 10 : 1, value: limit,
    input: (event) => set(Number((event.target as HTMLInputElement).value), false),
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

/** The way out: rules' zones and the chosen colours come back. */
export function endButton(app: App): HTMLElement {
  return h("button", { type: "button", class: "link", id: "whatif-end", click: () => app.store.set({ whatif: null }) }, app.t("whatif.end"));
}

function result(app: App): Child[] {
  const found = app.outcome;
  if (!found) return [h("p", { class: "note" }, app.t("whatif.loading"))];
  const nobody = found.residents.middle === 0;
  const { low, middle, high } = app.language.people(found.residents);
  const rows = found.perSettlement.slice(0, MAX_ROWS).map((row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" },
        h("button", { type: "button", class: "link", id: `whatif-${row.settlement.id}`, click: () => app.select(row.settlement) },
          app.nameOf(row.settlement))),
      h("td", {}, app.language.number(row.buildings)),
      h("td", {}, app.language.percent(row.buildings / row.settlement.buildings)),
    ),
  );
  return [
    h("div", { class: "totals" },
      h("p", {}, h("strong", { id: "whatif-buildings" }, app.language.number(found.buildings)),
        h("span", {}, app.t("whatif.buildings", { count: found.buildings }))),
      h("p", {}, h("strong", { id: "whatif-residents" }, nobody ? "0" : `${low}–${high}`),
        h("span", {}, app.t("whatif.residents", { middle: nobody ? "0" : middle })))),
    found.outside > 0 && h("p", { class: "note" }, app.t("whatif.outside", { count: found.outside })),
    h("p", { class: "note" }, app.t("whatif.method")),
    rows.length > 0 &&
      h("table", { class: "figures" },
        h("caption", {}, app.t("whatif.bySettlement")),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, app.t("column.name")), h("th", { scope: "col" }, app.t("column.buildings")), h("th", { scope: "col" }, app.t("whatif.share")))),
        h("tbody", {}, ...rows)),
    found.perSettlement.length > MAX_ROWS && h("p", { class: "note" }, app.t("whatif.more", { count: found.perSettlement.length - MAX_ROWS })),
  ];
}

export class WhatIfPanel {
  private readonly output = h("div", { class: "result", "aria-live": "polite" });
  private drawnFor = "";

  constructor(private readonly app: App) {
    app.map.on("distances", () => this.update());
  }

  render(): Child[] {
    const { app } = this;
    const hazard = app.data.classes.find((candidate) => candidate.id === app.state.whatif?.hazardClass);
    this.drawnFor = this.key();
    this.update();
    return [
      h("p", { class: "lead" }, app.t("whatif.lead")),
      app.data.classes.length === 0 ? h("p", { class: "note" }, app.t("key.noHazards")) : chooser(app),
      hazard && slider(app, hazard),
      hazard && this.output,
    ];
  }

  /** Whether a change of the limit alone can be shown without rebuilding the controls under the finger. */
  get upToDate(): boolean {
    return this.drawnFor === this.key();
  }

  update(): void {
    const limit = this.app.state.whatif?.limit;
    for (const id of ["whatif-limit", "whatif-metres"]) {
      const input = document.getElementById(id) as HTMLInputElement | null;
      if (input && limit !== undefined && input.value !== String(limit)) input.value = String(limit);
    }
    replace(this.output, ...result(this.app));
  }

  private key(): string {
    return `${this.app.state.lang} ${this.app.state.whatif?.hazardClass}`;
  }
}
