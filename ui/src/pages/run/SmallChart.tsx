import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Curve } from "../../api/schema";
import { number } from "../../state/format";
import { useTheme } from "../../state/theme";

const HEIGHT = 190;
/** Charts of one page share their crosshair. */
const SYNC = uPlot.sync("run");

interface Props {
  curve: Curve;
  /** The axis holds times, ms since the epoch. */
  time: boolean;
  log: boolean;
}

/** One curve, with a band from the least to the greatest value where points were thinned out. */
export function SmallChart({ curve, time, log }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const theme = useTheme();
  const data = useMemo(() => columns(curve, time, log), [curve, time, log]);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const place = frame.current;
    if (!place) return;
    const made = new uPlot(options(place, time, log), latest.current, place);
    chart.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height: HEIGHT }));
    watch.observe(place);
    return () => {
      watch.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [time, log, theme]);
  useEffect(() => chart.current?.setData(data), [data]);
  return <div ref={frame} style={{ height: HEIGHT }} />;
}

/** x, low, high, mean (drawn last, above the band); what is no number, or cannot stand on a logarithmic axis, is a gap. */
export function columns(curve: Pick<Curve, "x" | "y" | "low" | "high">, time: boolean, log: boolean): uPlot.AlignedData {
  const x = curve.x.map((one) => (time ? Number(one) / 1000 : Number(one)));
  const value = (one: number | string) => (typeof one === "number" && (!log || one > 0) ? one : null);
  return [x, curve.low.map(value), curve.high.map(value), curve.y.map(value)];
}

function options(place: HTMLElement, time: boolean, log: boolean): uPlot.Options {
  const style = getComputedStyle(place);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const accent = colour("--accent");
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "11px sans-serif" };
  const hidden = { stroke: "transparent", width: 0, points: { show: false } };
  return {
    width: place.clientWidth || 360,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: SYNC.key }, drag: { x: true, y: false } },
    scales: { x: { time }, y: { distr: log ? 3 : 1 } },
    axes: [{ ...axis, size: 30 }, { ...axis, size: 56, values: (_, marks) => marks.map((mark) => (mark === null ? "" : number(mark))) }],
    bands: [{ series: [2, 1], fill: colour("--accent-soft") }],
    series: [{}, hidden, hidden, { stroke: accent, width: 1.6, spanGaps: false }],
    plugins: [readout()],
  };
}

/** The value below the crosshair, in the chart's corner. */
function readout(): uPlot.Plugin {
  let note: HTMLElement;
  return {
    hooks: {
      init: (chart) => {
        note = document.createElement("div");
        note.className = "readout";
        chart.over.appendChild(note);
      },
      setCursor: (chart) => {
        const at = chart.cursor.idx;
        const value = at === null || at === undefined ? null : chart.data[3]?.[at];
        note.textContent = value === null || value === undefined || at === null || at === undefined ? "" : `${place(chart, at)}  ${number(value, 6)}`;
      },
    },
  };
}

function place(chart: uPlot, at: number): string {
  const x = chart.data[0][at] ?? 0;
  return chart.scales.x?.time ? new Date(x * 1000).toLocaleTimeString("en") : `step ${x}`;
}
