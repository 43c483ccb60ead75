// The first things to know of a city, and for a first visit a tour of three steps, which can be closed for good.

import type { App } from "../app";
import { h, replace, type Child } from "../dom";

/** What this is, in figures; where to click first. Of a city that the inputs hardly show, a small count would read as good news. */
export function summary(app: App): Child {
  const { data } = app;
  const found = data.settlements.filter(({ kind }) => kind === "novostroika").length;
  return h("section", { class: "summary", id: "summary" },
    ...(data.area.told === "city"
      ? [
          h("p", {}, app.t("summary.settlements", { count: found, all: data.settlements.length })),
          h("p", {}, app.t("summary.homes", { count: data.homes.inZones, all: data.homes.all })),
        ]
      : []),
    h("p", { class: "note" }, app.t("summary.click")));
}

const SEEN = "novostroiki-tour";
const STEPS = ["tour.here", "tour.area", "tour.whatif"] as const;

/** Storage may be forbidden, as in a private window or a sandboxed frame: then a tour is closed for this visit. */
function remembered(): boolean {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return false;
  }
}

export class Tour {
  private step = 0;
  private open: boolean;

  constructor(
    private readonly app: App,
    private readonly place: HTMLElement,
  ) {
    // Who follows a link to a view has been shown something already.
    this.open = !remembered() && /^#?(lang=\w+)?$/.test(window.location.hash);
  }

  draw(): void {
    const { app, place } = this;
    place.hidden = !this.open;
    if (!this.open) {
      place.replaceChildren();
      return;
    }
    place.setAttribute("aria-label", app.t("tour.title"));
    const last = this.step === STEPS.length - 1;
    const next = (): void => {
      if (last) this.close();
      else this.step++;
      this.draw();
    };
    replace(place,
      h("h2", {}, app.t("tour.title"), " ", h("small", {}, `${this.step + 1}/${STEPS.length}`)),
      h("p", {}, app.t(STEPS[this.step] as string)),
      h("div", { class: "chips" },
        h("button", { type: "button", class: "button", id: "tour-next", click: next }, app.t(last ? "tour.done" : "tour.next")),
        !last && h("button", { type: "button", class: "link", id: "tour-close", click: () => { this.close(); this.draw(); } }, app.t("tour.close"))));
  }

  private close(): void {
    this.open = false;
    try {
      localStorage.setItem(SEEN, "closed");
    } catch {
      // Nothing can be kept here: it is closed for this visit.
    }
  }
}
