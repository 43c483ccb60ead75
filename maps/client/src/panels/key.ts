// The map key: which layers are drawn, in which colours, by which theme; what is left out, and what is in view.

import type { App } from "../app";
import { h, type Child } from "../dom";
import { classesInView, hatchSwatch, presentClasses, swatch, themeItems, themeUnit, zoneSwatch, type Item } from "../legend";
import { showsPast } from "../growth";
import { PLAIN_BUILDING, themeColour } from "../palette";
import { THEMES, type LayerKey, type Theme } from "../state";
import { CONCERNS } from "../types";
import { summary } from "./summary";
import { endButton } from "./whatif";

function entry({ mark, text }: Item): HTMLElement {
  return h("li", {}, mark, h("span", {}, text));
}

/** The legend of the settlement theme. */
export function themeLegend(app: App): HTMLElement {
  return h("ul", { class: "legend" }, ...themeItems(app).map(entry));
}

/** The same with a box for each kind or status, to leave it out. */
function themeFilter(app: App): HTMLElement {
  const rows = themeItems(app).map((item) => {
    const { filter, mark, text } = item;
    if (!filter) return entry(item);
    const hidden: ReadonlySet<string> = app.state[filter.set];
    const toggle = (): void => {
      const next = new Set(hidden);
      if (!next.delete(filter.value)) next.add(filter.value);
      app.store.set({ [filter.set]: next });
    };
    return h("li", {}, h("label", {},
      h("input", { type: "checkbox", id: `filter-${filter.value}`, checked: !hidden.has(filter.value), change: toggle }), mark, h("span", {}, text)));
  });
  return h("ul", { class: "legend choose" }, ...rows);
}

/** Says that settlements are left out, also where the theme at hand does not show by what. */
function filtered(app: App): Child {
  const { hiddenKinds, hiddenStatuses } = app.state;
  if (hiddenKinds.size + hiddenStatuses.size === 0) return null;
  return h("p", { class: "note" }, app.t("key.filtered"), " ",
    h("button", { type: "button", class: "link", id: "filter-none", click: () => app.store.set({ hiddenKinds: new Set(), hiddenStatuses: new Set() }) }, app.t("key.showAll")));
}

/** A layer's checkbox with, below it, its legend. */
function layerGroup(app: App, key: LayerKey, ...content: Child[]): HTMLElement {
  const slice = app.slices.get(key);
  const box = h("input", {
    type: "checkbox",
    id: `layer-${key}`,
    checked: app.shown(key),
    change: () => {
      if (!slice) return;
      if (app.map.hasLayer(slice)) app.map.removeLayer(slice);
      else app.map.addLayer(slice);
    },
  });
  return h("section", { class: "layer" }, h("h3", {}, h("label", { for: `layer-${key}` }, box, app.t(`layer.${key}`))), ...content);
}

function themeChooser(app: App): HTMLElement {
  const select = h(
    "select",
    { id: "theme", change: (event) => app.store.set({ theme: (event.target as HTMLSelectElement).value as Theme }) },
    ...THEMES.map((theme) => h("option", { value: theme, selected: theme === app.state.theme }, app.t(`theme.${theme}`))),
  );
  return h("p", { class: "field" }, h("label", { for: "theme" }, app.t("key.colourBy")), select);
}


/** Whether the key lists also the classes out of view. */
let everyClass = false;

function zoneLegend(app: App): HTMLElement {
  const present = presentClasses(app);
  if (present.length === 0) return h("p", { class: "note" }, app.t("key.noHazards"));
  const listed = everyClass ? present : classesInView(app);
  const all = present.map(({ hazard }) => hazard.id);
  const hide = (ids: readonly string[]): void => app.store.set({ hiddenClasses: new Set(ids) });
  const toggle = (id: string): void => {
    const hidden = new Set(app.state.hiddenClasses);
    if (!hidden.delete(id)) hidden.add(id);
    hide([...hidden]);
  };
  const row = ({ hazard, kind }: (typeof present)[number]): HTMLElement => {
    const name = app.language.name(hazard.names) ?? hazard.id;
    return h("li", {},
      h("label", {},
        h("input", { type: "checkbox", id: `class-${hazard.id}`, checked: !app.state.hiddenClasses.has(hazard.id), change: () => toggle(hazard.id) }),
        zoneSwatch(hazard, kind),
        h("span", {}, name),
        // Most are rules in law, as the note above says: only what differs needs a word.
        kind !== "statutory" && h("span", { class: "note" }, app.t(`rule_kind.${kind}`))),
      h("button", { type: "button", class: "link solo", id: `solo-${hazard.id}`, "aria-label": app.t("key.soloOf", { name }), click: () => hide(all.filter((id) => id !== hazard.id)) }, app.t("key.solo")));
  };
  const groups = CONCERNS.map((concern) => ({ concern, rows: listed.filter(({ hazard }) => hazard.concern === concern) }));
  const button = (id: string, key: string, click: () => void, count = 0): HTMLElement => h("button", { type: "button", class: "link", id, click }, app.t(key, { count }));
  const more = (): void => {
    everyClass = !everyClass;
    app.map.fire("slice");
  };
  return h("div", {},
    h("p", { class: "choices" },
      button("zones-all", "key.all", () => hide([])), button("zones-none", "key.none", () => hide(all)),
      (everyClass || listed.length < present.length) && button("zones-more", everyClass ? "key.inView" : "key.everyClass", more, present.length)),
    ...groups
      .filter(({ rows }) => rows.length > 0)
      .flatMap(({ concern, rows }) => [h("h4", {}, app.t(`concern.${concern}`)), h("ul", { class: "legend choose" }, ...rows.map(row))]));
}

