// The map key: which layers are drawn, in which colours, by which theme.

import type { App } from "../app";
import { h, s, type Child } from "../dom";
import {
  BUILT, KIND_COLOURS, NO_DATA, PLAIN_BUILDING, scaleOf, shareOpacity, STATUS_COLOURS, themeColour, UNMAPPED, UNTOUCHED, WITHIN, ZONE,
} from "../palette";
import { DASHES } from "../paint";
import { THEMES, type LayerKey, type Theme } from "../state";
import { CONCERNS, KINDS, STATUSES, type HazardClass } from "../types";
import { endButton } from "./whatif";

function swatch(colour: string, kind = "", opacity = 1): SVGElement {
  return s(
    "svg",
    { class: `swatch ${kind}`, viewBox: "0 0 22 14", "aria-hidden": "true" },
    s("rect", { x: 0.75, y: 0.75, width: 20.5, height: 12.5, fill: colour, "fill-opacity": opacity, stroke: themeColour("swatch-edge"), "stroke-width": 0.75 }),
  );
}

function hatchSwatch(): SVGElement {
  const lines = [-8, -1, 6, 13, 20].map((x) => s("path", { d: `M${x} 14L${x + 14} 0`, stroke: UNMAPPED, "stroke-width": 1 }));
  return s("svg", { class: "swatch", viewBox: "0 0 22 14", "aria-hidden": "true" }, ...lines);
}

/** A zone as it is drawn, and in its middle the colour of its objects. */
export function zoneSwatch(hazard: HazardClass, kind: string): SVGElement {
  const dash = DASHES[kind];
  const whisper = kind === "advisory";
  const lines = hazard.concern === "residents"
    ? [-14, -7, 0, 7, 14].map((x) => s("path", { d: `M${x} 0L${x + 14} 14`, stroke: ZONE, "stroke-width": 1 }))
    : [4, 9, 14, 19].flatMap((x) => [4, 10].map((y) => s("circle", { cx: x - 1, cy: y, r: 0.9, fill: ZONE })));
  return s(
    "svg",
    { class: "swatch", viewBox: "0 0 22 14", "aria-hidden": "true" },
    ...(whisper ? [] : lines),
    s("rect", {
      x: 1, y: 1, width: 20, height: 12, fill: ZONE, "fill-opacity": whisper ? 0 : 0.1,
      stroke: ZONE, "stroke-width": 1.4, "stroke-dasharray": dash ? dash.map((d) => d / 2).join(" ") : null,
    }),
    s("rect", { x: 7.5, y: 4, width: 7, height: 6, fill: hazard.colour, stroke: themeColour("outline"), "stroke-width": 1 }),
  );
}

function entry(mark: Node, text: string, note = ""): HTMLElement {
  return h("li", {}, mark, h("span", {}, text), note !== "" && h("span", { class: "note" }, note));
}

/** The legend of the settlement theme. */
export function themeLegend(app: App): HTMLElement {
  const { theme } = app.state;
  const list = h("ul", { class: "legend" });
  const hazard = app.data.classes.find((candidate) => candidate.id === app.state.whatif?.hazardClass);
  if (app.state.year === null && hazard) {
    for (const share of [0, 0.1, 0.5, 1])
      list.append(entry(share === 0 ? swatch(UNTOUCHED) : swatch(WITHIN, "", shareOpacity(share)), app.t("whatif.legend", { share: app.language.percent(share) })));
    return list;
  }
  if (app.state.year !== null) {
    for (const share of [0.1, 0.5, 1])
      list.append(entry(swatch(BUILT, "", shareOpacity(share)), app.t("growth.share", { share: app.language.percent(share) })));
    return list;
  }
  if (theme === "kind") {
    const present = KINDS.filter((kind) => app.data.settlements.some((settlement) => settlement.kind === kind));
    for (const kind of present) list.append(entry(swatch(KIND_COLOURS[kind]), app.t(`settlement_kind.${kind}`)));
  } else if (theme === "status") {
    for (const status of STATUSES) list.append(entry(swatch(STATUS_COLOURS[status]), app.t(`status.${status}`)));
  } else {
    for (const item of steps(app, theme)) list.append(item);
  }
  return list;
}

