// What the reader put on the map: the place that was asked about, and the areas, numbered as in their table.

import L from "leaflet";
import type { App } from "./app";
import { ACCENT, PAPER } from "./palette";

export class Overlay {
  private readonly marks = L.layerGroup();

  constructor(private readonly app: App) {
    this.marks.addTo(app.map);
    this.draw();
  }

  draw(): void {
    const { app, marks } = this;
    marks.clearLayers();
    app.areas.forEach(({ area }, i) => {
      const number = L.divIcon({ className: "area-number", html: "", iconSize: [22, 22] });
      if (!area) return;
      if (area.kind === "plan") {
        const rings = area.plan.map((polygon) => polygon.map((ring) => ring.map(([lon, lat]): L.LatLngTuple => [lat, lon])));
        const shape = L.polygon(rings, { color: ACCENT, weight: 2.5, fillOpacity: 0.08, interactive: false });
        marks.addLayer(shape);
        this.label(shape.getBounds().getCenter(), number, i);
      } else {
        const [lon, lat] = area.settlement.at;
        this.label(L.latLng(lat, lon), number, i);
      }
    });
    const { here } = app.state;
    if (here) {
      marks.addLayer(L.circleMarker([here.lat, here.lon], { radius: 8, color: PAPER, weight: 5, fill: false, interactive: false }));
      marks.addLayer(L.circleMarker([here.lat, here.lon], { radius: 8, color: ACCENT, weight: 3, fillColor: ACCENT, fillOpacity: 0.25, interactive: false }));
    }
  }

  private label(place: L.LatLng, icon: L.DivIcon, position: number): void {
    const marker = L.marker(place, { icon, interactive: false, keyboard: false });
    this.marks.addLayer(marker);
    const element = marker.getElement();
    if (element) element.textContent = String(position + 1);
  }
}
