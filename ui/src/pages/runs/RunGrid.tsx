// The table of runs: only the lines in sight exist; columns keep order, width and pins in the address.
import { getCoreRowModel, useReactTable, type ColumnDef, type ColumnSizingState } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { RunRow } from "../../api/runTable";
import { navigate } from "../../state/router";
import { columnParts, shortId, type RunView } from "../../state/runView";
import { RunGridHead } from "./RunGridHead";
import { RunGridRow, type Item, type LaidColumn, type RowActions } from "./RunGridRow";

export const LINE = 30;
const OVERSCAN = 4;
const EMPTY: RunRow[] = [];

interface Props {
  view: RunView;
  change: (change: Partial<RunView>) => void;
  columns: string[];
  asked: string[];
  lines: number;
  itemAt: (line: number) => Item | undefined;
  onLines: (first: number, last: number) => void;
  toggle: (line: number) => void;
  picked: ReadonlyMap<string, RunRow>;
  setPicked: (picked: ReadonlyMap<string, RunRow>) => void;
  names: ReadonlyMap<string, string>;
  stale: boolean;
}

export function RunGrid(props: Props) {
  const { view, change, columns, asked, lines, itemAt, onLines, picked, setPicked, names } = props;
  const scroll = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(-1);
  const lastPick = useRef(-1);
  const id = useId();
  const { headers, laid, width } = useColumns(view, columns, asked, change);
  const { inSight, gap, onScroll } = useInSight(scroll, laid);
  const virtual = useVirtualizer({
    count: lines,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE,
    overscan: OVERSCAN,
    useFlushSync: false,
  });
  const drawn = virtual.getVirtualItems();
  const around = Math.max(drawn.length, Math.ceil((scroll.current?.clientHeight ?? 600) / LINE) + 2 * OVERSCAN + 2);
  const first = drawn[0]?.index ?? 0;
  const last = drawn.at(-1)?.index ?? 0;
  useEffect(() => onLines(first, last), [first, last, onLines]);

  // The rows' callbacks stay the same while what they look at changes.
  const latest = useRef(props);
  latest.current = props;
  const actions = useMemo<RowActions>(
    () => ({
      toggle: (line) => latest.current.toggle(line),
      hide: (run) => {
        const { view: now, change: set } = latest.current;
        const short = shortId(run.id);
        set({ hidden: now.hidden.includes(short) ? now.hidden.filter((one) => one !== short) : [...now.hidden, short] });
      },
      pick: (run, line, range) => {
        const next = new Map(latest.current.picked);
        const on = !next.has(run.id);
        const from = range && lastPick.current >= 0 ? Math.min(lastPick.current, line) : line;
        const to = range && lastPick.current >= 0 ? Math.max(lastPick.current, line) : line;
        for (let at = from; at <= to; at++) {
          const one = at === line ? run : latest.current.itemAt(at)?.run;
          if (!one) continue;
          if (on) next.set(one.id, one);
          else next.delete(one.id);
        }
        lastPick.current = line;
        latest.current.setPicked(next);
      },
    }),
    [],
  );
  const hidden = useMemo(() => new Set(view.hidden), [view.hidden]);
  const go = (line: number) => {
    const next = Math.max(0, Math.min(lines - 1, line));
    setActive(next);
    virtual.scrollToIndex(next);
  };
  const keyDown = (event: KeyboardEvent) => {
    if (event.target !== scroll.current) return;
    const item = active >= 0 ? itemAt(active) : undefined;
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? 300) / LINE) - 2);
    const moves: Record<string, () => void> = {
      ArrowDown: () => go(active + 1),
      ArrowUp: () => go(active - 1),
      PageDown: () => go(active + page),
      PageUp: () => go(active - page),
      Home: () => go(0),
      End: () => go(lines - 1),
      Enter: () => (item?.run ? navigate(`runs/${item.run.id}`) : item && props.toggle(active)),
      " ": () => item?.run && actions.pick(item.run, active, event.shiftKey),
      ArrowRight: () => (item && item.inside > 0 && !item.open ? props.toggle(active) : scroll.current?.scrollBy({ left: 120 })),
      ArrowLeft: () => (item && item.inside > 0 && item.open ? props.toggle(active) : scroll.current?.scrollBy({ left: -120 })),
      h: () => item?.run && actions.hide(item.run),
      Escape: () => setPicked(new Map()),
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move();
  };
  return (
    <div
      ref={scroll}
      className={`grid ${props.stale ? "stale" : ""}`}
      role="grid"
      tabIndex={0}
      aria-label="Runs. Arrow keys move, Space chooses, Enter opens."
      aria-rowcount={lines + 1}
      aria-colcount={laid.length}
      aria-multiselectable="true"
      aria-activedescendant={active >= first && active <= last ? `${id}-${active}` : undefined}
      onScroll={onScroll}
      onKeyDown={keyDown}
      onFocus={(event) => event.target === scroll.current && active < 0 && setActive(0)}
    >
      <div className="grid-head" role="row" aria-rowindex={1} style={{ width }}>
        {laid.map((column, index) => (
          <RunGridHead key={column.id} header={headers[index]!} column={column} view={view} columns={columns} change={change} />
        ))}
      </div>
      <div className="grid-body" role="rowgroup" style={{ height: virtual.getTotalSize(), width }}>
        {drawn.map((one) => {
          const item = itemAt(one.index);
          const run = item?.run;
          return (
            <RunGridRow
              // Elements go round: a line that leaves the sight lends its own to one that comes.
              key={one.index % around}
              line={one.index}
              top={one.start}
              item={item}
              columns={inSight}
              gap={gap}
              width={width}
              picked={run !== undefined && picked.has(run.id)}
              hidden={run !== undefined && hidden.has(shortId(run.id))}
              active={one.index === active}
              id={`${id}-${one.index}`}
              names={names}
              actions={actions}
            />
          );
        })}
      </div>
    </div>
  );
}

