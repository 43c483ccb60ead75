// How features become strokes and fills on the canvas: small symbolizers for protomaps-leaflet.

import type { Feature, LabelSymbolizer, PaintSymbolizer, Label, Layout } from "protomaps-leaflet";
import type { Edges, Tile } from "./edges";
import { normalise } from "./spelling";

type Points = Parameters<PaintSymbolizer["draw"]>[1];

/** The number of a feature in its layer; protomaps-leaflet decodes it, but does not declare it. */
export function idOf(feature: Feature): number {
  return (feature as Feature & { id?: number }).id ?? 0;
}

/** Layer of every tile that holds the tile itself (see canvas.ts). */
export const TILE_LAYER = "tile";

export interface Style {
  fill?: string | CanvasPattern | null;
  fillOpacity?: number;
  /** A tint below a pattern. */
  under?: { colour: string; opacity: number } | null;
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
    if (style.under) {
      context.globalAlpha = style.under.opacity;
      context.fillStyle = style.under.colour;
      context.fill("evenodd");
    }
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

/** Draws a dot at every point; null leaves it out. */
export class Dot implements PaintSymbolizer {
  constructor(private readonly styleOf: (feature: Feature) => { radius: number; fill: string; stroke: string } | null) {}

  draw(context: CanvasRenderingContext2D, geometry: Points, _: number, feature: Feature): void {
    const style = this.styleOf(feature);
    const point = geometry[0]?.[0];
    if (!style || !point) return;
    context.beginPath();
    context.arc(point.x, point.y, style.radius, 0, 2 * Math.PI);
    context.globalAlpha = 1;
    context.fillStyle = style.fill;
    context.fill();
    context.strokeStyle = style.stroke;
    context.lineWidth = 1;
    context.setLineDash([]);
    context.stroke();
  }
}

interface Sheets {
  area: CanvasRenderingContext2D;
  rim: CanvasRenderingContext2D;
  /** What is on them. */
  owner: Surroundings | null;
}

function newSheets(): Sheets | null {
  const [area, rim] = [0, 1].map(() => document.createElement("canvas").getContext("2d"));
  return area && rim ? { area, rim, owner: null } : null;
}

/**
 * The land within a limit of edges on a tile, as one area however many of them are near, and its rim.
 *
 * A pen as wide as twice the limit covers just that land, where its tip is the circle that the limit is on the ground.
 * It draws on sheets of its own, which then go onto the map: what is covered twice is not twice as dark.
 */
export class Surroundings {
  /** Shared by all: a slider makes dozens of surroundings a second. */
  private static sheets: Sheets | null = null;
  private drawn: { key: string; scale: [number, number] | null; line: Path2D; land: Path2D } | null = null;

  constructor(
    private readonly edges: Edges,
    private readonly limit: number,
    /** The one hazard that is meant; null: all of the class. */
    private readonly only: number | null,
    private readonly colour: string,
  ) {}

  /** The area, and its rim of some pixels where a width is given; null: nothing is near the tile. */
  on(tile: Tile, onto: CanvasRenderingContext2D, rimPx: number | null): HTMLCanvasElement | null {
    const sheets = (Surroundings.sheets ??= newSheets());
    if (!sheets) return null;
    const { area, rim } = sheets;
    const key = `${tile.z} ${tile.x} ${tile.y} ${onto.canvas.width}`;
    // Land and rim of a tile follow each other: the second finds what the first has drawn.
    if (this.drawn?.key !== key || sheets.owner !== this) {
      sheets.owner = this;
      const [line, land] = [new Path2D(), new Path2D()];
      this.drawn = { key, line, land, scale: this.edges.trace(tile, this.limit, line, land, this.only) };
      if (this.drawn.scale) {
        this.prepare(area, onto, this.drawn.scale);
        this.cover(area, this.limit);
      }
    }
    const { scale, land } = this.drawn;
    if (!scale || rimPx === null) return scale && area.canvas;
    const width = rimPx / Math.sqrt(scale[0] * scale[1]);
    this.prepare(rim, onto, scale);
    copy(area, rim, "source-over");
    rim.globalCompositeOperation = "destination-out";
    if (this.limit > width) {
      this.cover(rim, this.limit - width);
    } else {
      // Too narrow for a rim of its own, or the land itself: what lies along the edges.
      rim.fill(land);
      rim.globalCompositeOperation = "source-over";
      this.stroke(rim, width);
      copy(area, rim, "destination-in");
    }
    return rim.canvas;
  }

