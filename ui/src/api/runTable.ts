import { keepPreviousData, useQueries, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useFeed, feedIsOpen } from "../state/feed";
import { both, columnParts, type RunView } from "../state/runView";
import { call } from "./client";
import type { OrderKey, RunStatus, RunTable } from "./schema";

export const PAGE_ROWS = 100;
const CHILDREN = 500;
const NO_PARENT = "tags.`mlflow.parentRunId` IS NULL";

export type Cell = string | number | null;

/** One run as a table shows it. */
export interface RunRow {
  id: string;
  name: string;
  experiment: string;
  user: string;
  status: RunStatus;
  deleted: boolean;
  start: number;
  end: number | null;
  parent: string | null;
  children: number;
  cells: Cell[];
}

export interface TableQuery {
  ids: string[];
  filter: string;
  order: OrderKey[];
  /** Columns that the server is asked for. */
  columns: string[];
  deleted: boolean;
}

/** Columns that are data, not attributes: those that a request names. */
export function dataColumns(columns: string[]): string[] {
  return columns.filter((column) => columnParts(column).part !== "attributes");
}

export function tableQuery(ids: string[], view: RunView, columns: string[]): TableQuery {
  const filter = view.tree && !view.group.length ? both(view.filter, NO_PARENT) : view.filter;
  return { ids, filter, order: view.sort, columns: dataColumns(columns), deleted: view.deleted };
}

function fields(query: TableQuery) {
  return {
    experiment_ids: query.ids,
    filter: query.filter,
    order_by: query.order,
    columns: query.columns,
    run_view_type: query.deleted ? ("DELETED_ONLY" as const) : ("ACTIVE_ONLY" as const),
  };
}

/** The lists of an answer as rows. */
export function rowsOf(table: RunTable): RunRow[] {
  return table.run_ids.map((id, row) => ({
    id,
    name: table.run_names[row] || id.slice(0, 8),
    experiment: table.experiment_ids[row]!,
    user: table.user_ids[row]!,
    status: table.statuses[row]!,
    deleted: table.lifecycle_stages[row] === "deleted",
    start: table.start_times[row]!,
    end: table.end_times[row] ?? null,
    parent: table.parents[row] ?? null,
    children: table.children[row] ?? 0,
    cells: table.columns.map((column) => column[row] ?? null),
  }));
}

export interface Page {
  total: number;
  rows: RunRow[];
}

async function readPage(query: TableQuery, page: number, size: number, signal?: AbortSignal): Promise<Page> {
  const found = await call("runs.table", { ...fields(query), offset: page * size, max_results: size }, signal);
  return { total: found.total, rows: rowsOf(found) };
}

/** The pages in sight of a long table, by number. `total` is null until the first is there. */
export function useRunPages(query: TableQuery, pages: number[], enabled: boolean) {
  const key = JSON.stringify(query);
  const answers = useQueries({
    queries: pages.map((page) => ({
      queryKey: ["runs", "table", key, page],
      queryFn: ({ signal }: { signal: AbortSignal }) => readPage(query, page, PAGE_ROWS, signal),
      enabled,
    })),
  });
  // While other columns or another order are on their way the old rows stay.
  const kept = useRef<{ rows: Map<number, RunRow[]>; total: number | null }>({ rows: new Map(), total: null });
  const first = answers[0];
  const found = useMemo(() => {
    const rows = new Map<number, RunRow[]>();
    let total: number | null = null;
    answers.forEach((answer, place) => {
      if (!answer.data) return;
      rows.set(pages[place]!, answer.data.rows);
      total = answer.data.total;
    });
    return { rows, total };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, pages.join(), answers.map((answer) => answer.dataUpdatedAt).join()]);
  const settled = found.total !== null;
  useEffect(() => {
    if (settled) kept.current = found;
  }, [settled, found]);
  const shown = settled ? found : kept.current;
  return {
    rows: shown.rows,
    total: shown.total,
    stale: !settled && kept.current.total !== null,
    error: first?.error ?? answers.find((answer) => answer.error)?.error ?? null,
    loading: !settled,
    retry: () => answers.forEach((answer) => void answer.refetch()),
  };
}

/** The runs inside a group or below a parent. */
export function useChildren(query: TableQuery, filters: string[]) {
  return useQueries({
    queries: filters.map((filter) => {
      const inner = { ...query, filter };
      return {
        queryKey: ["runs", "table", JSON.stringify(inner), "children"],
        queryFn: ({ signal }: { signal: AbortSignal }) => readPage(inner, 0, CHILDREN, signal),
      };
    }),
  });
}

/** Up to `most` runs at once, for charts. */
export function useRunSet(query: TableQuery, most: number, enabled = true) {
  return useQuery({
    queryKey: ["runs", "table", JSON.stringify(query), "first", most],
    queryFn: ({ signal }) => readPage(query, 0, most, signal),
    enabled,
    placeholderData: keepPreviousData,
  });
}

export function useKeys(ids: string[]) {
  return useQuery({
    queryKey: ["experiments", "keys", ids.join(",")],
    queryFn: ({ signal }) => call("experiments.keys", { experiment_ids: ids }, signal),
    staleTime: 30_000,
  });
}

export function useGroups(query: TableQuery, group: string[]) {
  return useQuery({
    queryKey: ["runs", "groups", JSON.stringify(query), group.join(",")],
    queryFn: ({ signal }) => {
      const { order_by: _, ...rest } = fields(query);
      return call("runs.groups", { ...rest, group_by: group, max_results: 1000 }, signal);
    },
    enabled: group.length > 0,
    placeholderData: keepPreviousData,
  });
}

/** Every matching run, in pages of 10,000: for exports and for choosing all. */
export async function readAll(query: TableQuery): Promise<RunRow[]> {
  const rows: RunRow[] = [];
  for (let page = 0; ; page++) {
    const found = await readPage(query, page, 10_000);
    rows.push(...found.rows);
    if (found.rows.length < 10_000) return rows;
  }
}

const AT_MOST_EVERY_MS = 1_000;
const WITHOUT_FEED_MS = 10_000;

/** Keep tables and curves of these experiments true while runs change: by the event feed, else now and then. */
export function useLiveRuns(ids: string[], running: boolean): void {
  const client = useQueryClient();
  const timer = useRef(0);
  const changed = useRef<Set<string>>(new Set());
  useFeed((event) => {
    if (!event.kind.startsWith("run.")) return;
    const experiment = String(event.data.experiment_id ?? "");
    if (experiment && !ids.includes(experiment)) return;
    changed.current.add(event.kind);
    if (timer.current) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      const kinds = changed.current;
      changed.current = new Set();
      refresh(client, kinds.has("run.created"));
    }, AT_MOST_EVERY_MS);
  });
  useEffect(() => {
    const again = window.setInterval(() => {
      if (!feedIsOpen() && running && document.visibilityState === "visible") refresh(client, true);
    }, WITHOUT_FEED_MS);
    return () => {
      window.clearInterval(again);
      window.clearTimeout(timer.current);
      timer.current = 0;
    };
  }, [client, running]);
}

function refresh(client: QueryClient, keys: boolean): void {
  void client.invalidateQueries({ queryKey: ["runs"] });
  void client.invalidateQueries({ queryKey: ["curves"] });
  if (keys) void client.invalidateQueries({ queryKey: ["experiments", "keys"] });
}
