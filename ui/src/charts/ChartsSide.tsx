// The charts of the visible runs: one line chart a metric, or one of the others.
import "./charts.css";
import { useCallback, useMemo } from "react";
import { useRunSet, type TableQuery } from "../api/runTable";
import type { ExperimentKeys } from "../api/schema";
import { Empty, ErrorBox, Skeleton } from "../components/Notices";
import { colorOf } from "../state/colors";
import { count } from "../state/format";
import { columnParts, shortId, type RunView } from "../state/runView";
import { BarChart } from "./BarChart";
import { ContourChart } from "./ContourChart";
import { ImportanceChart } from "./ImportanceChart";
import { ImagesByStep } from "./ImagesByStep";
import { LinePanels } from "./LinePanels";
import { ParallelChart } from "./ParallelChart";
import { ScatterChart } from "./ScatterChart";

const MOST_RUNS = 1_000;
const CHARTS: [string, string][] = [
  ["lines", "Lines"],
  ["parallel", "Parallel"],
  ["scatter", "Scatter"],
  ["contour", "Contour"],
  ["bar", "Bars"],
  ["importance", "Importance"],
  ["images", "Images"],
];

interface Props {
  ids: string[];
  view: RunView;
  change: (change: Partial<RunView>) => void;
  query: TableQuery;
  keys: ExperimentKeys | undefined;
  alone: boolean;
}

/** A run with the values that charts need, by column. */
export interface ChartRun {
  id: string;
  name: string;
  color: string;
  values: Record<string, string | number | null>;
}

export interface ChartProps {
  runs: ChartRun[];
  view: RunView;
  change: (change: Partial<RunView>) => void;
  /** Every metric and param column there is. */
  columns: string[];
}

/** Columns that charts other than lines may need: bounded, since each comes for up to 1,000 runs. */
function chartColumns(keys: ExperimentKeys | undefined, view: RunView): string[] {
  const metrics = (keys?.metrics ?? []).filter((one) => !one.key.startsWith("system/")).slice(0, 60);
  const found = [...metrics.map((one) => `metrics.${one.key}`), ...(keys?.params ?? []).slice(0, 60).map((one) => `params.${one.key}`)];
  return [...new Set([...found, ...view.dims, ...view.group])];
}

export default function ChartsSide({ ids, view, change, query, keys, alone }: Props) {
  const lines = view.chart === "lines" || view.chart === "images";
  const columns = useMemo(() => chartColumns(keys, view), [keys, view.dims, view.group]);
  const asked = useMemo(() => ({ ...query, columns: lines ? view.group : columns }), [query, lines, columns, view.group]);
  const found = useRunSet(asked, MOST_RUNS);
  const hidden = useMemo(() => new Set(view.hidden), [view.hidden]);
  const runs = useMemo<ChartRun[]>(() => {
    const rows = (found.data?.rows ?? []).filter((row) => !hidden.has(shortId(row.id)));
    return rows.map((row) => {
      const values = Object.fromEntries(asked.columns.map((column, place) => [column, numeric(column, row.cells[place] ?? null)]));
      const color = view.group.length ? colorOf(`group ${view.group.map((column) => values[column]).join("|")}`) : colorOf(row.id);
      return { id: row.id, name: row.name, color, values };
    });
  }, [found.data, hidden, asked, view.group]);
  const byId = useMemo(() => new Map(runs.map((run) => [run.id, run])), [runs]);
  const color = useCallback((id: string) => byId.get(id)?.color ?? "#888", [byId]);
  const name = useCallback((id: string) => byId.get(id)?.name ?? id.slice(0, 8), [byId]);
  const useful = useMemo(() => (lines ? columns : mostUseful(columns, runs)), [lines, columns, runs]);
  const props: ChartProps = { runs, view, change, columns: useful };
  return (
    <section className={`charts-side ${alone ? "alone" : ""}`} aria-label="Charts" tabIndex={0}>
      <div className="row wrap" style={{ marginBottom: 8 }}>
        <div className="segmented scroll-x" role="group" aria-label="Kind of chart">
          {CHARTS.map(([chart, label]) => (
            <button key={chart} type="button" aria-pressed={view.chart === chart} onClick={() => change({ chart })}>
              {label}
            </button>
          ))}
        </div>
        {found.data && found.data.total > MOST_RUNS && (
          <span className="muted">the first {MOST_RUNS.toLocaleString("en")} of {count(found.data.total, "run")}; filter to see others</span>
        )}
      </div>
      {found.isError ? (
        <ErrorBox error={found.error} retry={() => void found.refetch()} />
      ) : found.isPending ? (
        <Skeleton lines={8} />
      ) : runs.length === 0 ? (
        <Empty title="No run to draw">
          <p className="muted">{hidden.size ? "All matching runs are hidden from charts: click a run's colour to show it." : "No run matches the filter."}</p>
        </Empty>
      ) : view.chart === "parallel" ? (
        <ParallelChart {...props} />
      ) : view.chart === "scatter" ? (
        <ScatterChart {...props} />
      ) : view.chart === "contour" ? (
        <ContourChart {...props} />
      ) : view.chart === "bar" ? (
        <BarChart {...props} />
      ) : view.chart === "importance" ? (
        <ImportanceChart {...props} />
      ) : view.chart === "images" ? (
        <ImagesByStep runs={runs} />
      ) : (
        <LinePanels ids={ids} runs={runs} view={view} change={change} keys={keys} color={color} name={name} />
      )}
    </section>
  );
}

/** Columns in which runs differ first, then by how many runs have them: so that a chart's first choice shows something. */
function mostUseful(columns: string[], runs: ChartRun[]): string[] {
  const rank = (column: string) => {
    const values = runs.map((run) => run.values[column]).filter((value) => value !== null && value !== undefined);
    return (new Set(values).size > 1 ? 1e6 : 0) + values.length;
  };
  const ranks = new Map(columns.map((column) => [column, rank(column)]));
  return [...columns].sort((a, b) => ranks.get(b)! - ranks.get(a)!);
}

/** Params that are numbers as numbers, NaN as null: what can be drawn. */
function numeric(column: string, value: string | number | null): string | number | null {
  if (value === null || value === "NaN") return null;
  if (typeof value === "number" || columnParts(column).part !== "params") return value;
  return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}
