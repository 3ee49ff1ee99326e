import type { Header } from "@tanstack/react-table";
import { useState, type DragEvent } from "react";
import { Icon } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import type { RunRow } from "../../api/runTable";
import { columnParts, columnTitle, type RunView } from "../../state/runView";
import type { LaidColumn } from "./RunGridRow";

interface Props {
  header: Header<RunRow, unknown>;
  column: LaidColumn;
  view: RunView;
  columns: string[];
  change: (change: Partial<RunView>) => void;
}

const KINDS: Record<string, string> = { metrics: "metric", metrics_min: "metric", metrics_max: "metric", params: "param", tags: "tag" };

/** A column's head: sorts on a click, has a menu, can be dragged to another place and resized at its edge. */
export function RunGridHead({ header, column, view, columns, change }: Props) {
  const [over, setOver] = useState(false);
  const id = column.id;
  const { part } = columnParts(id);
  const sortColumn = id === "run" ? "attributes.run_name" : id;
  const sorted = view.sort.find((one) => one.column === sortColumn);
  const sort = () => {
    const first = part.startsWith("metrics") || part === "attributes";
    if (!sorted) change({ sort: [{ column: sortColumn, descending: first && id !== "run" }] });
    else if (sorted.descending === (first && id !== "run")) change({ sort: [{ column: sortColumn, descending: !sorted.descending }] });
    else change({ sort: [] });
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const moved = event.dataTransfer.getData("text/x-tidemill-column");
    if (moved && moved !== id) change({ columns: moveBefore(columns, moved, id) });
  };
  return (
    <div
      role="columnheader"
      aria-sort={sorted ? (sorted.descending ? "descending" : "ascending") : "none"}
      className={`grid-cell head ${column.left === null ? "" : "pinned"} ${over ? "over" : ""}`}
      style={column.left === null ? { width: column.width } : { width: column.width, left: column.left }}
      draggable={id !== "run"}
      onDragStart={(event) => event.dataTransfer.setData("text/x-tidemill-column", id)}
      onDragOver={(event) => {
        if (id === "run") return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <button type="button" className="head-title" title={`${columnTitle(id)}${KINDS[part] ? ` (${KINDS[part]})` : ""}: sort`} onClick={sort}>
        <span className="cut">{id === "run" ? "Run" : columnTitle(id)}</span>
        {sorted && <Icon name={sorted.descending ? "down" : "up"} />}
      </button>
      {id !== "run" && (
        <Menu label={<Icon name="more" />} name={`Column ${columnTitle(id)}`} className="head-menu">
          {(close) => (
            <HeadMenu
              id={id}
              view={view}
              columns={columns}
              change={(next) => {
                close();
                change(next);
              }}
            />
          )}
        </Menu>
      )}
      <span className="resizer" onMouseDown={header.getResizeHandler()} onTouchStart={header.getResizeHandler()} onDoubleClick={() => header.column.resetSize()} />
    </div>
  );
}

function HeadMenu({ id, view, columns, change }: { id: string; view: RunView; columns: string[]; change: Props["change"] }) {
  const { part, key } = columnParts(id);
  const item = (label: string, next: Partial<RunView>, on = true) => (
    <button type="button" className="item" disabled={!on} onClick={() => change(next)}>
      {label}
    </button>
  );
  const as = (kind: string) => columns.map((one) => (one === id ? `${kind}.${key}` : one));
  const place = columns.indexOf(id);
  const pinned = view.pinned.includes(id);
  return (
    <>
      {item("Sort: smallest first", { sort: [{ column: id, descending: false }] })}
      {item("Sort: largest first", { sort: [{ column: id, descending: true }] })}
      {view.sort.length > 0 && view.sort[0]!.column !== id && item("Then sort by this", { sort: [...view.sort.filter((one) => one.column !== id), { column: id, descending: true }] })}
      {part.startsWith("metrics") && (
        <>
          <hr />
          {item("Show the newest value", { columns: as("metrics") }, part !== "metrics")}
          {item("Show the smallest value", { columns: as("metrics_min") }, part !== "metrics_min")}
          {item("Show the largest value", { columns: as("metrics_max") }, part !== "metrics_max")}
        </>
      )}
      <hr />
      {(part === "params" || part === "tags") && item(view.group.includes(id) ? "Stop grouping by this" : "Group by this", { group: view.group.includes(id) ? view.group.filter((one) => one !== id) : [...view.group, id] })}
      {item(pinned ? "Unpin" : "Pin to the left", { pinned: pinned ? view.pinned.filter((one) => one !== id) : [...view.pinned, id] })}
      {item("Move left", { columns: moveBy(columns, id, -1) }, place > 0)}
      {item("Move right", { columns: moveBy(columns, id, 1) }, place < columns.length - 1)}
      <hr />
      {item("Hide", { columns: columns.filter((one) => one !== id) })}
    </>
  );
}

/** `moved` put before `target`, or after it where it came from the left. */
export function moveBefore(columns: string[], moved: string, target: string): string[] {
  const from = columns.indexOf(moved);
  const to = columns.indexOf(target);
  const rest = columns.filter((one) => one !== moved);
  if (to < 0) return columns;
  rest.splice(rest.indexOf(target) + (from >= 0 && from < to ? 1 : 0), 0, moved);
  return rest;
}

function moveBy(columns: string[], id: string, step: number): string[] {
  const place = columns.indexOf(id);
  const next = [...columns];
  [next[place], next[place + step]] = [next[place + step]!, next[place]!];
  return next;
}