function steps(app: App, theme: "residents" | "unregistered" | "growth"): HTMLElement[] {
  const scale = scaleOf(theme, app.data);
  const { language } = app;
  const write = (value: number): string => (theme === "growth" ? language.percent(value, 1) : language.number(value));
  const items = scale.colours.slice(0, scale.breaks.length + 1).map((colour, i) => {
    const from = scale.breaks[i - 1];
    const to = scale.breaks[i];
    const text =
      from === undefined
        ? to === undefined ? app.t("legend.all") : app.t("legend.below", { value: write(to) })
        : to === undefined ? app.t("legend.above", { value: write(from) }) : app.t("legend.between", { low: write(from), high: write(to) });
    return entry(swatch(colour), text);
  });
  if (app.data.settlements.some((settlement) => scale.value(settlement) === null))
    items.push(entry(swatch(NO_DATA), app.t("legend.noData")));
  return items;
}

function themeUnit(theme: Theme): string {
  return { kind: "", status: "", residents: "theme.residents.unit", unregistered: "theme.unregistered.unit", growth: "theme.growth.unit" }[theme];
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


/** Hazard classes that occur here in alphabetical order, with the kind of their first rule. */
export function presentClasses(app: App): { hazard: HazardClass; kind: string }[] {
  const { language } = app;
  const name = (hazard: HazardClass): string => language.name(hazard.names) ?? hazard.id;
  return app.data.classes
    .map((hazard) => ({
      hazard,
      kind: app.data.rules.find((rule) => rule.hazardClass === hazard.id)?.kind ?? "statutory",
    }))
    .sort((a, b) => name(a.hazard).localeCompare(name(b.hazard), language.locale));
}

function zoneLegend(app: App): HTMLElement {
  const toggle = (id: string): void => {
    const hidden = new Set(app.state.hiddenClasses);
    if (!hidden.delete(id)) hidden.add(id);
    app.store.set({ hiddenClasses: hidden });
  };
  const row = ({ hazard, kind }: ReturnType<typeof presentClasses>[number]): HTMLElement =>
    h(
      "li",
      {},
      h(
        "label",
        {},
        h("input", {
          type: "checkbox",
          id: `class-${hazard.id}`,
          checked: !app.state.hiddenClasses.has(hazard.id),
          change: () => toggle(hazard.id),
        }),
        zoneSwatch(hazard, kind),
        h("span", {}, app.language.name(hazard.names) ?? hazard.id),
        // Most are rules in law, as the note above says: only what differs needs a word.
        kind !== "statutory" && h("span", { class: "note" }, app.t(`rule_kind.${kind}`)),
      ),
    );
  const present = presentClasses(app);
  if (present.length === 0) return h("p", { class: "note" }, app.t("key.noHazards"));
  const groups = CONCERNS.map((concern) => ({ concern, rows: present.filter(({ hazard }) => hazard.concern === concern) }));
  return h(
    "div",
    {},
    ...groups
      .filter(({ rows }) => rows.length > 0)
      .flatMap(({ concern, rows }) => [
        h("h4", {}, app.t(`concern.${concern}`)),
        h("ul", { class: "legend choose" }, ...rows.map(row)),
      ]),
  );
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

/** At which distance zones are drawn. */
function zonesNote(app: App): string {
  const { whatif, year } = app.state;
  const hazard = app.data.classes.find((candidate) => candidate.id === whatif?.hazardClass);
  if (year !== null) return app.t("key.zonesPast");
  if (!whatif || !hazard) return app.t("key.zonesNote");
  return app.t("key.zonesAsked", { class: app.language.name(hazard.names) ?? hazard.id, distance: app.language.metres(whatif.limit) });
}

export function keyPanel(app: App): Child[] {
  const unit = themeUnit(app.state.theme);
  return [
    layerGroup(
      app, "settlements",
      themeChooser(app),
      app.state.year === null && app.state.whatif === null && unit !== "" && h("p", { class: "unit" }, app.t(unit)),
      themeLegend(app),
      app.state.year === null && app.state.whatif !== null && endButton(app),
    ),
    layerGroup(app, "red_zones", h("p", { class: "note" }, zonesNote(app)), zoneLegend(app)),
    layerGroup(
      app, "buildings",
      h("ul", { class: "legend" }, entry(swatch(PLAIN_BUILDING), app.t("key.buildingPlain"))),
      h("p", { class: "note" }, app.t("key.buildingsNote")),
    ),
    layerGroup(app, "hazards"),
    layerGroup(
      app, "unmapped",
      h("ul", { class: "legend" }, entry(hatchSwatch(), app.t("key.unmappedEntry"))),
      h("p", { class: "note" }, app.t("key.unmappedNote")),
    ),
    layerGroup(app, "context"),
    basemapSwitch(app),
    layerGroup(app, "names"),
  ];
}
