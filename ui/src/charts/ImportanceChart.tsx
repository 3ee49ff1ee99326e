import { useMemo } from "react";
import { columnTitle } from "../state/runView";
import { BarRow } from "./BarChart";
import type { ChartProps } from "./ChartsSide";
import { chosen, DimSelect } from "./DimSelect";
import { importances } from "./stats";

/** Which params go with a metric, and how strongly. */
export function ImportanceChart({ runs, view, change, columns }: ChartProps) {
  const metrics = columns.filter((column) => column.startsWith("metrics."));
  const [metric] = chosen(view.dims, metrics, ["metric"]) as [string];
  const found = useMemo(() => {
    const params = columns.filter((column) => column.startsWith("params."));
    const table = Object.fromEntries(params.map((column) => [column, runs.map((run) => run.values[column] ?? null)]));
    return importances(table, runs.map((run) => (typeof run.values[metric] === "number" ? run.values[metric] : null)));
  }, [runs, columns, metric]);
  return (
    <>
      <div className="chart-tools">
        <DimSelect label="What goes with" value={metric} columns={metrics} onChange={(next) => change({ dims: [next] })} />
      </div>
      <p className="muted">
        The share of the metric's variance that goes with each param alone, over {runs.length} runs, corrected for chance. ↑ and ↓ say which way it
        goes for numbers. What goes together need not cause each other.
      </p>
      <div className="bars">
        {found.map((one) => (
          <BarRow
            key={one.key}
            label={<span title={`${one.values} values`}>{columnTitle(one.key)} {one.trend === null ? "" : one.trend > 0.2 ? "↑" : one.trend < -0.2 ? "↓" : ""}</span>}
            from={0}
            to={one.share * 100}
            color="#2a7fd4"
            text={`${Math.round(one.share * 100)} %`}
          />
        ))}
      </div>
      {!found.length && <p className="muted">No param differs between at least four runs that have this metric.</p>}
    </>
  );
}
