// Where everything comes from, how complete it is, and what it must not be used for.

import type { App } from "../app";
import { h, type Child } from "../dom";
import { rangeOf } from "../numbers";
import { QUANTITIES, type SourceRow } from "../types";
import { gaps } from "./gaps";

/** Whose a dataset is and on which terms; of one that was simulated, that it was. */
export function creditsOf(app: App, { attribution, licence, simulated }: SourceRow): string[] {
  return simulated ? [app.t("source.simulated")] : [attribution, licence].filter(Boolean);
}

/** One line for each dataset, with all its versions. */
export function sourceList(app: App): HTMLElement {
  const lines = new Map<string, { source: SourceRow; versions: string[] }>();
  for (const source of app.data.sources) {
    const key = JSON.stringify([source.dataset, source.attribution, source.licence]);
    const line = lines.get(key) ?? { source, versions: [] };
    if (source.version && !line.versions.includes(source.version)) line.versions.push(source.version);
    lines.set(key, line);
  }
  const items = [...lines.values()].map(({ source, versions }) => {
    const title = source.title || source.dataset;
    const name = source.home.startsWith("https://")
      ? h("a", { href: source.home, rel: "noopener noreferrer external", target: "_blank" }, title)
      : title;
    const [whose = "", ...terms] = creditsOf(app, source);
    const rest = [whose, versions.sort().join(", "), ...terms].filter((part) => part && part !== title);
    return h("li", {}, name, rest.map((part) => ` · ${part}`).join(""));
  });
  return h("ul", { class: "sources" }, ...items);
}

function cityFigures(app: App): Child {
  const rows = QUANTITIES.flatMap((quantity) => {
    const interval = app.data.population[quantity];
    if (!interval) return [];
    return [
      h("dt", {}, app.t(`quantity.${quantity}`)),
      h("dd", {}, app.t("about.interval", app.language.people(rangeOf(interval)))),
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
    data.population.unregistered && data.population.unregistered.q[0] < 0 && h("p", { class: "note" }, app.t("details.negative")),
    data.population.residents && h("p", { class: "note" }, app.t("about.sum")),
    h("h3", {}, app.t("details.gaps")),
    gaps(app, () => true),
    h("p", { class: "note" }, app.t("details.absence")),
    h("h3", {}, app.t("about.sources")),
    sourceList(app),
    h("p", { class: "note" }, app.t("about.made", { version: data.version })),
    h("h3", {}, app.t("about.keys")),
    h("p", {}, app.t("about.keysText")),
    h("p", { class: "note disclaimer" }, app.t("about.disclaimer")),
  ];
}
