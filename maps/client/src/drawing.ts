// Drawing an area or measuring a line on the map: by clicks, taps, or the keyboard with the cross in the middle.

import L from "leaflet";
import type { App } from "./app";
import { ACCENT, PAPER } from "./palette";
import { toCentimetre, type Plan, type Vertex } from "./plan";
import { Scanlines } from "./scanlines";

export type Tool = "area" | "line";

export class Drawing {
  tool: Tool | null = null;
  private vertices: Vertex[] = [];
  private readonly shape = L.layerGroup();

  constructor(private readonly app: App) {
    const { map } = app;
    map.on("click", (event: L.LeafletMouseEvent) => this.add(event.latlng));
    map.on("dblclick", () => this.tool && this.finish());
    map.getContainer().addEventListener("keydown", (event) => this.key(event));
  }

  start(tool: Tool): void {
    this.stop();
    this.tool = tool;
    this.app.drawing = true;
    this.app.map.doubleClickZoom.disable();
    this.shape.addTo(this.app.map);
    this.app.map.getContainer().focus({ preventScroll: true });
    this.show();
  }

  /** End without an area. */
  stop(): void {
    this.tool = null;
    this.vertices = [];
    this.shape.clearLayers().remove();
    this.app.map.doubleClickZoom.enable();
    // A click that ends the drawing must not ask what is there.
    window.setTimeout(() => (this.app.drawing = this.tool !== null));
    this.app.map.fire("drawing");
  }

  undo(): void {
    this.vertices.pop();
    this.show();
  }

  /** The area that was drawn, if there is one; a line stays on the map until something else is done. */
  finish(): void {
    const ring = this.vertices.filter(([lon, lat], i) => i === 0 || lon !== this.vertices[i - 1]?.[0] || lat !== this.vertices[i - 1]?.[1]);
    if (this.tool !== "area" || ring.length < 3) return;
    this.stop();
    this.app.map.fire("drawn", { plan: [[ring]] satisfies Plan });
  }

  get count(): number {
    return this.vertices.length;
  }

  /** Length of the line, or around the area, and the area's land; metres of the area's projection. */
  get measured(): { length: number; area: number } {
    const points = this.vertices.map(([lon, lat]) => this.app.projection.metres(lon, lat));
    const closed = this.tool === "area" && points.length > 2;
    const sides = points.slice(closed ? 0 : 1).map(([x, y], i) => {
      const [beforeX, beforeY] = points[closed ? (i + points.length - 1) % points.length : i] as [number, number];
      return Math.hypot(x - beforeX, y - beforeY);
    });
    return { length: sides.reduce((sum, side) => sum + side, 0), area: closed ? new Scanlines([[this.vertices]], this.app.projection).area : 0 };
  }

  private add({ lat, lng }: L.LatLng): void {
    if (!this.tool) return;
    this.vertices.push([toCentimetre(lng), toCentimetre(lat)]);
    this.show();
  }

  private key(event: KeyboardEvent): void {
    if (!this.tool) return;
    if (event.key === "Enter" || event.key === " ") this.add(this.app.map.getCenter());
    else if (event.key === "Backspace") this.undo();
    else if (event.key === "Escape") this.stop();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private show(): void {
    this.shape.clearLayers();
    const places = this.vertices.map(([lon, lat]): L.LatLngTuple => [lat, lon]);
    const look = { color: ACCENT, weight: 2.5, interactive: false };
    this.shape.addLayer(this.tool === "area" ? L.polygon(places, { ...look, fillOpacity: 0.12 }) : L.polyline(places, look));
    for (const place of places) this.shape.addLayer(L.circleMarker(place, { ...look, radius: 4, fillColor: PAPER, fillOpacity: 1 }));
    this.app.map.fire("drawing");
  }
}
