import { useMemo } from "react";
import { navigate } from "../state/router";
import { number } from "../state/format";
import { columnTitle } from "../state/runView";
import { axisOf, Frame, type Box } from "./axes";
import type { ChartProps } from "./ChartsSide";
import { chosen, DimSelect, withDim } from "./DimSelect";
import { heat } from "./scale";

const BOX: Box = { left: 76, top: 28, width: 700, height: 380 };

/** Each run as a point: two columns for its place, a third for its colour. */
export function ScatterChart({ runs, view, change, columns }: ChartProps) {
  const [x, y] = chosen(view.dims, columns, ["param", "metric"]) as [string, string];
  const third = view.dims[2] && columns.includes(view.dims[2]) ? view.dims[2] : "";
  const axes = useMemo(
    () => ({ x: axisOf(runs.map((run) => run.values[x] ?? null), 6), y: axisOf(runs.map((run) => run.values[y] ?? null)), z: third ? axisOf(runs.map((run) => run.values[third] ?? null)) : null }),
    [runs, x, y, third],
  );
  const pick = (place: number) => (column: string) => change({ dims: withDim([x, y, third], place, column) });
  return (
    <>
      <div className="chart-tools">
        <DimSelect label="x" value={x} columns={columns} onChange={pick(0)} />
        <DimSelect label="y" value={y} columns={columns} onChange={pick(1)} />
        <DimSelect label="colour" value={third} columns={columns} onChange={pick(2)} none="by run" />
      </div>
      <div className="figure card">
        <svg viewBox="0 0 800 460" role="img" aria-label={`${columnTitle(y)} by ${columnTitle(x)} of ${runs.length} runs`}>
          <Frame box={BOX} x={axes.x} y={axes.y} titleX={columnTitle(x)} titleY={columnTitle(y)} />
          {runs.map((run) => {
            const left = axes.x.at(run.values[x] ?? null);
            const top = axes.y.at(run.values[y] ?? null);
            if (left === null || top === null) return null;
            const share = third ? axes.z?.at(run.values[third] ?? null) : null;
            const color = third ? (share === null || share === undefined ? "#999" : heat(share)) : run.color;
            return (
              <circle
                key={run.id}
                className="mark"
                cx={BOX.left + left * BOX.width}
                cy={BOX.top + (1 - top) * BOX.height}
                r={runs.length > 300 ? 3 : 5}
                fill={color}
                stroke={color}
                fillOpacity={0.75}
                onClick={() => navigate(`runs/${run.id}`)}
              >
                <title>{`${run.name}\n${[x, y, third].filter(Boolean).map((one) => `${columnTitle(one)}: ${number(run.values[one])}`).join("\n")}`}</title>
              </circle>
            );
          })}
        </svg>
      </div>
    </>
  );
}
