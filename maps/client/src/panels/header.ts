// Title, search and language switch.

import type { App } from "../app";
import { h, replace, type Child } from "../dom";
import { Search } from "../search";
import { LANGUAGES, type Settlement } from "../types";

/** A combobox after the ARIA pattern "editable, with list autocomplete". */
export class SearchBox {
  private readonly search: Search;
  private found: Settlement[] = [];
  private active = -1;
  private readonly list = h("ul", { id: "search-list", role: "listbox", hidden: true });
  private readonly status = h("p", { class: "hidden", role: "status" });
  private readonly input: HTMLInputElement;

  constructor(private readonly app: App) {
    this.search = new Search(app.data.settlements);
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
    const options = this.found.map((settlement, i) =>
      h("li", { role: "option", id: `search-${i}`, "aria-selected": "false", mousedown: () => this.choose(i) },
        h("span", {}, this.app.nameOf(settlement)),
        h("small", {}, this.app.t("count.buildings", { count: settlement.buildings }))),
    );
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

  private choose(index: number): void {
    const settlement = this.found[index];
    if (!settlement) return;
    this.input.value = this.app.nameOf(settlement);
    this.close();
    this.app.select(settlement);
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
  document.title = app.t("title", { city });
  document.documentElement.lang = app.language.code;
  return [
    h("div", { class: "masthead" },
      h("h1", {}, app.t("title", { city })),
      h("p", {}, app.t("subtitle")),
      h("p", { class: "seen" }, app.data.area.seen[app.language.code])),
    search.render(),
    languageSwitch(app),
  ];
}
