// The ranked table: the map's text alternative. Every row leads to its settlement, and the map leads to its row.

import type { App } from "../app";
import { toCsv } from "../csv";
import { download, h, type Child } from "../dom";
import { annualGrowth, rangeOf } from "../numbers";
import { COLUMNS, type Column } from "../state";
import { LANGUAGES, QUANTITIES, type Settlement } from "../types";

const MAX_ROWS = 500;

function valueOf(app: App, settlement: Settlement, column: Column): string | number | null {
  switch (column) {
    case "name":
      return app.nameOf(settlement);
    case "homes":
      return settlement.homes;
    case "residents":
    case "unregistered":
      return settlement.population[column]?.q[2] ?? null;
    case "growth":
      return settlement.growth && app.data.growth ? annualGrowth(app.data.growth.years, settlement.growth) : null;
    case "zones":
      return settlement.homes > 0 ? settlement.inZones / settlement.homes : null;
  }
}

export function ranked(app: App): Settlement[] {
  const { column, descending } = app.state.sort;
  const collator = new Intl.Collator(app.language.locale, { numeric: true });
  const keyed = app.data.settlements.map((settlement) => ({ settlement, value: valueOf(app, settlement, column) }));
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    const order =
      typeof a.value === "string" ? collator.compare(a.value, String(b.value)) : a.value - Number(b.value);
    return (descending ? -order : order) || a.settlement.id.localeCompare(b.settlement.id);
  });
  return keyed.map((row) => row.settlement);
}

function cell(app: App, settlement: Settlement, column: Column): HTMLElement {
  const { language } = app;
  if (column === "residents" || column === "unregistered") {
    const interval = settlement.population[column];
    if (!interval) return h("td", { class: "none" }, "–");
    const { low, middle, high } = language.people(rangeOf(interval));
    return h("td", {}, middle, h("small", {}, `${low}–${high}`));
  }
  const value = valueOf(app, settlement, column);
  if (value === null) return h("td", { class: "none" }, "–");
  if (column === "homes") return h("td", {}, language.number(Number(value)));
  return h("td", {}, language.percent(Number(value), column === "growth" ? 1 : 0));
}

function header(app: App, column: Column): HTMLElement {
  const { sort } = app.state;
  const active = sort.column === column;
  const order = active ? (sort.descending ? "descending" : "ascending") : null;
  const click = (): void =>
    app.store.set({ sort: { column, descending: active ? !sort.descending : column !== "name" } });
  return h(
    "th",
    { scope: "col", "aria-sort": order },
    h("button", { type: "button", id: `sort-${column}`, click }, app.t(`column.${column}`),
      h("span", { class: "arrow", "aria-hidden": "true" }, active ? (sort.descending ? "▼" : "▲") : "")),
  );
}

export function tablePanel(app: App): Child[] {
  const order = ranked(app);
  if (order.length === 0) return [h("p", { class: "note" }, app.t("table.empty"))];
  const rows = order.slice(0, MAX_ROWS).map((settlement) =>
    h(
      "tr",
      { class: settlement.id === app.state.selected ? "selected" : null, id: `row-${settlement.id}` },
      h("th", { scope: "row" },
        h("button", { type: "button", class: "link", id: `open-${settlement.id}`, click: () => app.select(settlement) }, h("bdi", {}, app.nameOf(settlement))),
        h("small", {}, app.t(`settlement_kind.${settlement.kind}`))),
      ...COLUMNS.slice(1).map((column) => cell(app, settlement, column)),
    ),
  );
  return [
    h("div", { class: "toolbar" },
      h("p", { class: "lead" }, app.t("table.lead", { count: order.length })),
      h("button", { type: "button", class: "button", id: "csv", click: () => download(`${app.data.area.id}_settlements.csv`, "text/csv", csvOf(app)) }, app.t("table.csv"))),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": app.t("table.caption") },
      h("table", { class: "figures ranked" },
        h("caption", { class: "hidden" }, app.t("table.caption")),
        h("thead", {}, h("tr", {}, ...COLUMNS.map((column) => header(app, column)))),
        h("tbody", {}, ...rows))),
    order.length > MAX_ROWS && h("p", { class: "note" }, app.t("table.more", { count: order.length - MAX_ROWS })),
  ];
}

/** All settlements with every figure, ordered as the table is. */
export function csvOf(app: App): string {
  const quantiles = ["p05", "p25", "p50", "p75", "p95"];
  const head = [
    "settlement_id", "name", ...LANGUAGES.map((code) => `name_${code}`), "kind", "status", "status_year", "status_source",
    "onset_year", "area_m2", "buildings", "homes", "homes_in_red_zones", "lon", "lat",
    ...QUANTITIES.flatMap((quantity) => quantiles.map((q) => `${quantity}_${q}`)), "simulated",
  ];
  const rows = ranked(app).map((row) => [
    row.id, row.names.any ?? null, ...LANGUAGES.map((code) => row.names[code] ?? null), row.kind, row.status, row.statusYear,
    row.statusSource, row.onset, row.areaM2, row.buildings, row.homes, row.inZones, row.at[0], row.at[1],
    ...QUANTITIES.flatMap((quantity) => row.population[quantity]?.q ?? quantiles.map(() => null)),
    app.data.area.simulated ? "true" : "false",
  ]);
  return toCsv([head, ...rows]);
}
