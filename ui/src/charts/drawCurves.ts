// The curves themselves, on uPlot's canvas.
import type uPlot from "uplot";
import type { Line } from "../api/curves";

export interface Drawn {
  line: Line;
  /** What is drawn: smoothed or not. */
  shown: number[];
  color: string;
}

/** Beyond this many curves their bands would only cover each other. */
const MOST_BANDS = 60;

/** Position of values on an axis as one multiplication: what `valToPos` does, without its overhead for each point. */
function placer(u: uPlot, scale: "x" | "y", ratio: number, inset: boolean): (value: number) => number {
  const { min, max, distr } = u.scales[scale]!;
  const log = distr === 3;
  const [from, to] = log ? [Math.log10(min!), Math.log10(max!)] : [min!, max!];
  const box = u.bbox;
  const start = inset ? (scale === "x" ? box.left : box.top) : 0;
  const size = (scale === "x" ? box.width : box.height) * (inset ? 1 : ratio);
  const slope = size / (to - from);
  if (scale === "x") return log ? (value) => start + (Math.log10(value) - from) * slope : (value) => start + (value - from) * slope;
  return log ? (value) => start + size - (Math.log10(value) - from) * slope : (value) => start + size - (value - from) * slope;
}

export function drawCurves(u: uPlot, drawn: Drawn[]): void {
  const { ctx, bbox } = u;
  const x = placer(u, "x", 1, true);
  const y = placer(u, "y", 1, true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineJoin = "round";
  const ratio = devicePixelRatio || 1;
  if (drawn.length <= MOST_BANDS) {
    ctx.globalAlpha = drawn.length > 12 ? 0.08 : 0.16;
    for (const one of drawn) if (one.line.low.length) band(ctx, one, x, y);
  }
  ctx.globalAlpha = drawn.length > 100 ? 0.55 : drawn.length > 30 ? 0.8 : 1;
  ctx.lineWidth = (drawn.length > 30 ? 1 : 1.5) * ratio;
  for (const one of drawn) {
    ctx.strokeStyle = one.color;
    // Without room for bands the extremes are drawn as part of the line: no spike is lost.
    if (drawn.length > MOST_BANDS && one.line.low.length && one.shown === one.line.y) path(ctx, one.line.x, zigzag(one.line), x, y, 2);
    else path(ctx, one.line.x, one.shown, x, y, 1);
    if (one.line.x.length === 1) dot(ctx, one, x, y, ratio);
  }
  ctx.restore();
}

function zigzag(line: Line): number[] {
  const found = new Array<number>(line.low.length * 2);
  for (let at = 0; at < line.low.length; at++) {
    found[2 * at] = line.low[at]!;
    found[2 * at + 1] = line.high[at]!;
  }
  return found;
}

type Place = (value: number) => number;

function path(ctx: CanvasRenderingContext2D, xs: number[], values: number[], x: Place, y: Place, each: number): void {
  ctx.beginPath();
  let pen = false;
  for (let at = 0; at < values.length; at++) {
    const top = y(values[at]!);
    const left = x(xs[Math.floor(at / each)]!);
    if (Number.isFinite(top) && Number.isFinite(left)) {
      if (pen) ctx.lineTo(left, top);
      else ctx.moveTo(left, top);
      pen = true;
    } else pen = false;
  }
  ctx.stroke();
}

function band(ctx: CanvasRenderingContext2D, { line, color }: Drawn, x: Place, y: Place): void {
  ctx.fillStyle = color;
  ctx.beginPath();
  const usable: number[] = [];
  for (let at = 0; at < line.x.length; at++) {
    if (Number.isFinite(y(line.low[at]!)) && Number.isFinite(y(line.high[at]!)) && Number.isFinite(x(line.x[at]!))) usable.push(at);
  }
  usable.forEach((at, place) => (place ? ctx.lineTo(x(line.x[at]!), y(line.high[at]!)) : ctx.moveTo(x(line.x[at]!), y(line.high[at]!))));
  for (let place = usable.length - 1; place >= 0; place--) ctx.lineTo(x(line.x[usable[place]!]!), y(line.low[usable[place]!]!));
  ctx.closePath();
  ctx.fill();
}

function dot(ctx: CanvasRenderingContext2D, { line, shown, color }: Drawn, x: Place, y: Place, ratio: number): void {
  ctx.fillStyle = color;
  ctx.beginPath();
  ctx.arc(x(line.x[0]!), y(shown[0]!), 3 * ratio, 0, 7);
  ctx.fill();
}

/** One curve, thick, on a canvas that lies over the plotting area. */
export function drawOne(u: uPlot, canvas: HTMLCanvasElement, one: Drawn): void {
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  const scale = canvas.width / u.bbox.width;
  const x = placer(u, "x", scale, false);
  const y = placer(u, "y", scale, false);
  ctx.strokeStyle = one.color;
  ctx.lineWidth = 3 * (devicePixelRatio || 1);
  ctx.lineJoin = "round";
  path(ctx, one.line.x, one.shown, x, y, 1);
}
