// Zones that overlap are one area: each piece of land is hatched once, and an edge is drawn where the area ends.

import type { Feature, PaintSymbolizer } from "protomaps-leaflet";
import type { Style } from "./symbols";

type Points = Parameters<PaintSymbolizer["draw"]>[1];

/**
 * The features of a tile that look alike, as one shape each. Rings turn one way around land and the other way around
 * holes (vector tiles, specification 2.1), so that a fill by the winding number is their union.
 */
export class Union {
  private shapes = new Map<string, { style: Style; path: Path2D }>();
  private static sheet: CanvasRenderingContext2D | null = null;

  /** Gathers features; `styleOf` gives the key of those that look alike, and their look. */
  constructor(private readonly styleOf: (feature: Feature, zoom: number) => { key: string; style: Style }) {}

  /** Adds the features of a layer; it draws nothing. */
  get gathering(): PaintSymbolizer {
    return {
      draw: (_, geometry: Points, zoom, feature) => {
        const { key, style } = this.styleOf(feature, zoom);
        let shape = this.shapes.get(key);
        if (!shape) this.shapes.set(key, (shape = { style, path: new Path2D() }));
        for (const ring of geometry) {
          ring.forEach(({ x, y }, i) => (i === 0 ? shape.path.moveTo(x, y) : shape.path.lineTo(x, y)));
          shape.path.closePath();
        }
      },
    };
  }

  /** Draws the land of what was gathered; the rule is of the layer of the tile itself. */
  get land(): PaintSymbolizer {
    return {
      draw: (context) => {
        for (const { style, path } of this.shapes.values()) {
          for (const [fill, opacity] of [[style.under?.colour, style.under?.opacity], [style.fill, style.fillOpacity]] as const) {
            if (!fill) continue;
            context.globalAlpha = opacity ?? 1;
            context.fillStyle = fill;
            context.fill(path);
          }
        }
        context.globalAlpha = 1;
      },
    };
  }

  /** Draws the edges, of which only what lies outside of the land is left, and forgets what was gathered. */
  get edge(): PaintSymbolizer {
    return {
      draw: (context) => {
        for (const { style, path } of this.shapes.values()) this.drawEdge(context, style, path);
        this.shapes = new Map();
      },
    };
  }

  /** Forgets what was gathered: the next tile begins anew. */
  get forgetting(): PaintSymbolizer {
    return { draw: () => void (this.shapes = new Map()) };
  }

  private drawEdge(context: CanvasRenderingContext2D, { stroke, strokeOpacity = 1, width = 1 }: Style, path: Path2D): void {
    const sheet = (Union.sheet ??= document.createElement("canvas").getContext("2d"));
    if (!stroke || !sheet) return;
    // Setting its size wipes a canvas.
    sheet.canvas.width = context.canvas.width;
    sheet.canvas.height = context.canvas.height;
    sheet.setTransform(context.getTransform());
    sheet.strokeStyle = stroke;
    sheet.lineJoin = "round";
    sheet.lineWidth = 2 * width;
    sheet.stroke(path);
    sheet.globalCompositeOperation = "destination-out";
    sheet.fill(path);
    sheet.globalCompositeOperation = "source-over";
    context.save();
    context.resetTransform();
    context.globalAlpha = strokeOpacity;
    context.drawImage(sheet.canvas, 0, 0);
    context.restore();
  }
}

