// The lines of the table: runs or groups, and what is open below them.
import { useCallback, useMemo, useRef, useState } from "react";
import { PAGE_ROWS, useChildren, useGroups, useRunPages, type TableQuery } from "../../api/runTable";
import type { OrderKey, RunGroup } from "../../api/schema";
import { both, columnTitle, groupFilter, type RunView } from "../../state/runView";
import { lineAt, lineCount, type Expansion } from "./rowMap";
import type { Item } from "./RunGridRow";

export function useLines(query: TableQuery, view: RunView) {
  const grouped = view.group.length > 0;
  const [sight, setSight] = useState<[number, number]>([0, 40]);
  const [open, setOpen] = useState<ReadonlyMap<number, string>>(new Map());
  const [openFor, setOpenFor] = useState("");
  const key = JSON.stringify([query.ids, query.filter, query.order, view.group, query.deleted]);
  if (key !== openFor) {
    // Another list: what was open is open no more.
    setOpenFor(key);
    setOpen(new Map());
  }
  const opened = [...open.entries()].sort(([a], [b]) => a - b);
  const children = useChildren(query, opened.map(([, filter]) => filter));
  const expansions: Expansion[] = opened.map(([index], place) => ({ index, count: children[place]?.data?.rows.length ?? 1 }));
  const firstTop = lineAt(sight[0], expansions).top;
  const lastTop = lineAt(sight[1], expansions).top;
  const pages: number[] = [];
  for (let page = Math.floor(firstTop / PAGE_ROWS); page <= Math.floor(lastTop / PAGE_ROWS); page++) pages.push(page);
  const runs = useRunPages(query, pages, !grouped);
  const found = useGroups(query, view.group);
  const groups = useMemo(
    () => sortGroups(found.data?.groups ?? [], query.order, query.columns, view.group),
    [found.data, query.order, query.columns, view.group],
  );
  const tops = grouped ? groups.length : (runs.total ?? 0);
  const lines = lineCount(tops, expansions);

  const kept = useRef(new WeakMap<object, Item>());
  // The same line is the same object from drawing to drawing, so that only lines that change are drawn again.
  const keep = (owner: object | undefined, item: () => Item): Item | undefined => {
    if (!owner) return undefined;
    const before = kept.current.get(owner);
    const now = item();
    if (before && before.depth === now.depth && before.open === now.open && before.inside === now.inside) return before;
    kept.current.set(owner, now);
    return now;
  };
  const itemAt = (line: number): Item | undefined => {
    const { top, child } = lineAt(line, expansions);
    if (child !== null) {
      const place = opened.findIndex(([index]) => index === top);
      const run = children[place]?.data?.rows[child];
      return keep(run, () => ({ run, depth: 1, open: false, inside: 0 }));
    }
    if (grouped) {
      const group = groups[top];
      return keep(group, () => ({ group: { group: group!, title: titleOf(group!, view.group) }, depth: 0, open: open.has(top), inside: group!.runs }));
    }
    const run = runs.rows.get(Math.floor(top / PAGE_ROWS))?.[top % PAGE_ROWS];
    return keep(run, () => ({ run, depth: 0, open: open.has(top), inside: view.tree ? run!.children : 0 }));
  };
  const toggle = (line: number) => {
    const { top, child } = lineAt(line, expansions);
    if (child !== null) return;
    const next = new Map(open);
    if (!next.delete(top)) {
      const item = itemAt(line);
      if (item?.group) next.set(top, both(query.filter, groupFilter(view.group, item.group.group.values)));
      else if (item?.run) next.set(top, `tags.\`mlflow.parentRunId\` = '${item.run.id}'`);
    }
    setOpen(next);
  };
  const onLines = useCallback((first: number, last: number) => setSight([first, last]), []);
  return {
    lines,
    total: grouped ? (found.data ? groups.reduce((sum, one) => sum + one.runs, 0) : null) : runs.total,
    groups: grouped ? (found.data?.total ?? null) : null,
    itemAt,
    toggle,
    onLines,
    loading: grouped ? found.isPending : runs.loading,
    stale: grouped ? found.isPlaceholderData : runs.stale,
    error: grouped ? found.error : runs.error,
    retry: grouped ? () => void found.refetch() : runs.retry,
    /** Runs that are on the screen, for deciding whether something is still going on. */
    someRunning: [...runs.rows.values()].some((page) => page.some((run) => run.status === "RUNNING")),
  };
}

function titleOf(group: RunGroup, columns: string[]): string {
  return columns.map((column, place) => `${columnTitle(column)} = ${group.values[place] ?? "none"}`).join(", ");
}

/** Groups by the mean of the column that runs are sorted by, or by the grouping value; at first the largest. */
export function sortGroups(groups: RunGroup[], order: OrderKey[], columns: string[], by: string[]): RunGroup[] {
  const sort = order[0];
  if (!sort) return groups;
  const place = columns.indexOf(sort.column);
  const own = by.indexOf(sort.column);
  const value = (group: RunGroup) => (own >= 0 ? group.values[own] : place >= 0 ? group.columns[place]?.mean : null) ?? null;
  const sign = sort.descending ? -1 : 1;
  return [...groups].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    const [m, n] = [Number(x), Number(y)];
    return sign * (Number.isNaN(m) || Number.isNaN(n) ? String(x).localeCompare(String(y)) : m - n);
  });
}
