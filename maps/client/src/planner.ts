// The bundle's entry: what the script that Folium writes calls, as `novostroiki.…`.

import "./planner.css";
import "./phone.css";
import "./print.css";
import L from "leaflet";
import { App, Slice } from "./app";
import { Shell } from "./shell";
import { LAYERS, type LayerKey } from "./state";
import type { PageData, Texts } from "./types";

// protomaps-leaflet extends the global L.
(globalThis as { L?: typeof L }).L = L;

function json(id: string): unknown {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null");
}

/** What newer browsers have: far faster than letter by letter. */
const decoder = Uint8Array as { fromBase64?: (text: string) => Uint8Array };

/** Decode a file that travels in the page as base64; the text is dropped from the page, to free its memory. */
function embedded(id: string): ArrayBuffer | null {
  const element = document.getElementById(id);
  if (!element?.textContent) return null;
  const packed = element.textContent.trim();
  element.remove();
  if (decoder.fromBase64) return decoder.fromBase64(packed).buffer as ArrayBuffer;
  const text = atob(packed);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

/** Do something when it is first asked for: the first view need not wait for what it does not show. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

/** Create the Leaflet map in an element of the page. */
export function map(id: string, options: L.MapOptions): L.Map {
  return L.map(id, { ...options, attributionControl: false, fadeAnimation: false })
    .addControl(L.control.attribution({ prefix: false }))
    .addControl(L.control.scale({ imperial: false }));
}

/** A layer of the drawing; Folium adds it to the map. */
export function layer(key: string): Slice {
  const known = LAYERS.find((candidate) => candidate === key);
  if (!known) throw new Error(`There is no layer ${key}`);
  return new Slice(known);
}

/** Start the page: the layer control is its key panel. */
export function layerControl(leafletMap: L.Map, layers: Record<LayerKey, Slice>): App {
  const app = new App(leafletMap, json("novostroiki-data") as PageData, json("novostroiki-texts") as Texts, {
    tiles: embedded("novostroiki-tiles"),
    whatif: once(() => embedded("novostroiki-whatif")),
  });
  for (const slice of Object.values(layers)) app.slices.set(slice.key, slice);
  app.start();
  new Shell(app).start();
  document.documentElement.dataset.ready = "true";
  return app;
}
