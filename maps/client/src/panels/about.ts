// Where everything comes from, how complete it is, and what it must not be used for.

import type { App } from "../app";
import { h, type Child } from "../dom";
import { QUANTITIES } from "../types";
import { gaps } from "./details";

export function sourceList(app: App): HTMLElement {
  const seen = new Set<string>();
  const items: HTMLElement[] = [];
  for (const source of app.data.sources) {
    const credit = source.attribution || source.dataset;
    const rest = [source.version, source.licence].filter(Boolean).map((part) => ` · ${part}`).join("");
    if (seen.has(credit + rest)) continue;
    seen.add(credit + rest);
    const secure = source.home.startsWith("https://");
    const name = secure ? h("a", { href: source.home, rel: "noopener noreferrer external", target: "_blank" }, credit) : credit;
    items.push(h("li", {}, name, rest));
  }
  return h("ul", { class: "sources" }, ...items);
}

function cityFigures(app: App): Child {
  const { language } = app;
  const rows = QUANTITIES.flatMap((quantity) => {
    const interval = app.data.population[quantity];
    if (!interval) return [];
    return [
      h("dt", {}, app.t(`quantity.${quantity}`)),
      h("dd", {}, app.t("about.interval", { low: language.about(interval.q[0]), high: language.about(interval.q[4]), middle: language.about(interval.q[2]) })),
    ];
  });
  return rows.length > 0 && h("dl", { class: "facts" }, ...rows);
}

export function aboutPanel(app: App): Child[] {
  const { data } = app;
  return [
    h("p", { class: "lead" }, app.t("about.lead")),
    data.area.simulated && h("p", { class: "tag" }, app.t("simulated.long")),
    h("h3", {}, app.t("about.city")),
    h("p", {}, app.t("about.counts", { settlements: data.settlements.length, buildings: data.whatif.buildings })),
    cityFigures(app),
    h("p", { class: "note" }, app.t("about.notASum")),
    h("h3", {}, app.t("details.gaps")),
    gaps(app),
    h("p", { class: "note" }, app.t("details.absence")),
    h("h3", {}, app.t("about.sources")),
    sourceList(app),
    h("p", { class: "note" }, app.t("about.made", { version: data.version })),
    h("h3", {}, app.t("about.keys")),
    h("p", {}, app.t("about.keysText")),
    h("p", { class: "note disclaimer" }, app.t("about.disclaimer")),
  ];
}
