// Everything known about one settlement, and what is not.

import type { App } from "../app";
import { written } from "../areas";
import { intervalChart, sparkline } from "../charts";
import { h, type Child } from "../dom";
import { annualGrowth, rangeOf } from "../numbers";
import { LANGUAGES, QUANTITIES, type Quantity, type Settlement } from "../types";
import { gaps } from "./gaps";
import { zoneSwatch } from "../legend";
import { lawLines } from "./here";
import { conditionWords } from "./whatif";

/** The name in large letters, and below it what the place is called in other languages and where it was mapped. */
function heading(app: App, settlement: Settlement): Child[] {
  const { names } = settlement;
  const own = app.nameOf(settlement);
  const spelled = own === names.latin && names.any !== undefined;
  const others = LANGUAGES.map((code) => ({ code, name: names[code] })).filter(
    ({ code, name }, i, all) =>
      name && name !== own && !(spelled && name === names.any) && code !== app.language.code &&
      all.findIndex((other) => other.name === name) === i,
  );
  return [
    h("p", { class: "kicker" }, app.t(`settlement_kind.${settlement.kind}`)),
    h("h2", { id: "details-title", tabindex: -1 }, h("bdi", {}, own)),
    others.length > 0 &&
      h("p", { class: "names" }, ...others.flatMap(({ code, name }, i) => [i > 0 && " · ", h("bdi", { lang: code }, name ?? "")])),
    spelled && h("p", { class: "note" }, app.t("details.spelled", { name: names.any ?? "" })),
  ];
}

