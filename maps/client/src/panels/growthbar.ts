// Below the map: a slider with one stop for each year that can be told, and "today"; or two years with a line between them.

import type { App } from "../app";
import { h, type Child } from "../dom";
import { moments } from "../growth";

const STEP_MS = 900;

export class GrowthBar {
  private timer: number | undefined;

  constructor(private readonly app: App) {}

  render(): Child[] {
    const { app } = this;
    if (this.years.length === 0) return [h("p", { class: "note" }, app.t("growth.none"))];
    return app.state.swipe === null ? this.slider() : this.pair();
  }

  private get years(): readonly number[] {
    return moments(this.app.data);
  }

  private slider(): Child[] {
    const { app, years } = this;
    const { year } = app.state;
    const at = year === null ? years.length : Math.max(0, years.indexOf(year));
    const label = app.momentName(years[at] ?? null);
    const slider = h("input", {
      type: "range", id: "growth-year", min: 0, max: years.length, step: 1, value: at,
      "aria-label": app.t("growth.slider"), "aria-valuetext": label,
      input: (event) => {
        this.stop();
        this.go(Number((event.target as HTMLInputElement).value), false);
      },
    });
    const stops = years.map((value, i) =>
      h("span", { class: `stop${app.data.growth?.modelled.includes(value) ? " modelled" : ""}`, style: `left:${(100 * i) / years.length}%` },
        i % 3 === 0 ? String(value) : ""),
    );
    const today = h("span", { class: "stop", style: "left:100%" }, app.t("growth.today"));
    return [
      h("button", { type: "button", class: "play", id: "growth-play", "aria-pressed": String(this.playing), "aria-label": app.t(this.playing ? "growth.stop" : "growth.play"), click: () => this.toggle() },
        h("span", { "aria-hidden": "true" }, this.playing ? "❚❚" : "▶")),
      h("output", { class: "year", for: "growth-year" }, label),
      h("div", { class: "track" }, slider, h("div", { class: "stops", "aria-hidden": "true" }, ...stops, today)),
      app.data.tiles.mode !== "none" && h("button", { type: "button", class: "chip", id: "swipe-begin", click: () => this.compare() }, h("span", { "aria-hidden": "true" }, "↔ "), h("span", { class: "words" }, app.t("swipe.begin"))),
    ];
  }

  /** The two years on either side of the line. */
  private pair(): Child[] {
    const { app } = this;
    const choose = (side: "swipe" | "year", all: readonly (number | null)[]): HTMLElement =>
      h("p", { class: "side" }, h("label", { for: `swipe-${side}` }, app.t(`swipe.${side}`)),
        h("select", { id: `swipe-${side}`, change: (event) => app.store.set({ [side]: Number((event.target as HTMLSelectElement).value) || null }) },
          ...all.map((moment) => h("option", { value: moment ?? "", selected: app.state[side] === moment }, app.momentName(moment)))));
    return [
      choose("swipe", this.years),
      choose("year", [...this.years, null]),
      h("button", { type: "button", class: "link", id: "swipe-end", click: () => app.store.set({ swipe: null }) }, app.t("swipe.end")),
    ];
  }

  /** Begin with a year from the middle of the series, beside today or the year that is shown. */
  private compare(): void {
    this.stop();
    const { years } = this;
    this.app.store.set({ swipe: years[Math.floor((years.length - 1) / 2)] ?? null });
    document.getElementById("swipe")?.focus({ preventScroll: true });
  }

  private get playing(): boolean {
    return this.timer !== undefined;
  }

  private go(at: number, step: boolean): void {
    this.app.store.set({ year: this.years[at] ?? null }, step);
  }

  private toggle(): void {
    if (this.playing) {
      this.stop();
    } else {
      const last = this.years.length;
      let at = this.app.state.year === null ? -1 : this.years.indexOf(this.app.state.year);
      this.timer = window.setInterval(() => {
        at += 1;
        if (at >= last) this.stop();
        this.go(at, at >= last);
      }, STEP_MS);
    }
    this.app.map.fire("growthplay");
  }

  private stop(): void {
    window.clearInterval(this.timer);
    this.timer = undefined;
  }
}
