// The vector tiles as a Leaflet layer. Everything that knows protomaps-leaflet is in here, in paint.ts and symbols.ts,
// so that another renderer could take its place.

import L from "leaflet";
import { PMTiles, type RangeResponse, type Source } from "pmtiles";
import { leafletLayer, type Feature, type LabelRule, type PaintRule } from "protomaps-leaflet";
import type { Tile } from "./edges";
import { PAPER } from "./palette";
import { idOf, TILE_LAYER } from "./symbols";

/** A PMTiles archive that is already in memory. */
class MemorySource implements Source {
  constructor(private readonly bytes: ArrayBuffer) {}

  getKey(): string {
    return "embedded";
  }

  getBytes(offset: number, length: number): Promise<RangeResponse> {
    return Promise.resolve({ data: this.bytes.slice(offset, offset + length) });
  }
}

/** What protomaps-leaflet's layer has beyond a grid layer; its declarations leave it out. */
interface RenderedLayer extends Pick<L.GridLayer, keyof L.GridLayer> {
  views: Map<string, { getDisplayTile(tile: Tile): Promise<{ data: Map<string, Feature[]> }> }>;
  backgroundColor: string | undefined;
  paintRules: PaintRule[];
  labelRules: LabelRule[];
  clearLayout(): void;
  rerenderTiles(): void;
  /** Pixels of the side of a tile's canvas. */
  tileSize: number;
  _tiles: Record<string, { el: HTMLElement; coords: L.Coords }>;
  renderTile(coords: L.Coords, element: HTMLCanvasElement & { key: string }, key: string): Promise<void>;
  queryTileFeaturesDebug(
    lon: number,
    lat: number,
    brush?: number,
  ): Map<string, { layerName: string; feature: Feature }[]>;
}

/** Give every tile a layer that holds the tile itself: a place in the drawing for what is reckoned and not stored. */
function addTileLayer({ views }: RenderedLayer): void {
  for (const view of views.values()) {
    const stored = view.getDisplayTile.bind(view);
    view.getDisplayTile = async ({ z, x, y }) => {
      const prepared = await stored({ z, x, y });
      const everywhere = { minX: -Infinity, minY: -Infinity, maxX: Infinity, maxY: Infinity };
      const itself: Feature = { props: { z, x, y }, bbox: everywhere, geomType: 1, geom: [], numVertices: 0 };
      return { ...prepared, data: new Map(prepared.data).set(TILE_LAYER, [itself]) };
    };
  }
}

/** Side of a tile on the map. */
const TILE_PX = 256;

export class TileCanvas {
  private readonly layer: RenderedLayer;
  private waiting = false;

  constructor(map: L.Map, tiles: ArrayBuffer | string, maxZoom: number) {
    const archive = new PMTiles(typeof tiles === "string" ? tiles : new MemorySource(tiles));
    this.layer = leafletLayer({
      url: archive,
      maxDataZoom: maxZoom,
      attribution: "",
      backgroundColor: PAPER,
      noWrap: true,
      // Milliseconds by which a tile waits for each tile between it and the centre: the default adds up under a slider.
      tileDelay: 0.01,
      paintRules: [],
      labelRules: [],
    }) as unknown as RenderedLayer;
    addTileLayer(this.layer);
    this.layer.addTo(map);
  }

  /** Let a background of images show through, or cover it with paper. */
  set transparent(wanted: boolean) {
    this.layer.backgroundColor = wanted ? undefined : PAPER;
  }

  /** Draw by these rules from now on; several calls in one frame are one repaint. */
  draw(paint: PaintRule[], labels: LabelRule[] | null): void {
    this.layer.paintRules = paint;
    if (labels) {
      this.layer.labelRules = labels;
      this.layer.clearLayout();
    }
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.layer.rerenderTiles();
    });
  }

  /** The tiles that are shown, drawn anew with so many pixels for one of the screen, and where they lie on the page. */
  async enlarged(scale: number): Promise<{ image: HTMLCanvasElement; box: DOMRect }[]> {
    const { layer } = this;
    const usual = layer.tileSize;
    layer.tileSize = Math.ceil(TILE_PX * scale);
    try {
      return await Promise.all(Object.entries(layer._tiles).map(async ([key, { el, coords }]) => {
        const image = Object.assign(document.createElement("canvas"), { key });
        await layer.renderTile(coords, image, key);
        return { image, box: el.getBoundingClientRect() };
      }));
    } finally {
      layer.tileSize = usual;
    }
  }

  /** Number of the building that is drawn at a place; null: there is none, or it is not drawn. */
  buildingAt(place: L.LatLng): number | null {
    const picked = this.layer.queryTileFeaturesDebug(place.lng, place.lat, 2).get("") ?? [];
    const hit = picked.find(({ layerName }) => layerName === "buildings");
    return hit ? idOf(hit.feature) - 1 : null;
  }
}
