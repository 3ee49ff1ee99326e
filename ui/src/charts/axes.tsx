// Axes of the drawn (SVG) charts: of numbers, or of texts in their order.
import { number } from "../state/format";
import { extent, padded, ticks, type Range } from "./scale";

export type Value = string | number | null;

export interface Axis {
  /** A value's share of the axis, 0 to 1; null where it has no place. */
  at: (value: Value) => number | null;
  marks: { at: number; text: string }[];
  /** For axes of numbers. */
  range: Range | null;
}

const MOST_TEXTS = 24;

/** The axis that fits some values: numbers where all are, else texts. */
export function axisOf(values: Value[], count = 5): Axis {
  const given = values.filter((value) => value !== null);
  if (given.every((value) => typeof value === "number")) {
    const found = extent(given);
    const range = padded(found ?? [0, 1]);
    const share = (value: number) => (value - range[0]) / (range[1] - range[0]);
    return {
      range,
      at: (value) => (typeof value === "number" && Number.isFinite(value) ? share(value) : null),
      marks: ticks(range, count).map((one) => ({ at: share(one), text: number(one) })),
    };
  }
  const texts = [...new Set(given.map(String))].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).slice(0, MOST_TEXTS);
  const places = new Map(texts.map((text, place) => [text, (place + 0.5) / texts.length]));
  return {
    range: null,
    at: (value) => (value === null ? null : (places.get(String(value)) ?? null)),
    marks: texts.map((text) => ({ at: places.get(text)!, text: text.length > 18 ? `${text.slice(0, 17)}…` : text })),
  };
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Grid lines, ticks and titles of a chart with two axes. */
export function Frame({ box, x, y, titleX, titleY }: { box: Box; x: Axis; y: Axis; titleX: string; titleY: string }) {
  const { left, top, width, height } = box;
  return (
    <g>
      {x.marks.map((mark) => (
        <g key={mark.text}>
          <line className="gridline" x1={left + mark.at * width} x2={left + mark.at * width} y1={top} y2={top + height} />
          <text x={left + mark.at * width} y={top + height + 16} textAnchor="middle">
            {mark.text}
          </text>
        </g>
      ))}
      {y.marks.map((mark) => (
        <g key={mark.text}>
          <line className="gridline" x1={left} x2={left + width} y1={top + (1 - mark.at) * height} y2={top + (1 - mark.at) * height} />
          <text x={left - 7} y={top + (1 - mark.at) * height + 4} textAnchor="end">
            {mark.text}
          </text>
        </g>
      ))}
      <text className="label" x={left + width} y={top + height + 34} textAnchor="end">
        {titleX}
      </text>
      <text className="label" x={left} y={top - 10}>
        {titleY}
      </text>
    </g>
  );
}
