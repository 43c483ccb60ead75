// The sheet of a place: every rule that reaches it, by which object, in which law; its settlement; what the inputs lack.

import type { App } from "../app";
import { written } from "../areas";
import { h, type Child } from "../dom";
import type { Here, Reach } from "../here";
import { BUILDING_KINDS, LANGUAGES, type Act, type LanguageCode, type Rule } from "../types";
import { gaps } from "./gaps";
import { zoneSwatch } from "../legend";
import { conditionWords, firstLimit, hazardName } from "./whatif";

/** Objects of one rule that are listed; a place beside a depot may be near dozens. */
const MOST_OBJECTS = 6;

/** The languages in which an act was published: all of its titles but the English one, which is ours where there are others. */
function original(act: Act): { code: LanguageCode; title: string } {
  const found = LANGUAGES.filter((code) => code !== "en" && act.titles[code]).map((code) => ({ code, title: act.titles[code] ?? "" }));
  return found[0] ?? { code: "en", title: act.titles.en ?? "" };
}

function actLine(app: App, act: Act): Child {
  const { code, title } = original(act);
  const number = code === "en" ? act.number : act.number.replace(/^No\.\s*/, "№ ");
  const cited = [title, number, act.signed && dayOf(app, act.signed)].filter(Boolean).join(", ");
  const own = app.language.name(act.titles);
  return h("span", { class: "act" },
    act.link === ""
      ? h("span", { lang: code }, cited)
      : h("a", { href: act.link, lang: code, rel: "noopener noreferrer external", target: "_blank" }, cited),
    own !== undefined && own !== title && h("span", { class: "translated", lang: own === act.titles.en ? "en" : app.language.code }, ` (${own})`),
    act.repealed !== "" && h("strong", {}, ` ${app.t("here.repealed", { date: dayOf(app, act.repealed) })}`));
}

/** A day as the language writes it; a year alone as it is. */
function dayOf(app: App, iso: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(iso) ? app.language.date(new Date(`${iso}T12:00:00`)) : iso;
}

/** Where in the act: the catalogue writes it in English. */
function placeInAct(app: App, article: string): string {
  const [, word, number = ""] = /^(Appendix|art\.|table) (\S+)$/.exec(article) ?? [];
  switch (word) {
    case "Appendix":
      return app.t("law.appendix", { number });
    case "art.":
      return app.t("law.article", { number });
    case "table":
      return app.t("law.table", { number });
    default:
      return article;
  }
}

/** What a rule rests on, and whether anybody has read it. */
export function lawLines(app: App, rule: Rule): Child {
  const acts = rule.acts.map((id) => app.data.acts[id]).filter((act) => act !== undefined);
  const cited: Child[] = acts.length > 0
    ? [...acts.flatMap((act, i) => [i > 0 && "; ", actLine(app, act)]), rule.article !== "" && `, ${placeInAct(app, rule.article)}`]
    : [rule.legal === "" ? app.t("details.noLaw") : h("span", { class: "law" }, rule.legal)];
  return h("p", { class: "note law" }, ...cited, " · ",
    h("span", { class: rule.verified ? "verified" : "unverified" }, app.t(rule.verified ? "details.verified" : "details.unverified")));
}

function objects(app: App, { hits, rule }: Reach): Child {
  const items = hits.slice(0, MOST_OBJECTS).map(({ hazard, metres }) => {
    const number = app.hazardsOf(hazard.hazardClass).indexOf(hazard);
    const distance = metres === 0 ? app.t("here.inside") : app.t("here.from", { distance: app.language.metres(Math.ceil(metres)) });
    const ask = (): void => {
      const found = app.data.classes.find((candidate) => candidate.id === hazard.hazardClass);
      if (found) app.store.set({ tab: "whatif", here: null, whatif: { hazardClass: hazard.hazardClass, limit: rule.distance || firstLimit(app, found), only: number } });
    };
    return h("li", { "data-hazard": hazard.id, "data-metres": metres.toFixed(2) },
      h("button", { type: "button", class: "link", id: `around-${hazard.id}`, title: app.t("here.around"), click: ask }, h("bdi", {}, hazardName(app, hazard))),
      ` · ${distance}`, hazard.assumed && ` · ${app.t("details.assumed")}`);
  });
  return h("ul", { class: "objects" }, ...items,
    hits.length > MOST_OBJECTS && h("li", { class: "note" }, app.t("here.more", { count: hits.length - MOST_OBJECTS })));
}

function reachItem(app: App, reach: Reach): Child {
  const { rule } = reach;
  const hazard = app.data.classes.find((candidate) => candidate.id === rule.hazardClass);
  if (!hazard) return null;
  const limit = rule.distance > 0 ? app.t("here.limit", { distance: app.language.metres(rule.distance) }) : app.t("here.ownLand");
  return h("li", { "data-rule": rule.id },
    h("h4", {}, zoneSwatch(hazard, rule.kind), app.language.name(hazard.names) ?? hazard.id),
    objects(app, reach),
    h("p", { class: "note" }, [app.t(`rule_kind.${rule.kind}`), limit, rule.condition && conditionWords(app, rule.condition)].filter(Boolean).join(" · ")),
    lawLines(app, rule));
}

