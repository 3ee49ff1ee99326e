// Curves of many runs in one chart. uPlot keeps axes, cursor and zoom; the curves are drawn here, since each has its
// own places on the x axis and there may be hundreds.
import "uplot/dist/uPlot.min.css";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import type { Line } from "../api/curves";
import { duration, moment, number } from "../state/format";
import { useTheme } from "../state/theme";
import { drawCurves, drawOne, type Drawn } from "./drawCurves";
import { extent, nearest, padded, smoothed, type Range } from "./scale";

export interface LineChartProps {
  lines: Line[];
  color: (id: string) => string;
  name: (id: string) => string;
  axis: "step" | "relative" | "time";
  smooth: number;
  logX: boolean;
  logY: boolean;
  height: number;
  /** The part of the x axis that is shown, or all. */
  range: Range | null;
  onRange: (range: Range | null) => void;
  /** Charts with the same text share their cursor. */
  sync: string;
}

interface Tip {
  left: number;
  top: number;
  x: number;
  rows: { id: string; value: number }[];
}

const TIP_ROWS = 8;

export const LineChart = memo(function LineChart(props: LineChartProps) {
  const { lines, smooth, logX, logY, axis, height, range, sync } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const overlay = useRef<HTMLCanvasElement | null>(null);
  const [tip, setTip] = useState<Tip | null>(null);
  const theme = useTheme();
  const drawn = useMemo<Drawn[]>(
    () => lines.map((line) => ({ line, shown: smoothed(line.y, smooth), color: props.color(line.id) })),
    [lines, smooth, props.color],
  );
  const scales = useMemo(() => scalesOf(drawn, range, logX, logY, smooth > 0), [drawn, range, logX, logY, smooth]);
  const latest = useRef({ ...props, drawn, scales });
  latest.current = { ...props, drawn, scales };

  useEffect(() => {
    const element = holder.current!;
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--muted").trim();
    const grid = style.getPropertyValue("--line").trim();
    const common = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const made = new uPlot(
      {
        width: element.clientWidth || 300,
        height,
        padding: [8, 10, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: sync, setSeries: false, scales: ["x", null] }, drag: { x: true, y: false, setScale: false, dist: 6 }, points: { show: false }, y: false },
        scales: {
          x: { time: axis === "time", distr: logX ? 3 : 1, range: () => latest.current.scales.x },
          y: { distr: logY ? 3 : 1, range: () => latest.current.scales.y },
        },
        ms: 1,
        series: [{}, { paths: () => null, points: { show: false } }],
        axes: [
          { ...common, size: 26, values: axis === "time" ? undefined : (_, values) => values.map((one) => (axis === "relative" ? shortDuration(one) : number(one))) },
          { ...common, size: 54, values: (_, values) => values.map((one) => (one === null ? "" : number(one, 3))) },
        ],
        hooks: {
          draw: [(u) => drawCurves(u, latest.current.drawn)],
          setCursor: [(u) => point(u)],
          setSelect: [
            (u) => {
              if (u.select.width < 6) return;
              const bounds: Range = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              latest.current.onRange(bounds);
            },
          ],
          ready: [
            (u) => {
              const canvas = document.createElement("canvas");
              canvas.className = "chart-overlay";
              u.over.appendChild(canvas);
              overlay.current = canvas;
              u.over.addEventListener("dblclick", () => latest.current.onRange(null));
            },
          ],
        },
      },
      [latest.current.scales.x, [null, null]],
      element,
    );
    plot.current = made;
    const point = (u: uPlot) => {
      const here = u.cursor.left ?? -1;
      // Charts that only follow another's cursor show the line, not the values.
      if (here < 0 || !u.over.matches(":hover")) {
        setTip(null);
        overlay.current && clear(overlay.current);
        return;
      }
      setTip(tipAt(u, latest.current.drawn, overlay.current));
    };
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth || 300, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [axis, logX, logY, height, sync, theme]);

  useEffect(() => {
    plot.current?.setData([scales.x, [null, null]]);
  }, [drawn, scales]);

  return (
    <div className="line-chart" style={{ minHeight: height }}>
      <div ref={holder} />
      {tip && (
        <div className="chart-tip" style={tip.left > (holder.current?.clientWidth ?? 0) / 2 ? { right: (holder.current?.clientWidth ?? 0) - tip.left + 14, top: 6 } : { left: tip.left + 14, top: 6 }}>
          <div className="muted">{axis === "time" ? moment(tip.x) : axis === "relative" ? duration(tip.x) : `step ${number(Math.round(tip.x))}`}</div>
          {tip.rows.map((row, place) => (
            <div key={row.id} className="row" style={{ gap: 6, fontWeight: place === 0 ? 650 : 400 }}>
              <svg className="swatch" viewBox="0 0 11 11" aria-hidden="true">
                <rect width="11" height="11" rx="3" fill={props.color(row.id)} />
              </svg>
              <span className="cut">{props.name(row.id)}</span>
              <span className="num grow">{number(row.value)}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
});

function shortDuration(ms: number): string {
  const s = ms / 1000;
  if (s < 120) return `${number(s)} s`;
  if (s < 7200) return `${number(s / 60, 3)} min`;
  return `${number(s / 3600, 3)} h`;
}

function clear(canvas: HTMLCanvasElement): void {
  canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
}

/** The values at the cursor, the nearest curve first; that one is drawn thick on the overlay. */
function tipAt(u: uPlot, drawn: Drawn[], canvas: HTMLCanvasElement | null): Tip | null {
  const left = u.cursor.left!;
  const top = u.cursor.top ?? 0;
  const x = u.posToVal(left, "x");
  const found: { one: Drawn; value: number; far: number; x: number }[] = [];
  const [low, high] = [u.scales.x!.min!, u.scales.x!.max!];
  for (const one of drawn) {
    if (!one.line.x.length) continue;
    const at = nearest(one.line.x, x);
    const place = one.line.x[at]!;
    const value = one.shown[at]!;
    if (!Number.isFinite(value) || Math.abs(place - x) > (high - low) * 0.06) continue;
    found.push({ one, value, x: place, far: Math.abs(u.valToPos(value, "y") - top) });
  }
  if (canvas) {
    const ratio = devicePixelRatio || 1;
    const { width, height } = u.over.getBoundingClientRect();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    clear(canvas);
  }
  found.sort((a, b) => a.far - b.far);
  const best = found[0];
  if (!best) return null;
  if (canvas) drawOne(u, canvas, best.one);
  const inset = u.bbox.left / (devicePixelRatio || 1);
  return { left: left + inset, top, x: best.x, rows: found.slice(0, TIP_ROWS).map(({ one, value }) => ({ id: one.line.id, value })) };
}

/** The ranges of both axes. */
function scalesOf(drawn: Drawn[], range: Range | null, logX: boolean, logY: boolean, smooth: boolean): { x: Range; y: Range } {
  let x: Range | null = null;
  let y: Range | null = null;
  const join = (a: Range | null, b: Range | null): Range | null => (a && b ? [Math.min(a[0], b[0]), Math.max(a[1], b[1])] : (a ?? b));
  for (const { line, shown } of drawn) {
    const places = logX ? line.x.filter((one) => one > 0) : line.x;
    if (places.length) x = join(x, [places[0]!, places[places.length - 1]!]);
    const positive = (values: number[]) => (logY ? values.filter((one) => one > 0) : values);
    y = join(y, extent(positive(shown)));
    if (!smooth && line.low.length) {
      y = join(y, extent(positive(line.low)));
      y = join(y, extent(positive(line.high)));
    }
  }
  const across = range ?? x ?? [0, 1];
  return { x: across[0] === across[1] ? padded(across) : across, y: padded(y ?? (logY ? [0.1, 1] : [0, 1]), 0.04, logY) };
}
