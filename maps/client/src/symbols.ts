// How features become strokes and fills on the canvas: small symbolizers for protomaps-leaflet.

import type { Feature, LabelSymbolizer, PaintSymbolizer, Label, Layout } from "protomaps-leaflet";

type Points = Parameters<PaintSymbolizer["draw"]>[1];

/** The number of a feature in its layer; protomaps-leaflet decodes it, but does not declare it. */
export function idOf(feature: Feature): number {
  return (feature as Feature & { id?: number }).id ?? 0;
}

export interface Style {
  fill?: string | CanvasPattern | null;
  fillOpacity?: number;
  stroke?: string | null;
  strokeOpacity?: number;
  width?: number;
  dash?: readonly number[];
}

function trace(context: CanvasRenderingContext2D, geometry: Points): void {
  context.beginPath();
  for (const line of geometry) {
    line.forEach((point, i) => {
      if (i === 0) context.moveTo(point.x, point.y);
      else context.lineTo(point.x, point.y);
    });
  }
}

/** Draws every feature in the style that a function gives it; null leaves it out. */
export class Shape implements PaintSymbolizer {
  constructor(private readonly styleOf: (feature: Feature, zoom: number) => Style | null) {}

  draw(context: CanvasRenderingContext2D, geometry: Points, zoom: number, feature: Feature): void {
    const style = this.styleOf(feature, zoom);
    if (!style) return;
    trace(context, geometry);
    if (style.fill) {
      context.globalAlpha = style.fillOpacity ?? 1;
      context.fillStyle = style.fill;
      context.fill("evenodd");
    }
    if (style.stroke && style.width) {
      context.globalAlpha = style.strokeOpacity ?? 1;
      context.strokeStyle = style.stroke;
      context.lineWidth = style.width;
      context.lineJoin = "round";
      context.lineCap = style.dash ? "butt" : "round";
      context.setLineDash(style.dash ? [...style.dash] : []);
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}

/** Diagonal hatching, as maps mark what was not surveyed. */
export function hatching(colour: string): CanvasPattern | null {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const context = tile.getContext("2d");
  if (!context) return null;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  for (const shift of [-8, 0, 8]) {
    context.moveTo(shift, 8);
    context.lineTo(shift + 8, 0);
  }
  context.stroke();
  return context.createPattern(tile, "repeat");
}

export interface LabelStyle {
  text: string;
  size: number;
  weight: number;
  colour: string;
  italic?: boolean;
}

const FONTS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const LINE = 1.15;
const WRAP = 18;

/** Writes a name centred on a point, with a halo, on at most three lines. */
export class PointLabel implements LabelSymbolizer {
  constructor(private readonly styleOf: (feature: Feature) => LabelStyle | null) {}

  place(layout: Layout, geometry: Points, feature: Feature): Label[] | undefined {
    const style = this.styleOf(feature);
    const anchor = geometry[0]?.[0];
    if (!style || !anchor) return undefined;
    const lines = wrapped(style.text);
    const font = `${style.italic ? "italic " : ""}${style.weight} ${style.size}px ${FONTS}`;
    layout.scratch.font = font;
    const halfWidth = Math.max(...lines.map((line) => layout.scratch.measureText(line).width)) / 2 + 2;
    const halfHeight = (lines.length * style.size * LINE) / 2 + 2;
    const draw = (context: CanvasRenderingContext2D): void => {
      context.font = font;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.lineJoin = "round";
      context.lineWidth = 3;
      context.strokeStyle = "rgba(255, 255, 255, 0.88)";
      context.fillStyle = style.colour;
      context.globalAlpha = 1;
      context.setLineDash([]);
      lines.forEach((line, i) => {
        const y = (i - (lines.length - 1) / 2) * style.size * LINE;
        context.strokeText(line, 0, y);
        context.fillText(line, 0, y);
      });
    };
    const box = {
      minX: anchor.x - halfWidth,
      maxX: anchor.x + halfWidth,
      minY: anchor.y - halfHeight,
      maxY: anchor.y + halfHeight,
    };
    return [{ anchor, bboxes: [box], draw, deduplicationKey: style.text, deduplicationDistance: 160 }];
  }
}

/** Break a name at spaces and hyphens into at most three short lines. */
export function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.slice(0, 60).split(/(?<=[-\s])/)) {
    const last = lines[lines.length - 1];
    if (last !== undefined && (last + word).length <= WRAP) lines[lines.length - 1] = last + word;
    else lines.push(word.slice(0, 30));
  }
  return lines.slice(0, 3).map((line) => line.trim());
}