function reaches(app: App, here: Here): Child[] {
  if (here.reaches.length === 0) return [h("p", { id: "here-none" }, app.t("here.noRule")), h("p", { class: "note" }, app.t("details.absence"))];
  const binding = here.reaches.filter(({ rule }) => rule.kind !== "advisory").length;
  return [
    h("p", {}, app.t("here.rules", { count: here.reaches.length }), binding < here.reaches.length && ` ${app.t("here.binding", { count: binding })}`),
    h("ul", { class: "zones" }, ...here.reaches.map((reach) => reachItem(app, reach))),
    h("p", { class: "note" }, app.t("details.absence")),
  ];
}

function building(app: App, { building: found }: Here): Child[] {
  if (!found) return [];
  const kind = BUILDING_KINDS[found.kind] ?? "unknown";
  const classes = [...new Set(found.rules.map((id) => app.data.rules.find((rule) => rule.id === id)?.hazardClass))];
  const names = classes.map((id) => app.language.name(app.data.classes.find((hazard) => hazard.id === id)?.names ?? {})).filter((name) => name !== undefined);
  return [
    h("h3", {}, app.t("here.building")),
    h("p", {}, [app.t(`building_kind.${kind}`), app.t("unit.m2", { value: found.footprint }), app.t(found.home ? "here.home" : "here.noHome")].join(" · ")),
    h("p", { class: "note" }, names.length > 0 ? app.t("here.buildingZones", { classes: names.join(", ") }) : app.t("here.buildingFree")),
  ];
}

function settlement(app: App, here: Here): Child[] {
  const [found] = here.settlements;
  if (!found) return [h("h3", {}, app.t("column.name")), h("p", {}, app.t("here.noSettlement"))];
  const { residents } = found.population;
  const range = residents && app.language.people({ low: residents.q[0], middle: residents.q[2], high: residents.q[4] });
  return [
    h("h3", {}, app.t("column.name")),
    h("p", {},
      h("button", { type: "button", class: "link", id: "here-settlement", click: () => app.select(found) }, h("bdi", {}, app.nameOf(found))),
      ` · ${app.t(`settlement_kind.${found.kind}`)}`),
    h("p", { class: "note" }, range ? app.t("details.residentsWords", range) : app.t("details.noPopulation")),
    h("p", {}, h("button", { type: "button", class: "link", id: "here-area", click: () => app.addArea(written("s", found.id)) }, app.t("area.addSettlement"))),
  ];
}

function inputs(app: App, here: Here): Child[] {
  const { cell } = here;
  const silent = cell === null ? "here.cellNone" : !cell.osmMapped ? "here.cellSatellite" : cell.inhabited && !cell.mapped ? "here.cellUnmapped" : "here.cellMapped";
  const classes = new Set(app.data.classes.map((hazard) => hazard.id));
  const touching = new Set(here.reaches.map(({ rule }) => rule.hazardClass));
  return [
    h("h3", {}, app.t("details.gaps")),
    h("p", { id: "here-cell", "data-state": silent }, app.t(silent)),
    gaps(app, ({ layer, verdict }) => verdict !== "unknown" && (touching.has(layer) || !classes.has(layer))),
  ];
}

export function herePanel(app: App): Child[] {
  const { here: at } = app.state;
  if (!at) return [];
  const { here } = app;
  const coordinates = `${at.lat.toFixed(5)}, ${at.lon.toFixed(5)}`;
  return [
    h("div", { class: "toolbar" },
      h("button", { type: "button", class: "back", id: "close-here", click: () => app.store.set({ here: null }) }, h("span", { "aria-hidden": "true" }, "← "), app.t("details.back", { panel: app.t(`tab.${app.state.tab}`) })),
      h("button", { type: "button", class: "button", id: "print-here", click: () => window.print() }, app.t("here.print"))),
    h("p", { class: "kicker" }, app.t("here.kicker")),
    h("h2", { id: "here-title", tabindex: -1, "data-ready": here !== null }, coordinates),
    app.data.area.simulated && h("p", { class: "tag" }, app.t("simulated.short")),
    ...(here === null
      ? [h("p", { class: "note" }, app.t("whatif.loading"))]
      : !here.within
        ? [h("p", { id: "here-beyond" }, app.t("here.beyond"))]
        : [
            h("h3", {}, app.t("here.rulesTitle")), ...reaches(app, here), ...building(app, here),
            ...settlement(app, here), ...inputs(app, here),
          ]),
    h("p", { class: "note disclaimer" }, app.t("about.disclaimer")),
  ];
}