const SPARE = 240;

/** Pinned columns, and of the others those in sight and a little beyond; `gap` is what is left out before them. */
function useInSight(scroll: React.RefObject<HTMLDivElement | null>, laid: LaidColumn[]) {
  const [sight, setSight] = useState<[number, number]>([0, window.innerWidth]);
  const onScroll = () => {
    const element = scroll.current;
    if (!element) return;
    // In coarse steps, so that most movements change nothing.
    const from = Math.floor(element.scrollLeft / SPARE) * SPARE;
    const to = from + Math.ceil(element.clientWidth / SPARE + 1) * SPARE;
    setSight((now) => (now[0] === from && now[1] === to ? now : [from, to]));
  };
  useEffect(() => {
    const watch = new ResizeObserver(onScroll);
    if (scroll.current) watch.observe(scroll.current);
    return () => watch.disconnect();
  }, [scroll]);
  return useMemo(() => {
    const inSight: LaidColumn[] = [];
    let left = 0;
    let gap = 0;
    for (const column of laid) {
      const right = left + column.width;
      if (column.left !== null || (right > sight[0] - SPARE && left < sight[1] + SPARE)) inSight.push(column);
      else if (left < sight[0]) gap += column.width;
      left = right;
    }
    return { inSight, gap, onScroll };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [laid, sight]);
}

/** The columns as they lie, from TanStack Table's arithmetic; a finished resize goes into the address. */
function useColumns(view: RunView, columns: string[], asked: string[], change: Props["change"]) {
  const [sizing, setSizing] = useState<ColumnSizingState>(view.widths);
  const definitions = useMemo<ColumnDef<RunRow>[]>(
    () => ["run", ...columns].map((id) => ({ id, accessorFn: () => null, size: defaultWidth(id, view.group.length > 0), minSize: 50, maxSize: 1200 })),
    [columns, view.group.length],
  );
  const table = useReactTable({
    data: EMPTY,
    columns: definitions,
    state: {
      columnOrder: ["run", ...columns],
      columnPinning: { left: ["run", ...view.pinned.filter((one) => columns.includes(one))] },
      columnSizing: sizing,
    },
    columnResizeMode: "onChange",
    onColumnSizingChange: setSizing,
    getCoreRowModel: getCoreRowModel(),
  });
  const resizing = table.getState().columnSizingInfo.isResizingColumn;
  useEffect(() => {
    if (!resizing && JSON.stringify(sizing) !== JSON.stringify(view.widths)) change({ widths: sizing });
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [resizing]);
  const shown = [...table.getLeftVisibleLeafColumns(), ...table.getCenterVisibleLeafColumns()];
  const key = shown.map((one) => `${one.id}~${one.getSize()}~${one.getIsPinned()}`).join("|") + asked.join();
  const laid = useMemo<LaidColumn[]>(
    () =>
      shown.map((one, index) => ({
        id: one.id,
        width: one.getSize(),
        left: one.getIsPinned() ? one.getStart("left") : null,
        place: asked.indexOf(one.id),
        number: index + 1,
      })),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [key],
  );
  const headers = [...table.getLeftLeafHeaders(), ...table.getCenterLeafHeaders()];
  return { headers, laid, width: table.getTotalSize() };
}

function defaultWidth(id: string, grouped: boolean): number {
  if (id === "run") return window.innerWidth < 720 ? 190 : 260;
  const { part, key } = columnParts(id);
  if (part === "attributes") return key === "run_id" ? 240 : 104;
  return Math.max(grouped ? 150 : 92, Math.min(190, key.length * 7.5 + 46));
}
