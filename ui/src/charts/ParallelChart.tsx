import { useMemo } from "react";
import { Menu } from "../components/Menu";
import { Icon } from "../components/Icon";
import { navigate } from "../state/router";
import { columnTitle } from "../state/runView";
import { axisOf } from "./axes";
import type { ChartProps, ChartRun } from "./ChartsSide";
import { heat } from "./scale";

const [WIDTH, HEIGHT, TOP, LEFT] = [1000, 420, 44, 60];

/** Columns that differ between runs: params first, then one or two metrics. */
function usual(runs: ChartRun[], columns: string[]): string[] {
  const differs = (column: string) => new Set(runs.map((run) => run.values[column]).filter((one) => one !== null)).size > 1;
  const params = columns.filter((one) => one.startsWith("params.") && differs(one)).slice(0, 6);
  return [...params, ...columns.filter((one) => one.startsWith("metrics.") && differs(one)).slice(0, 2)];
}

/** Each run as a line across axes; the last axis gives the colour. */
export function ParallelChart({ runs, view, change, columns }: ChartProps) {
  const dims = useMemo(() => {
    const kept = view.dims.filter((one) => columns.includes(one));
    return kept.length > 1 ? kept : usual(runs, columns);
  }, [view.dims, runs, columns]);
  const axes = useMemo(() => dims.map((column) => axisOf(runs.map((run) => run.values[column] ?? null))), [runs, dims]);
  const toggle = (column: string) => change({ dims: dims.includes(column) ? dims.filter((one) => one !== column) : [...dims, column] });
  const x = (place: number) => LEFT + (place / Math.max(1, dims.length - 1)) * (WIDTH - 2 * LEFT);
  const y = (share: number) => TOP + (1 - share) * HEIGHT;
  return (
    <>
      <div className="chart-tools">
        <Menu align="left" label={<><Icon name="columns" /> Axes <span className="badge">{dims.length}</span></>}>
          {columns.map((column) => (
            <button key={column} type="button" className="item" aria-pressed={dims.includes(column)} onClick={() => toggle(column)}>
              <span style={{ width: 16 }}>{dims.includes(column) && <Icon name="check" />}</span>
              <span className="cut">{columnTitle(column)}</span>
              <span className="muted grow num">{column.split(".")[0]}</span>
            </button>
          ))}
        </Menu>
        <span className="muted">Colour: {columnTitle(dims.at(-1) ?? "")}</span>
      </div>
      {dims.length < 2 ? (
        <p className="muted">Choose at least two axes in which the runs differ.</p>
      ) : (
        <div className="figure card">
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + TOP + 30}`} role="img" aria-label={`${runs.length} runs over ${dims.map(columnTitle).join(", ")}`}>
            <g fill="none" strokeWidth={runs.length > 200 ? 0.8 : 1.5}>
              {runs.map((run) => {
                const last = axes.at(-1)!.at(run.values[dims.at(-1)!] ?? null);
                const path = pathOf(run, dims, axes, x, y);
                return (
                  path && (
                    <path key={run.id} className="mark" d={path} stroke={last === null ? "#999" : heat(last)} opacity={runs.length > 200 ? 0.45 : 0.75} onClick={() => navigate(`runs/${run.id}`)}>
                      <title>{run.name}</title>
                    </path>
                  )
                );
              })}
            </g>
            {dims.map((column, place) => (
              <g key={column}>
                <line className="axis" x1={x(place)} x2={x(place)} y1={TOP} y2={TOP + HEIGHT} />
                <text className="label" x={x(place)} y={place % 2 ? 30 : 14} textAnchor="middle">
                  {columnTitle(column).slice(0, 24)}
                </text>
                {axes[place]!.marks.map((mark) => (
                  <text key={mark.text} x={x(place) - 6} y={y(mark.at) + 4} textAnchor="end" stroke="var(--raised)" strokeWidth={3} paintOrder="stroke">
                    {mark.text}
                  </text>
                ))}
              </g>
            ))}
          </svg>
        </div>
      )}
    </>
  );
}

function pathOf(run: ChartRun, dims: string[], axes: ReturnType<typeof axisOf>[], x: (place: number) => number, y: (share: number) => number): string {
  let path = "";
  let pen = false;
  dims.forEach((column, place) => {
    const share = axes[place]!.at(run.values[column] ?? null);
    if (share === null) {
      pen = false;
      return;
    }
    path += `${pen ? "L" : "M"}${x(place).toFixed(1)} ${y(share).toFixed(1)}`;
    pen = true;
  });
  return path;
}
