// The vector tiles as a Leaflet layer. Everything that knows protomaps-leaflet is in here, in paint.ts and symbols.ts,
// so that another renderer could take its place.

import L from "leaflet";
import { PMTiles, type RangeResponse, type Source } from "pmtiles";
import { leafletLayer, paint, type Feature, type LabelRule, type PaintRule, type PreparedTile } from "protomaps-leaflet";
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
  views: Map<string, { getDisplayTile(tile: Tile): Promise<PreparedTile> }>;
  labelers: { add(zoom: number, tiles: Map<string, PreparedTile[]>): number; getIndex(zoom: number): Parameters<typeof paint>[3] };
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
/** Around a tile, what reaches into it is drawn. */
const BUFFER_PX = 16;

/** The archive of the tiles, in memory or at an address. */
export function openArchive(tiles: ArrayBuffer | string): PMTiles {
  return new PMTiles(typeof tiles === "string" ? tiles : new MemorySource(tiles));
}

export interface DrawnTile {
  image: HTMLCanvasElement;
  /** Where it lies on the page. */
  box: DOMRect;
  /** Pixels from the left edge of the map beyond which it is not shown; null: all of it is. */
  cut: number | null;
}

export class TileCanvas {
  private readonly layer: RenderedLayer;
  private waiting = false;
  /** Pixels from the left edge of the map beyond which nothing is shown; null: everything is. */
  private cut: number | null = null;

  constructor(private readonly map: L.Map, private readonly archive: PMTiles, private readonly maxZoom: number, private readonly pane = "tilePane") {
    this.layer = leafletLayer({
      url: archive,
      pane,
      maxDataZoom: maxZoom,
      attribution: "",
      noWrap: true,
      // Milliseconds by which a tile waits for each tile between it and the centre: the default adds up under a slider.
      tileDelay: 0.01,
      paintRules: [],
      labelRules: [],
    }) as unknown as RenderedLayer;
    addTileLayer(this.layer);
    this.layer.addTo(map);
  }

  /** Another drawing of the same tiles, in a pane of its own. */
  twin(pane: string): TileCanvas {
    return new TileCanvas(this.map, this.archive, this.maxZoom, pane);
  }

  /** Do something once all tiles of the view are drawn. */
  whenDrawn(work: () => void): void {
    this.layer.once("load", work);
  }

  remove(): void {
    this.layer.remove();
  }

  /** Show only what lies left of a place on the screen. */
  cutAt(x: number): void {
    this.cut = x;
    const [size, origin] = [this.map.getSize(), this.map.containerPointToLayerPoint([0, 0])];
    const [left, top, right, bottom] = [origin.x, origin.y, origin.x + x, origin.y + size.y];
    const pane = this.map.getPane(this.pane);
    if (pane) pane.style.clipPath = `polygon(${left}px ${top}px, ${right}px ${top}px, ${right}px ${bottom}px, ${left}px ${bottom}px)`;
  }

  /** Let a background of images show through, or cover it with paper. */
  transparent = false;

  /** Draw by these rules from now on; several calls in one frame are one repaint. */
  draw(paint: PaintRule[], labels: LabelRule[] | null): void {
    this.layer.paintRules = paint;
    this.layer.backgroundColor = this.transparent ? undefined : PAPER;
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

  /**
   * Draw the tiles that are shown by the rules as they are, from what has been read already. Paper waits for no frame and
   * no timer, which the layer's own drawing does: nothing in here waits for more than promises that are kept.
   */
  async drawAtOnce(): Promise<void> {
    const { layer } = this;
    for (const { el, coords: { z, x, y } } of Object.values(layer._tiles)) {
      const context = (el as HTMLCanvasElement).getContext("2d");
      if (!context) continue;
      const prepared = new Map<string, PreparedTile[]>();
      for (const [key, view] of layer.views) prepared.set(key, [await view.getDisplayTile({ z, x, y })]);
      layer.labelers.add(z, prepared);
      const [west, north] = [TILE_PX * x, TILE_PX * y];
      const around = { minX: west - BUFFER_PX, minY: north - BUFFER_PX, maxX: west + TILE_PX + BUFFER_PX, maxY: north + TILE_PX + BUFFER_PX };
      context.setTransform(layer.tileSize / TILE_PX, 0, 0, layer.tileSize / TILE_PX, 0, 0);
      context.clearRect(0, 0, TILE_PX, TILE_PX);
      context.globalAlpha = 1;
      context.fillStyle = layer.backgroundColor ?? PAPER;
      context.fillRect(0, 0, TILE_PX, TILE_PX);
      paint(context, z, prepared, layer.labelers.getIndex(z), layer.paintRules, around, { x: west, y: north } as Parameters<typeof paint>[6], false);
    }
  }

  /** The tiles that are shown, drawn anew with so many pixels for one of the screen, and where they lie on the page. */
  async enlarged(scale: number): Promise<DrawnTile[]> {
    const { layer } = this;
    const usual = layer.tileSize;
    layer.tileSize = Math.ceil(TILE_PX * scale);
    try {
      return await Promise.all(Object.entries(layer._tiles).map(async ([key, { el, coords }]) => {
        const image = Object.assign(document.createElement("canvas"), { key });
        await layer.renderTile(coords, image, key);
        return { image, box: el.getBoundingClientRect(), cut: this.cut };
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