  /** The area that `on` has drawn, ruled with a pattern. */
  ruled(pattern: CanvasPattern, onto: CanvasRenderingContext2D): HTMLCanvasElement | null {
    const { area, rim } = Surroundings.sheets ?? {};
    if (!area || !rim) return null;
    rim.canvas.width = onto.canvas.width;
    rim.canvas.height = onto.canvas.height;
    copy(area, rim, "source-over");
    rim.setTransform(onto.getTransform().a, 0, 0, onto.getTransform().d, 0, 0);
    rim.globalCompositeOperation = "source-in";
    rim.fillStyle = pattern;
    rim.fillRect(0, 0, rim.canvas.width, rim.canvas.height);
    return rim.canvas;
  }

  private prepare(sheet: CanvasRenderingContext2D, onto: CanvasRenderingContext2D, [east, south]: [number, number]): void {
    // Setting its size wipes a canvas.
    sheet.canvas.width = onto.canvas.width;
    sheet.canvas.height = onto.canvas.height;
    const dots = onto.getTransform().a;
    sheet.setTransform(dots * east, 0, 0, dots * south, 0, 0);
    sheet.fillStyle = sheet.strokeStyle = this.colour;
    sheet.lineJoin = sheet.lineCap = "round";
  }

  private cover(sheet: CanvasRenderingContext2D, reach: number): void {
    if (this.drawn) sheet.fill(this.drawn.land);
    this.stroke(sheet, reach);
  }

  private stroke(sheet: CanvasRenderingContext2D, reach: number): void {
    sheet.lineWidth = 2 * reach;
    // A canvas ignores a width of nothing, and would draw with the one before.
    if (this.drawn && reach > 0) sheet.stroke(this.drawn.line);
  }
}

function copy(from: CanvasRenderingContext2D, onto: CanvasRenderingContext2D, how: GlobalCompositeOperation): void {
  onto.save();
  onto.resetTransform();
  onto.globalCompositeOperation = how;
  onto.drawImage(from.canvas, 0, 0);
  onto.restore();
}

/** Draws the surroundings of edges: with a fill their land, with a stroke its rim. */
export class Surrounding implements PaintSymbolizer {
  constructor(
    private readonly surroundings: Surroundings,
    private readonly style: (zoom: number) => Style,
  ) {}

  draw(context: CanvasRenderingContext2D, _: Points, zoom: number, feature: Feature): void {
    const { fill, fillOpacity = 1, under, stroke, strokeOpacity = 1, width = 1 } = this.style(zoom);
    const show = (opacity: number, rimPx: number | null, pattern: CanvasPattern | null = null): void => {
      const land = this.surroundings.on(feature.props as unknown as Tile, context, rimPx);
      const sheet = land && pattern ? this.surroundings.ruled(pattern, context) : land;
      if (!sheet) return;
      context.save();
      context.resetTransform();
      context.globalAlpha = opacity;
      context.drawImage(sheet, 0, 0);
      context.restore();
    };
    if (under) show(under.opacity, null);
    if (fill) show(fillOpacity, null, typeof fill === "string" ? null : fill);
    if (stroke) show(strokeOpacity, width);
  }
}

/** A pattern that repeats every eight pixels, which divide a tile: no seam shows. */
function pattern(draw: (context: CanvasRenderingContext2D) => void): CanvasPattern | null {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const context = tile.getContext("2d");
  if (!context) return null;
  draw(context);
  return context.createPattern(tile, "repeat");
}

function diagonals(context: CanvasRenderingContext2D, colour: string, rising: boolean): void {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  for (const shift of [-8, 0, 8]) {
    context.moveTo(shift, rising ? 8 : 0);
    context.lineTo(shift + 8, rising ? 0 : 8);
  }
  context.stroke();
}

/** Rising lines, as maps mark what was not surveyed. */
export function unsurveyed(colour: string): CanvasPattern | null {
  return pattern((context) => diagonals(context, colour, true));
}

/** Falling lines: zones that protect people. */
export function hatching(colour: string): CanvasPattern | null {
  return pattern((context) => diagonals(context, colour, false));
}

/** Dots: zones by which land is administered. */
export function dots(colour: string): CanvasPattern | null {
  return pattern((context) => {
    context.fillStyle = colour;
    for (const [x, y] of [[2, 2], [6, 6]] as const) context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
  });
}

export interface LabelStyle {
  text: string;
  size: number;
  weight: number;
  colour: string;
  halo: string;
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
      context.strokeStyle = style.halo;
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
    return [{ anchor, bboxes: [box], draw, deduplicationKey: normalise(style.text), deduplicationDistance: 160 }];
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
