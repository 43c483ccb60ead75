// The bar over the map while something is drawn: what to do, and buttons for those without a keyboard.

import type { App } from "../app";
import { h, replace } from "../dom";
import type { Drawing } from "../drawing";

export class DrawBar {
  constructor(
    private readonly app: App,
    private readonly drawing: Drawing,
    private readonly bar: HTMLElement,
  ) {
    app.map.on("drawing", () => this.draw());
  }

  draw(): void {
    const { app, drawing } = this;
    this.bar.hidden = drawing.tool === null;
    if (drawing.tool === null) {
      this.bar.replaceChildren();
      return;
    }
    this.bar.setAttribute("aria-label", app.t(drawing.tool === "area" ? "area.draw" : "area.measure"));
    const button = (id: string, key: string, disabled: boolean, click: () => void): HTMLElement =>
      h("button", { type: "button", class: "chip", id, disabled, click }, app.t(key));
    replace(
      this.bar,
      h("p", {}, app.t(drawing.tool === "area" ? "area.drawHint" : "area.measureHint")),
      h("div", { class: "chips" },
        button("draw-undo", "area.undo", drawing.count === 0, () => drawing.undo()),
        drawing.tool === "area" && button("draw-done", "area.done", drawing.count < 3, () => drawing.finish()),
        button("draw-cancel", "area.cancel", false, () => drawing.stop())),
    );
  }
}