/** The online background, where the configuration names one: it says that a server will be asked. */
function basemapSwitch(app: App): Child {
  const { basemap } = app.data;
  if (!basemap) return null;
  const box = h("input", {
    type: "checkbox", id: "basemap", checked: app.state.basemap,
    change: (event) => app.store.set({ basemap: (event.target as HTMLInputElement).checked }),
  });
  return h("section", { class: "layer" },
    h("h3", {}, h("label", {}, box, app.t("layer.basemap"))),
    h("p", { class: "note" }, app.t("key.basemapNote", { host: new URL(basemap.url).host })));
}

/** Which years the map shows. */
export function pastTitle(app: App): string {
  const { year, swipe } = app.state;
  return [app.t("details.growth"), [...(swipe === null ? [] : [swipe]), year].map((moment) => app.momentName(moment)).join(" | ")].join(" ");
}

/** What the map shows of another year, and which datasets say so. */
export function pastNote(app: App): string {
  const { year, swipe } = app.state;
  const { growth, firstSeen } = app.data;
  return [
    swipe !== null && app.t("swipe.note", { before: app.momentName(swipe), after: app.momentName(year) }),
    growth && app.t("growth.epochsNote", { product: app.titleOf(growth.product) }),
    firstSeen && app.t("growth.seenNote", { products: firstSeen.datasets.map((dataset) => app.titleOf(dataset)).join(", ") }),
    growth && growth.modelled.length > 0 && app.t("growth.modelledYears", { years: growth.modelled.join(", ") }),
  ].filter(Boolean).join(" ");
}

/** At which distance zones are drawn. */
function zonesNote(app: App): string {
  const { whatif } = app.state;
  const hazard = app.data.classes.find((candidate) => candidate.id === whatif?.hazardClass);
  if (showsPast(app.state)) return app.t("key.zonesPast");
  if (!whatif || !hazard) return app.t("key.zonesNote");
  return app.t("key.zonesAsked", { class: app.language.name(hazard.names) ?? hazard.id, distance: app.language.metres(whatif.limit) });
}

export function keyPanel(app: App): Child[] {
  const unit = themeUnit(app.state.theme);
  const past = showsPast(app.state);
  return [
    summary(app),
    layerGroup(
      app, "settlements",
      !past && themeChooser(app),
      !past && app.state.whatif === null && unit !== "" && h("p", { class: "unit" }, app.t(unit)),
      themeFilter(app),
      past && h("p", { class: "note", id: "past-note" }, pastNote(app)),
      filtered(app),
      !past && app.state.whatif !== null && endButton(app),
    ),
    layerGroup(app, "red_zones", app.data.classes.length > 0 && h("p", { class: "note" }, zonesNote(app)), zoneLegend(app)),
    layerGroup(
      app, "buildings",
      h("ul", { class: "legend" },
        entry({ mark: swatch(themeColour("zone-building")), text: app.t("key.buildingInZone") }),
        entry({ mark: swatch(PLAIN_BUILDING), text: app.t("key.buildingPlain") })),
      h("p", { class: "note" }, app.t("key.buildingsNote")),
    ),
    layerGroup(app, "hazards"),
    layerGroup(
      app, "unmapped",
      h("ul", { class: "legend" }, entry({ mark: hatchSwatch(), text: app.t("key.unmappedEntry") })),
      h("p", { class: "note" }, app.t("key.unmappedNote")),
    ),
    layerGroup(app, "context"),
    basemapSwitch(app),
    layerGroup(app, "names"),
  ];
}
