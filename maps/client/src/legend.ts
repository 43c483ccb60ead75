// What the colours of the map mean: a mark and a text for everything that is drawn, for the key, the chip, prints and pictures.

import type { App } from "./app";
import { s } from "./dom";
import { showsPast } from "./growth";
import { BUILDINGS_FROM, DASHES, isShown } from "./paint";
import {
  BUILT, hazardColour, KIND_COLOURS, NO_DATA, scaleOf, shareOpacity, STATUS_COLOURS, themeColour, UNMAPPED, UNTOUCHED, WITHIN, ZONE,
} from "./palette";
import type { Theme } from "./state";
import { KINDS, STATUSES, type HazardClass, type Kind, type Status } from "./types";

export interface Item {
  mark: SVGElement;
  text: string;
  /** What can be left out by it. */
  filter?: { set: "hiddenKinds"; value: Kind } | { set: "hiddenStatuses"; value: Status };
}

export function swatch(colour: string, kind = "", opacity = 1): SVGElement {
  return s(
    "svg",
    { class: `swatch ${kind}`, viewBox: "0 0 22 14", "aria-hidden": "true" },
    s("rect", { x: 0.75, y: 0.75, width: 20.5, height: 12.5, fill: colour, "fill-opacity": opacity, stroke: themeColour("swatch-edge"), "stroke-width": 0.75 }),
  );
}

function hollowSwatch(): SVGElement {
  return s("svg", { class: "swatch", viewBox: "0 0 22 14", "aria-hidden": "true" }, s("rect", { x: 1, y: 1, width: 20, height: 12, fill: "none", stroke: BUILT, "stroke-width": 1 }));
}

export function hatchSwatch(): SVGElement {
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
    s("rect", { x: 7.5, y: 4, width: 7, height: 6, fill: hazardColour(hazard), stroke: themeColour("outline"), "stroke-width": 1 }),
  );
}

/** The colours of settlements, as they are now. */
export function themeItems(app: App): Item[] {
  const { theme, whatif } = app.state;
  if (showsPast(app.state)) return pastItems(app);
  if (whatif) {
    return [0, 0.1, 0.5, 1].map((share) => ({
      mark: share === 0 ? swatch(UNTOUCHED) : swatch(WITHIN, "", shareOpacity(share)),
      text: app.t("whatif.legend", { share: app.language.percent(share) }),
    }));
  }
  if (theme === "kind") {
    const present = KINDS.filter((kind) => app.data.settlements.some((settlement) => settlement.kind === kind));
    return present.map((kind) => ({ mark: swatch(KIND_COLOURS[kind]), text: app.t(`settlement_kind.${kind}`), filter: { set: "hiddenKinds", value: kind } }));
  }
  if (theme === "status") {
    return STATUSES.map((status) => ({ mark: swatch(STATUS_COLOURS[status]), text: app.t(`status.${status}`), filter: { set: "hiddenStatuses", value: status } }));
  }
  return steps(app, theme);
}

function pastItems(app: App): Item[] {
  const shares = [0.1, 0.5, 1].map((share) => ({
    mark: swatch(BUILT, "", shareOpacity(share)),
    text: app.t(app.data.growth ? "growth.share" : "growth.seenShare", { share: app.language.percent(share) }),
  }));
  if (!app.data.firstSeen || app.map.getZoom() < BUILDINGS_FROM) return shares;
  return [...shares, { mark: swatch(BUILT), text: app.t("growth.stood") }, { mark: hollowSwatch(), text: app.t("growth.unknownYear") }];
}

function steps(app: App, theme: "residents" | "unregistered" | "growth"): Item[] {
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
    return { mark: swatch(colour), text };
  });
  if (app.data.settlements.some((settlement) => scale.value(settlement) === null))
    items.push({ mark: swatch(NO_DATA), text: app.t("legend.noData") });
  return items;
}

export function themeUnit(theme: Theme): string {
  return { kind: "", status: "", residents: "theme.residents.unit", unregistered: "theme.unregistered.unit", growth: "theme.growth.unit" }[theme];
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

/** Those of which a zone may reach into the view. */
export function classesInView(app: App): ReturnType<typeof presentClasses> {
  const view = app.map.getBounds();
  const distances = new Map(app.data.rules.map((rule) => [rule.id, rule.distance]));
  const seen = new Set(app.data.hazards.filter(({ rule, bbox: [west, south, east, north] }) => {
    // A degree of longitude has at least 55 km up to the 60th parallel.
    const around = (distances.get(rule) ?? 0) / 55_000;
    return west - around <= view.getEast() && east + around >= view.getWest() && south - around <= view.getNorth() && north + around >= view.getSouth();
  }).map((hazard) => hazard.hazardClass));
  return presentClasses(app).filter(({ hazard }) => seen.has(hazard.id));
}

/** The zones that are drawn in the view. */
export function zoneItems(app: App): Item[] {
  if (!app.shown("red_zones") || showsPast(app.state)) return [];
  return classesInView(app)
    .filter(({ hazard }) => isShown(app.state, hazard.id))
    .map(({ hazard, kind }) => ({ mark: zoneSwatch(hazard, kind), text: app.language.name(hazard.names) ?? hazard.id }));
}
