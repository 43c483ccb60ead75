// The growth slider under the map: one stop for each epoch, and "today".

import type { App } from "../app";
import { h, type Child } from "../dom";

const STEP_MS = 900;

export class GrowthBar {
  private timer: number | undefined;

  constructor(private readonly app: App) {}

  render(): Child[] {
    const { app } = this;
    if (!app.data.growth) return [h("p", { class: "note" }, app.t("growth.none"))];
    const { years } = app.data.growth;
    const { year } = app.state;
    const at = year === null ? years.length : Math.max(0, years.indexOf(year));
    const label = this.labelOf(at);
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
    ];
  }

  private get playing(): boolean {
    return this.timer !== undefined;
  }

  private labelOf(at: number): string {
    const { growth } = this.app.data;
    const year = growth?.years[at];
    if (year === undefined) return this.app.t("growth.today");
    return growth?.modelled.includes(year) ? this.app.t("growth.modelled", { year: String(year) }) : String(year);
  }

  private go(at: number, step: boolean): void {
    this.app.store.set({ year: this.app.data.growth?.years[at] ?? null }, step);
  }

  private toggle(): void {
    if (this.playing) {
      this.stop();
    } else {
      const last = this.app.data.growth?.years.length ?? 0;
      let at = this.app.state.year === null ? -1 : (this.app.data.growth?.years.indexOf(this.app.state.year) ?? -1);
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
