// The map as a picture at 200 dpi, with title, key, sources, date and address below it.

import type { App } from "./app";
import { download } from "./dom";
import { themeItems, zoneItems } from "./legend";
import { showsPast } from "./growth";
import { creditsOf } from "./panels/about";
import { pastNote } from "./panels/key";
import { ACCENT, CARD, INK, PAPER, SOFT, themeColour } from "./palette";

/** Pixels of the picture for one of the screen: 200 dots per inch on A4, on which the map is 277 mm wide. */
const WIDTH_PX = Math.round((277 / 25.4) * 200);
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

/** Lines of a text that are no wider than the room for them. */
function lines(context: CanvasRenderingContext2D, text: string, room: number): string[] {
  const found: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = found[found.length - 1];
    const longer = last === undefined ? word : `${last} ${word}`;
    if (last !== undefined && context.measureText(longer).width <= room) found[found.length - 1] = longer;
    else found.push(word);
  }
  return found;
}

/** Save the map as it is seen; false: the browser gives no picture. */
export async function savePicture(app: App): Promise<boolean> {
  const map = app.map.getContainer().getBoundingClientRect();
  const scale = WIDTH_PX / map.width;
  const tiles = await app.tilesAt(scale);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (!context) return false;
  const [margin, unit] = [map.width * 0.02, map.width / 100];
  const words = caption(app);
  context.font = `${1.5 * unit}px ${FONT}`;
  const room = map.width - 2 * margin;
  const below = words.flatMap((text) => lines(context, text, room));
  const legend = [...themeItems(app), ...zoneItems(app)];
  const columns = 4;
  const legendHeight = Math.ceil(legend.length / columns) * 2.4 * unit;
  const said = lines(context, subtitle(app), room);
  const top = (5.5 + 2 * said.length) * unit;
  const height = top + map.height + legendHeight + (below.length * 2 + 5) * unit;
  canvas.width = WIDTH_PX;
  canvas.height = Math.round(height * scale);
  context.scale(scale, scale);
  context.fillStyle = CARD;
  context.fillRect(0, 0, map.width, height);
  context.fillStyle = INK;
  context.font = `700 ${3 * unit}px ${FONT}`;
  context.fillText(document.title, margin, 3.6 * unit);
  context.font = `${1.5 * unit}px ${FONT}`;
  context.fillStyle = SOFT;
  said.forEach((text, i) => context.fillText(text, margin, (6 + 2 * i) * unit));
  context.save();
  context.beginPath();
  context.rect(0, top, map.width, map.height);
  context.clip();
  for (const { image, box, cut } of tiles) {
    context.save();
    context.beginPath();
    context.rect(0, top, cut ?? map.width, map.height);
    context.clip();
    context.drawImage(image, box.left - map.left, top + box.top - map.top, box.width, box.height);
    context.restore();
  }
  await drawMarks(context, app, map, top);
  const [cut] = tiles.flatMap((tile) => tile.cut ?? []);
  if (cut !== undefined) line(context, app, cut, top, map.height);
  context.restore();
  scaleBar(context, app, map, top);
  let y = top + map.height + 2.6 * unit;
  context.fillStyle = INK;
  context.font = `${1.4 * unit}px ${FONT}`;
  for (const [i, { mark, text }] of legend.entries()) {
    const [x, line] = [margin + (i % columns) * (room / columns), y + Math.floor(i / columns) * 2.4 * unit];
    await drawSvg(context, mark, x, line - 1.25 * unit, 2.2 * unit, 1.4 * unit);
    context.fillText(text, x + 2.8 * unit, line, room / columns - 3.2 * unit);
  }
  y += legendHeight + unit;
  context.fillStyle = SOFT;
  context.font = `${1.5 * unit}px ${FONT}`;
  below.forEach((text, i) => context.fillText(text, margin, y + i * 2 * unit));
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) return false;
  download(`${app.data.area.id}.png`, "image/png", blob);
  return true;
}

function subtitle(app: App): string {
  const simulated = app.data.area.simulated ? [`${app.t("simulated.short")} ${app.t("simulated.banner")}`] : [];
  return [...simulated, app.data.area.seen[app.language.code]].join(" ");
}

function caption(app: App): string[] {
  return [
    ...(showsPast(app.state) ? [pastNote(app)] : []),
    `${app.t("about.sources")}: ${sourcesInShort(app)}.`,
    app.t("about.disclaimer"),
    `${app.t("print.date", { date: app.language.date(new Date()) })} · ${app.t("about.made", { version: app.data.version })}`,
  ];
}

/** The datasets by whose they are and on which terms. */
function sourcesInShort(app: App): string {
  const titles = new Map<string, Set<string>>();
  for (const source of app.data.sources) {
    const credits = creditsOf(app, source).join(", ");
    titles.set(credits, (titles.get(credits) ?? new Set()).add(source.title || source.dataset));
  }
  return [...titles].map(([credits, known]) => `${[...known].join(", ")} (${credits})`).join("; ");
}

/** Areas and the place that was asked about: they are SVG over the tiles. */
async function drawMarks(context: CanvasRenderingContext2D, app: App, map: DOMRect, top: number): Promise<void> {
  for (const drawing of app.map.getContainer().querySelectorAll<SVGSVGElement>(".leaflet-overlay-pane svg")) {
    const box = drawing.getBoundingClientRect();
    await drawSvg(context, drawing, box.left - map.left, top + box.top - map.top, box.width, box.height);
  }
}

async function drawSvg(context: CanvasRenderingContext2D, drawing: SVGElement, x: number, y: number, width: number, height: number): Promise<void> {
  const copy = drawing.cloneNode(true) as SVGElement;
  copy.removeAttribute("style");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  try {
    await image.decode();
  } catch {
    return;
  }
  context.drawImage(image, x, y, width, height);
}

/** The line between two years, with their names. */
function line(context: CanvasRenderingContext2D, app: App, x: number, top: number, height: number): void {
  context.fillStyle = ACCENT;
  context.fillRect(x - 2, top, 4, height);
  context.font = `700 16px ${FONT}`;
  const write = (text: string, side: -1 | 1): void => {
    const { width } = context.measureText(text);
    const left = side < 0 ? x - 20 - width : x + 20;
    context.fillStyle = ACCENT;
    context.fillRect(left - 8, top + 8, width + 16, 26);
    context.fillStyle = PAPER;
    context.fillText(text, left, top + 27);
  };
  write(app.momentName(app.state.swipe), -1);
  write(app.momentName(app.state.year), 1);
}

function scaleBar(context: CanvasRenderingContext2D, app: App, map: DOMRect, top: number): void {
  const line = app.map.getContainer().querySelector(".leaflet-control-scale-line");
  if (!line) return;
  const { width } = line.getBoundingClientRect();
  const unit = map.width / 100;
  const [x, y] = [2 * unit, top + map.height - 1.5 * unit];
  context.fillStyle = themeColour("veil");
  context.fillRect(x - 0.5 * unit, y - 2.4 * unit, width + unit, 3 * unit);
  context.strokeStyle = context.fillStyle = INK;
  context.lineWidth = 0.15 * unit;
  context.beginPath();
  context.moveTo(x, y - 0.8 * unit);
  context.lineTo(x, y);
  context.lineTo(x + width, y);
  context.lineTo(x + width, y - 0.8 * unit);
  context.stroke();
  context.font = `${1.3 * unit}px ${FONT}`;
  context.fillText(line.textContent ?? "", x + 0.5 * unit, y - 0.6 * unit);
}
