// On phones the panel is a sheet with three heights: a button that steps through them, and that a finger can drag.

import type { App } from "./app";

const STOPS = ["low", "half", "full"] as const;
type Stop = (typeof STOPS)[number];

/** A shorter way of the finger is a tap. */
const TAP_PX = 8;

export class Sheet {
  private stop: Stop = "half";

  constructor(
    private readonly app: App,
    private readonly handle: HTMLElement,
  ) {}

  start(): void {
    const { app, handle } = this;
    let from = 0;
    handle.addEventListener("pointerdown", (event) => {
      from = event.clientY;
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointerup", (event) => {
      if (Math.abs(event.clientY - from) > TAP_PX) this.set(this.nearest(event.clientY));
    });
    handle.addEventListener("click", (event) => {
      if (Math.abs(event.clientY - from) <= TAP_PX || event.detail === 0) this.set(STOPS[(STOPS.indexOf(this.stop) + 1) % STOPS.length] as Stop);
    });
    app.store.listen((_, changed) => {
      if (changed.has("lang")) this.label();
      // What was asked for must be seen.
      if (this.stop === "low" && (changed.has("tab") || changed.has("here") || changed.has("selected"))) this.set("half");
    });
    this.set(this.stop);
  }

  private nearest(y: number): Stop {
    const share = 1 - y / window.innerHeight;
    return share < 0.3 ? "low" : share < 0.7 ? "half" : "full";
  }

  private set(stop: Stop): void {
    this.stop = stop;
    document.body.dataset.sheet = stop;
    this.label();
  }

  private label(): void {
    const { app } = this;
    this.handle.setAttribute("aria-label", `${app.t("sheet.label")}: ${app.t(`sheet.${this.stop}`)}`);
  }
}
