// How a table of runs is looked at: everything of it is in the address, so that it can be shared and saved.
import type { ExperimentKeys, OrderKey } from "../api/schema";

export type Show = "table" | "both" | "charts";
export type Axis = "step" | "relative" | "time";

export interface RunView {
  filter: string;
  sort: OrderKey[];
  /** Columns in their order; null: chosen by `defaultColumns`. */
  columns: string[] | null;
  pinned: string[];
  widths: Record<string, number>;
  group: string[];
  deleted: boolean;
  /** Runs below their parents. */
  tree: boolean;
  show: Show;
  /** Short ids of runs that charts leave out. */
  hidden: string[];
  axis: Axis;
  smooth: number;
  logX: boolean;
  logY: boolean;
  /** Part of the names of the metrics that charts show. */
  metrics: string;
  /** Which charts: lines, or one of the others. */
  chart: string;
  /** The chosen columns of scatter, bar, parallel … charts. */
  dims: string[];
}

const SHORT = 10;

/** A run's id, cut: enough to know it by in an address. */
export function shortId(runId: string): string {
  return runId.slice(0, SHORT);
}

function list(text: string | null): string[] {
  return text ? text.split(",").map(decoded) : [];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function listText(items: string[]): string {
  return items.map((item) => item.replace(/%/g, "%25").replace(/,/g, "%2C")).join(",");
}

export function readView(query: URLSearchParams): RunView {
  const show = query.get("show");
  const axis = query.get("axis");
  const widths: Record<string, number> = {};
  for (const item of list(query.get("widths"))) {
    const at = item.lastIndexOf("~");
    const width = Number(item.slice(at + 1));
    if (at > 0 && width >= 40 && width <= 1200) widths[item.slice(0, at)] = width;
  }
  return {
    filter: query.get("filter") ?? "",
    sort: list(query.get("sort")).map((item) => ({ column: item.replace(/^-/, ""), descending: item.startsWith("-") })),
    columns: query.has("columns") ? list(query.get("columns")) : null,
    pinned: list(query.get("pin")),
    widths,
    group: list(query.get("group")),
    deleted: query.get("view") === "deleted",
    tree: query.get("tree") === "1",
    show: show === "both" || show === "charts" ? show : "table",
    hidden: list(query.get("hide")),
    axis: axis === "relative" || axis === "time" ? axis : "step",
    smooth: Math.min(0.99, Math.max(0, Number(query.get("smooth")) || 0)),
    logX: query.get("logx") === "1",
    logY: query.get("logy") === "1",
    metrics: query.get("metrics") ?? "",
    chart: query.get("chart") ?? "lines",
    dims: list(query.get("dims")),
  };
}

/** The query fields for a change; what is at its default is left out. */
export function viewChanges(change: Partial<RunView>): Record<string, string | null> {
  const found: Record<string, string | null> = {};
  if (change.filter !== undefined) found.filter = change.filter || null;
  if (change.sort) found.sort = listText(change.sort.map((one) => (one.descending ? "-" : "") + one.column)) || null;
  if (change.columns !== undefined) found.columns = change.columns && listText(change.columns);
  if (change.pinned) found.pin = listText(change.pinned) || null;
  if (change.widths) found.widths = listText(Object.entries(change.widths).map(([key, width]) => `${key}~${Math.round(width)}`)) || null;
  if (change.group) found.group = listText(change.group) || null;
  if (change.deleted !== undefined) found.view = change.deleted ? "deleted" : null;
  if (change.tree !== undefined) found.tree = change.tree ? "1" : null;
  if (change.show) found.show = change.show === "table" ? null : change.show;
  if (change.hidden) found.hide = listText(change.hidden) || null;
  if (change.axis) found.axis = change.axis === "step" ? null : change.axis;
  if (change.smooth !== undefined) found.smooth = change.smooth ? String(change.smooth) : null;
  if (change.logX !== undefined) found.logx = change.logX ? "1" : null;
  if (change.logY !== undefined) found.logy = change.logY ? "1" : null;
  if (change.metrics !== undefined) found.metrics = change.metrics || null;
  if (change.chart) found.chart = change.chart === "lines" ? null : change.chart;
  if (change.dims) found.dims = listText(change.dims) || null;
  return found;
}

/** What a table shows until somebody chooses: when, how long, then the params and metrics that most runs have. */
export function defaultColumns(keys: ExperimentKeys | undefined): string[] {
  const most = (items: { key: string; runs: number }[], count: number) => {
    const kept = new Set([...items].sort((a, b) => b.runs - a.runs).slice(0, count).map((one) => one.key));
    return items.filter((one) => kept.has(one.key)).map((one) => one.key);
  };
  const metrics = (keys?.metrics ?? []).filter((one) => !one.key.startsWith("system/"));
  return [
    "attributes.start_time",
    "attributes.duration",
    ...most(metrics, 8).map((key) => `metrics.${key}`),
    ...most(keys?.params ?? [], 8).map((key) => `params.${key}`),
  ];
}

/** A column's parts: `metrics_min.val/loss` → `metrics_min`, `val/loss`. */
export function columnParts(column: string): { part: string; key: string } {
  const at = column.indexOf(".");
  return { part: column.slice(0, at), key: column.slice(at + 1) };
}

const ATTRIBUTES: Record<string, string> = {
  start_time: "Created",
  duration: "Duration",
  status: "Status",
  user_id: "User",
  run_id: "Run ID",
  run_name: "Run",
  end_time: "Ended",
  experiment_id: "Experiment",
};
export const ATTRIBUTE_COLUMNS = ["start_time", "duration", "status", "user_id", "run_id", "end_time", "experiment_id"];

/** What stands above a column. */
export function columnTitle(column: string): string {
  const { part, key } = columnParts(column);
  if (part === "attributes") return ATTRIBUTES[key] ?? key;
  if (part === "metrics_min") return `${key} (min)`;
  if (part === "metrics_max") return `${key} (max)`;
  return key;
}

/** A key as the filter language writes it, quoted where it must be. */
export function fieldText(part: string, key: string): string {
  const word = /^[A-Za-z_][\w.]*$/.test(key) ? key : `\`${key.replace(/`/g, "``")}\``;
  return `${part}.${word}`;
}

/** A text as the filter language writes it. */
export function valueText(value: string): string {
  return /['\\\n]/.test(value) ? `E${JSON.stringify(value)}` : `'${value}'`;
}

/** Two filters that must both hold. */
export function both(first: string, second: string): string {
  if (!first.trim()) return second;
  if (!second) return first;
  return /\bor\b/i.test(first) ? `(${first}) AND ${second}` : `${first} AND ${second}`;
}

/** The filter for runs whose columns have these values: what is inside a group. */
export function groupFilter(columns: string[], values: (string | number | null)[]): string {
  const parts = columns.map((column, index) => {
    const { part, key } = columnParts(column);
    const value = values[index];
    const field = fieldText(part.startsWith("metrics") ? "metrics" : part, key);
    if (value === null || value === undefined) return `${field} IS NULL`;
    return `${field} = ${typeof value === "number" ? String(value) : valueText(value)}`;
  });
  return parts.join(" AND ");
}
