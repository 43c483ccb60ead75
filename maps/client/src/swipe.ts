// Two years side by side: a line across the map, left of which the earlier one is drawn. A hand or the keyboard moves it.

import type { App } from "./app";
import { h, replace } from "./dom";

const [STEP, LEAP] = [0.02, 0.1];

export class Swipe {
  /** Where the line stands, as a share of the map's width. */
  private at = 0.5;

  constructor(
    private readonly app: App,
    private readonly line: HTMLElement,
  ) {
    line.addEventListener("pointerdown", (event) => this.hold(event));
    line.addEventListener("keydown", (event) => this.key(event));
    app.map.on("move resize viewreset zoomend", () => this.place());
  }

  draw(): void {
    const { app, line } = this;
    const { swipe, year } = app.state;
    line.hidden = swipe === null;
    if (swipe === null) return;
    line.setAttribute("aria-label", app.t("swipe.label"));
    replace(line, h("span", { class: "before" }, app.momentName(swipe)), h("span", { class: "grip", "aria-hidden": "true" }, "↔"), h("span", { class: "after" }, app.momentName(year)));
    this.place();
  }

  private place(): void {
    if (this.line.hidden) return;
    this.line.style.left = `${100 * this.at}%`;
    this.line.setAttribute("aria-valuenow", String(Math.round(100 * this.at)));
    this.line.setAttribute("aria-valuetext", this.app.t("swipe.said", {
      share: this.at, before: this.app.momentName(this.app.state.swipe), after: this.app.momentName(this.app.state.year),
    }));
    this.app.cutAt(this.at * this.app.map.getSize().x);
  }

  private move(at: number): void {
    this.at = Math.min(1, Math.max(0, at));
    this.place();
  }

  private hold(event: PointerEvent): void {
    const { line } = this;
    const { left, width } = this.app.map.getContainer().getBoundingClientRect();
    const follow = (moved: PointerEvent): void => this.move((moved.clientX - left) / width);
    line.setPointerCapture(event.pointerId);
    line.addEventListener("pointermove", follow);
    for (const end of ["pointerup", "pointercancel"]) line.addEventListener(end, () => line.removeEventListener("pointermove", follow), { once: true });
    line.focus({ preventScroll: true });
    event.preventDefault();
    event.stopPropagation();
  }

  private key(event: KeyboardEvent): void {
    const step = event.shiftKey ? LEAP : STEP;
    const to = { ArrowLeft: this.at - step, ArrowRight: this.at + step, PageDown: this.at - LEAP, PageUp: this.at + LEAP, Home: 0, End: 1 }[event.key];
    if (event.key === "Escape") this.app.store.set({ swipe: null });
    else if (to === undefined) return;
    else this.move(to);
    event.preventDefault();
    event.stopPropagation();
  }
}