function facts(app: App, settlement: Settlement): HTMLElement {
  const { language } = app;
  const status =
    settlement.statusYear === null
      ? app.t("details.statusUnknown")
      : app.t("details.statusSince", {
          status: app.t(`status.${settlement.status}`),
          year: String(settlement.statusYear),
          source: settlement.statusSource ?? app.t("details.noSource"),
        });
  const rows: [string, string][] = [
    [app.t("details.status"), status],
    [app.t("column.homes"), app.t("details.homes", { homes: settlement.homes, others: settlement.buildings - settlement.homes })],
    [app.t("details.area"), language.hectares(settlement.areaM2)],
    [app.t("details.onset"), settlement.onset === null ? app.t("legend.noData") : String(settlement.onset)],
    [app.t("details.outline"), app.t(`delineation.${settlement.delineation}`)],
  ];
  return h("dl", { class: "facts" }, ...rows.flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
}

function people(app: App, settlement: Settlement): Child[] {
  const known = QUANTITIES.filter((quantity) => settlement.population[quantity]);
  if (known.length === 0) return [h("p", { class: "note" }, app.t("details.noPopulation"))];
  const most = Math.max(...known.map((quantity) => settlement.population[quantity]?.q[4] ?? 0), 1);
  return known.map((quantity) => figure(app, settlement, quantity, most));
}

function figure(app: App, settlement: Settlement, quantity: Quantity, most: number): Child {
  const interval = settlement.population[quantity];
  if (!interval) return null;
  const { language } = app;
  const words = app.t(`details.${quantity}Words`, language.people(rangeOf(interval)));
  const basis = app.t(`evidence.${interval.evidence}`);
  const year = interval.year === null ? "" : ` · ${app.t("details.inputsOf", { year: String(interval.year) })}`;
  return h(
    "div",
    { class: `estimate ${quantity}` },
    h("h4", {}, app.t(`quantity.${quantity}`)),
    intervalChart(interval, most, words, language),
    h("p", {}, words),
    interval.q[0] < 0 && h("p", { class: "note" }, app.t("details.negative")),
    h("p", { class: "note" }, `${basis}${year}`),
  );
}

/** The tracker's own years, beside the epochs. */
function since2016(app: App, { since2016: built }: Settlement): Child[] {
  const series = app.data.since2016;
  if (!series || !built) return [];
  const { years, modelled, product } = series;
  const [first, last] = [built[0] as number, built[built.length - 1] as number];
  const words = app.t("details.since2016", {
    area: app.language.hectares(last), year: String(years[years.length - 1]), more: app.language.hectares(last - first), first: String(years[0]),
  });
  return [
    sparkline({ years, values: built, modelled }, words),
    h("p", { id: "details-since-2016" }, words),
    h("p", { class: "note" }, app.t("details.since2016Note", { product: app.titleOf(product) })),
  ];
}

function growth(app: App, settlement: Settlement): Child[] {
  if (!app.data.growth || !settlement.growth) return [h("p", { class: "note" }, app.t("details.noGrowth"))];
  const { years, modelled, product } = app.data.growth;
  const rate = annualGrowth(years, settlement.growth);
  const last = settlement.growth[settlement.growth.length - 1] as number;
  const words = app.t("details.growthWords", {
    area: app.language.hectares(last),
    year: String(years[years.length - 1]),
    rate: rate === null ? "–" : app.language.percent(rate, 1),
  });
  return [
    sparkline({ years, values: settlement.growth, modelled }, words),
    h("p", {}, words),
    h("p", { class: "note" }, app.t("details.growthNote", { product: app.titleOf(product) }), modelled.length > 0 && ` ${app.t("growth.modelledNote")}`),
  ];
}

function zones(app: App, settlement: Settlement): Child[] {
  if (settlement.zones.length === 0) return [h("p", {}, app.t("details.noZones")), h("p", { class: "note" }, app.t("details.absence"))];
  const items = settlement.zones.map((overlap) => {
    const rule = app.data.rules.find((candidate) => candidate.id === overlap.rule);
    const hazard = app.data.classes.find((candidate) => candidate.id === rule?.hazardClass);
    if (!rule || !hazard) return null;
    const near = overlap.nearest === 0 ? app.t("details.touching") : app.t("details.nearest", { distance: app.language.metres(overlap.nearest) });
    return h(
      "li",
      {},
      h("h4", {}, zoneSwatch(hazard, rule.kind), app.language.name(hazard.names) ?? hazard.id),
      h("p", {}, app.t("details.zoneWords", { count: overlap.homes, share: app.language.percent(overlap.share), near }),
        overlap.homesRange[1] > 0 && ` ${app.t("details.zoneRange", { low: overlap.homesRange[0], high: overlap.homesRange[1] })}`),
      h("p", { class: "note" },
        [app.t(`rule_kind.${rule.kind}`), rule.distance > 0 && app.language.metres(rule.distance), rule.condition && conditionWords(app, rule.condition), overlap.assumed && app.t("details.assumed")].filter(Boolean).join(" · ")),
      lawLines(app, rule),
    );
  });
  return [h("ul", { class: "zones" }, ...items), h("p", { class: "note" }, app.t("details.absence"))];
}

/** Of the inputs that are thin, those that matter here: context, and the classes that reach into the settlement. */
function gapsHere(app: App, settlement: Settlement): Child[] {
  const touching = new Set(settlement.zones.map((zone) => app.data.rules.find((rule) => rule.id === zone.rule)?.hazardClass));
  const hazards = new Set(app.data.classes.map((hazard) => hazard.id));
  return [
    gaps(app, ({ layer, verdict }) => verdict !== "unknown" && (touching.has(layer) || !hazards.has(layer))),
    h("p", {}, h("button", { type: "button", class: "link", id: "all-gaps", click: () => app.store.set({ tab: "about", selected: null }) }, app.t("details.allGaps"))),
  ];
}

export function detailsPanel(app: App, settlement: Settlement): Child[] {
  return [
    h("button", { type: "button", class: "back", id: "close-details", click: () => app.store.set({ selected: null }) },
      h("span", { "aria-hidden": "true" }, "← "), app.t("details.back", { panel: app.t(`tab.${app.state.tab}`) })),
    ...heading(app, settlement),
    app.data.area.simulated && h("p", { class: "tag" }, app.t("simulated.short")),
    facts(app, settlement),
    h("p", {}, h("button", { type: "button", class: "link", id: "details-area", click: () => app.addArea(written("s", settlement.id)) }, app.t("area.addSettlement"))),
    h("h3", {}, app.t("details.people")),
    ...people(app, settlement),
    h("h3", {}, app.t("details.growth")),
    ...growth(app, settlement),
    ...since2016(app, settlement),
    h("h3", {}, app.t("details.zones")),
    ...zones(app, settlement),
    h("h3", {}, app.t("details.gaps")),
    ...gapsHere(app, settlement),
    h("p", { class: "note disclaimer" }, app.t("about.disclaimer")),
  ];
}
