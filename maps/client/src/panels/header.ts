// Title, search and language switch.

import L from "leaflet";
import type { App } from "../app";
import { h, replace, type Child } from "../dom";
import { Search, type Found } from "../search";
import { LANGUAGES } from "../types";
import { hazardName } from "./whatif";

/** A combobox after the ARIA pattern "editable, with list autocomplete". */
export class SearchBox {
  private readonly search: Search;
  private found: Found[] = [];
  private active = -1;
  private readonly list = h("ul", { id: "search-list", role: "listbox", hidden: true });
  private readonly status = h("p", { class: "hidden", role: "status" });
  private readonly input: HTMLInputElement;

  constructor(private readonly app: App) {
    this.search = new Search(app.data);
    this.input = h("input", {
      type: "search", id: "search", role: "combobox", autocomplete: "off", spellcheck: "false",
      "aria-expanded": "false", "aria-controls": "search-list", "aria-autocomplete": "list",
      input: () => this.refresh(),
      keydown: (event) => this.key(event as KeyboardEvent),
      blur: () => setTimeout(() => this.close(), 150),
    });
  }

  render(): Child {
    const label = this.app.t("search.label");
    this.input.placeholder = label;
    this.input.setAttribute("aria-label", label);
    this.list.setAttribute("aria-label", this.app.t("search.results"));
    return h("div", { class: "search" }, this.input, this.list, this.status);
  }

  private refresh(): void {
    this.found = this.search.find(this.input.value);
    this.active = -1;
    const options = this.found.map((found, i) => {
      const { name, what } = this.words(found);
      return h("li", { role: "option", id: `search-${i}`, "aria-selected": "false", mousedown: () => this.choose(i) },
        h("bdi", {}, name), h("small", {}, what));
    });
    const typed = this.input.value.trim() !== "";
    const message = this.app.t("search.found", { count: this.found.length });
    replace(this.list, ...(options.length > 0 ? options : [h("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "none" }, message)]));
    this.status.textContent = typed ? message : "";
    this.list.hidden = !typed;
    this.input.setAttribute("aria-expanded", String(typed));
    this.input.removeAttribute("aria-activedescendant");
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      this.input.value = "";
      this.close();
    } else if (event.key === "Enter") {
      this.choose(Math.max(0, this.active));
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && this.found.length > 0) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.active = (this.active + step + this.found.length) % this.found.length;
      [...this.list.children].forEach((child, i) => child.setAttribute("aria-selected", String(i === this.active)));
      this.input.setAttribute("aria-activedescendant", `search-${this.active}`);
    }
  }

  /** What a result is called, and what it is. */
  private words(found: Found): { name: string; what: string } {
    const { app } = this;
    switch (found.kind) {
      case "settlement":
        return { name: app.nameOf(found.settlement), what: app.t(`settlement_kind.${found.settlement.kind}`) };
      case "place":
        return { name: app.language.name(found.place.names) ?? "", what: app.t("search.place") };
      case "hazard": {
        const hazard = app.data.classes.find(({ id }) => id === found.hazard.hazardClass);
        return { name: hazardName(app, found.hazard), what: app.language.name(hazard?.names ?? {}) ?? "" };
      }
      case "coordinates":
        return { name: `${found.lat}, ${found.lon}`, what: app.t("here.kicker") };
    }
  }

  private choose(index: number): void {
    const found = this.found[index];
    if (!found) return;
    const { app } = this;
    this.input.value = this.words(found).name;
    this.close();
    if (found.kind === "settlement") {
      app.select(found.settlement);
    } else if (found.kind === "hazard") {
      const [west, south, east, north] = found.hazard.bbox;
      app.flyTo([[south, west], [north, east]]);
    } else {
      const [lon, lat] = found.kind === "place" ? found.place.at : [found.lon, found.lat];
      app.flyTo([[lat, lon], [lat, lon]]);
      if (found.kind === "coordinates") app.askAt(L.latLng(lat, lon));
    }
  }

  private close(): void {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}

export function languageSwitch(app: App): HTMLElement {
  const buttons = LANGUAGES.map((code) =>
    h("button",
      { type: "button", id: `lang-${code}`, lang: code, title: app.ownName(code), "aria-pressed": String(code === app.state.lang), click: () => app.store.set({ lang: code }) },
      h("span", { "aria-hidden": "true" }, { en: "EN", ru: "РУ", ky: "КЫ", kk: "ҚА" }[code]),
      h("span", { class: "hidden" }, app.ownName(code))),
  );
  return h("div", { class: "languages", role: "group", "aria-label": app.t("language.label") }, ...buttons);
}

export function headerContent(app: App, search: SearchBox): Child[] {
  const city = app.language.name(app.data.area.names) ?? app.data.area.id;
  // Where none was found, or could be, the page is not called after them.
  const found = app.data.settlements.some(({ kind }) => kind === "novostroika");
  const title = app.t(found ? "title" : "title.none", { city });
  document.title = title;
  document.documentElement.lang = app.language.code;
  return [
    h("div", { class: "masthead" },
      h("h1", {}, title),
      h("p", {}, app.t("subtitle")),
      h("p", { class: "seen" }, app.data.area.seen[app.language.code])),
    search.render(),
    languageSwitch(app),
  ];
}
