import { useMemo } from "react";
import { number } from "../state/format";
import { columnTitle } from "../state/runView";
import { axisOf, Frame, type Box } from "./axes";
import type { ChartProps } from "./ChartsSide";
import { chosen, DimSelect, withDim } from "./DimSelect";
import { extent, heat, type Range } from "./scale";

const BOX: Box = { left: 76, top: 28, width: 640, height: 380 };
const [ACROSS, DOWN] = [40, 26];

/** How a metric lies over two columns: between the runs it is estimated by their distance. */
export function ContourChart({ runs, view, change, columns }: ChartProps) {
  const numeric = useMemo(() => columns.filter((column) => runs.some((run) => typeof run.values[column] === "number")), [columns, runs]);
  const [x, y, z] = chosen(view.dims, numeric, ["param", "param", "metric"]) as [string, string, string];
  const axes = useMemo(() => ({ x: axisOf(runs.map((run) => onlyNumber(run.values[x])), 6), y: axisOf(runs.map((run) => onlyNumber(run.values[y]))) }), [runs, x, y]);
  const points = useMemo(
    () =>
      runs.flatMap((run) => {
        const [left, top, value] = [axes.x.at(onlyNumber(run.values[x])), axes.y.at(onlyNumber(run.values[y])), run.values[z]];
        return left === null || top === null || typeof value !== "number" ? [] : [{ run, left, top, value }];
      }),
    [runs, axes, x, y, z],
  );
  const range = useMemo<Range>(() => extent(points.map((one) => one.value)) ?? [0, 1], [points]);
  const cells = useMemo(() => field(points), [points]);
  const share = (value: number) => (value - range[0]) / (range[1] - range[0] || 1);
  const pick = (place: number) => (column: string) => change({ dims: withDim([x, y, z], place, column) });
  return (
    <>
      <div className="chart-tools">
        <DimSelect label="x" value={x} columns={numeric} onChange={pick(0)} />
        <DimSelect label="y" value={y} columns={numeric} onChange={pick(1)} />
        <DimSelect label="value" value={z} columns={numeric} onChange={pick(2)} />
      </div>
      {points.length < 3 ? (
        <p className="muted">A contour needs at least three runs that have all three numbers; {points.length} have.</p>
      ) : (
        <div className="figure card">
          <svg viewBox="0 0 800 460" role="img" aria-label={`${columnTitle(z)} over ${columnTitle(x)} and ${columnTitle(y)}`}>
            <Frame box={BOX} x={axes.x} y={axes.y} titleX={columnTitle(x)} titleY={columnTitle(y)} />
            {cells.map((value, at) => (
              <rect
                key={at}
                x={BOX.left + ((at % ACROSS) / ACROSS) * BOX.width}
                y={BOX.top + (Math.floor(at / ACROSS) / DOWN) * BOX.height}
                width={BOX.width / ACROSS + 0.6}
                height={BOX.height / DOWN + 0.6}
                fill={heat(Math.round(share(value) * 12) / 12)}
                opacity={0.75}
              />
            ))}
            {points.map(({ run, left, top, value }) => (
              <circle key={run.id} className="mark" cx={BOX.left + left * BOX.width} cy={BOX.top + (1 - top) * BOX.height} r={4} fill={heat(share(value))} stroke="#fff">
                <title>{`${run.name}\n${columnTitle(z)}: ${number(value)}`}</title>
              </circle>
            ))}
            {Array.from({ length: 13 }, (_, n) => (
              <rect key={n} x={738} y={BOX.top + (1 - (n + 1) / 13) * BOX.height} width={14} height={BOX.height / 13 + 0.6} fill={heat(n / 12)} />
            ))}
            <text x={757} y={BOX.top + 8}>{number(range[1], 3)}</text>
            <text x={757} y={BOX.top + BOX.height}>{number(range[0], 3)}</text>
            <text className="label" x={752} y={BOX.top - 10} textAnchor="end">{columnTitle(z)}</text>
          </svg>
        </div>
      )}
    </>
  );
}

function onlyNumber(value: string | number | null | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/** The value at each cell's centre: the points' mean, weighed by the inverse square of their distance. */
function field(points: { left: number; top: number; value: number }[]): number[] {
  const found: number[] = [];
  for (let row = 0; row < DOWN; row++) {
    for (let column = 0; column < ACROSS; column++) {
      const [left, top] = [(column + 0.5) / ACROSS, 1 - (row + 0.5) / DOWN];
      let sum = 0;
      let weight = 0;
      for (const point of points) {
        const one = 1 / ((point.left - left) ** 2 + (point.top - top) ** 2 + 1e-4);
        sum += one * point.value;
        weight += one;
      }
      found.push(sum / weight);
    }
  }
  return found;
}
