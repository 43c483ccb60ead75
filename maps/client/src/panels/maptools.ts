// Buttons on the map: back to the first view, copy the link, save as a picture, and a chip that says what colours mean.

import type { App } from "../app";
import { h, replace, s } from "../dom";
import { savePicture } from "../picture";
import { showsPast } from "../growth";
import { pastTitle, themeLegend } from "./key";

const ICONS = {
  home: "M3 11 12 4l9 7M6 9v11h12V9",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  ground: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  picture: "M12 4v11M7 11l5 5 5-5M4 20h16",
} as const;

const SAID_MS = 4000;

export class MapTools {
  private readonly status = h("p", { role: "status", class: "tool-said" });
  private timer: number | undefined;
  /** The reader may fold the chip away: it covers a corner of the map. */
  private chipOpen = true;

  constructor(
    private readonly app: App,
    private readonly bar: HTMLElement,
    private readonly chip: HTMLElement,
  ) {}

  draw(): void {
    const { app } = this;
    this.bar.setAttribute("aria-label", app.t("tools.label"));
    replace(this.bar,
      this.button("home", "tools.home", () => app.home()),
      this.button("link", "tools.link", () => void this.copy()),
      this.button("picture", "tools.picture", () => void this.save()),
      this.button("ground", app.dark ? "tools.light" : "tools.dark", () => app.store.set({ ground: app.dark ? "light" : "dark" }, false)),
      this.status);
    this.drawChip();
  }

  /** Colours in short, where the key is not in view; it leads to the key. */
  drawChip(): void {
    const { app, chip } = this;
    const title = showsPast(app.state) ? pastTitle(app) : app.t(app.state.whatif ? "tab.whatif" : `theme.${app.state.theme}`);
    const details = h("details", { id: "legend-chip", open: this.chipOpen, toggle: () => (this.chipOpen = details.open) },
      h("summary", { id: "legend-chip-title" }, title),
      themeLegend(app),
      h("button", { type: "button", class: "link", id: "legend-chip-key", click: () => app.store.set({ tab: "key", selected: null, here: null }) }, app.t("tab.key")));
    replace(chip, details);
    chip.setAttribute("aria-label", app.t("tab.key"));
  }

  private button(icon: keyof typeof ICONS, key: string, click: () => void): HTMLElement {
    const label = this.app.t(key);
    const drawing = s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: ICONS[icon], fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round" }));
    return h("button", { type: "button", id: `tool-${icon}`, title: label, "aria-label": label, click }, drawing);
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(window.location.href);
      this.say("tools.copied");
    } catch {
      this.say("tools.notCopied");
    }
  }

  private async save(): Promise<void> {
    this.say("tools.saving");
    this.say((await savePicture(this.app)) ? "tools.saved" : "tools.notSaved");
  }

  private say(key: string): void {
    this.status.textContent = this.app.t(key);
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => (this.status.textContent = ""), SAID_MS);
  }
}
