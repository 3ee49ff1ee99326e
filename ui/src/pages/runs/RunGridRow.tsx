import { memo } from "react";
import type { RunRow } from "../../api/runTable";
import type { RunGroup } from "../../api/schema";
import { Icon } from "../../components/Icon";
import { Link } from "../../state/router";
import { colorOf } from "../../state/colors";
import { columnParts } from "../../state/runView";
import { attributeCell, dataCell, spreadCell, type CellText } from "./cells";

/** A column as it lies in the grid: its width, and where it sticks if it is pinned. */
export interface LaidColumn {
  id: string;
  width: number;
  left: number | null;
  /** The column's place among those that the server was asked for, or -1. */
  place: number;
  /** Which column it is, from 1. */
  number: number;
}

export interface Item {
  run?: RunRow;
  group?: { group: RunGroup; title: string };
  depth: number;
  open: boolean;
  /** How many lines it can show below itself; 0: none. */
  inside: number;
}

export interface RowActions {
  toggle: (line: number) => void;
  pick: (run: RunRow, line: number, range: boolean) => void;
  hide: (run: RunRow) => void;
}

interface Props {
  line: number;
  top: number;
  item: Item | undefined;
  columns: LaidColumn[];
  /** The width of the columns left out between the pinned ones and the rest. */
  gap: number;
  width: number;
  picked: boolean;
  hidden: boolean;
  active: boolean;
  id: string;
  names: ReadonlyMap<string, string>;
  actions: RowActions;
}

/** One line of the table. Drawn again only when something of it changes. */
export const RunGridRow = memo(function RunGridRow(props: Props) {
  const { line, top, item, columns, gap, width, picked, hidden, active, id, names, actions } = props;
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={line + 2}
      aria-selected={picked}
      className={`grid-row ${active ? "active" : ""} ${item?.run?.deleted ? "gone" : ""}`}
      style={{ transform: `translateY(${top}px)`, width }}
    >
      {columns.map((column, index) => (
        <div
          key={column.id}
          role={index === 0 ? "rowheader" : "gridcell"}
          aria-colindex={column.number}
          className={`grid-cell ${column.left === null ? "" : "pinned"}`}
          style={styleOf(column, gap > 0 && column.left === null && columns[index - 1]?.left !== null ? gap : 0)}
        >
          {item ? (
            column.id === "run" ? (
              <FirstCell line={line} item={item} picked={picked} hidden={hidden} actions={actions} />
            ) : (
              <Value cell={cellOf(item, column, names)} />
            )
          ) : (
            <span className="skeleton" style={{ width: "60%" }} />
          )}
        </div>
      ))}
    </div>
  );
});

function styleOf(column: LaidColumn, gap: number) {
  if (column.left !== null) return { width: column.width, left: column.left };
  return gap ? { width: column.width, marginLeft: gap } : { width: column.width };
}

function cellOf(item: Item, column: LaidColumn, names: ReadonlyMap<string, string>): CellText {
  const { part, key } = columnParts(column.id);
  if (item.group) return column.place < 0 ? { text: "" } : spreadCell(item.group.group.columns[column.place] ?? null);
  if (!item.run) return { text: "" };
  if (part === "attributes") return attributeCell(item.run, key, names);
  return dataCell(column.id, item.run.cells[column.place] ?? null);
}

function Value({ cell }: { cell: CellText }) {
  return (
    <span className={`cut grow ${cell.right ? "num" : ""}`} title={cell.title}>
      {cell.text}
    </span>
  );
}

function FirstCell({ line, item, picked, hidden, actions }: Pick<Props, "line" | "picked" | "hidden" | "actions"> & { item: Item }) {
  const { run, group } = item;
  return (
    <span className="first-cell" style={{ paddingLeft: item.depth * 18 }}>
      {run && (
        <input
          type="checkbox"
          tabIndex={-1}
          checked={picked}
          aria-label={`Choose ${run.name}`}
          onChange={(event) => actions.pick(run, line, (event.nativeEvent as MouseEvent).shiftKey)}
        />
      )}
      {item.inside > 0 && (
        <button type="button" tabIndex={-1} className="twist" aria-expanded={item.open} aria-label={item.open ? "Close" : "Open"} onClick={() => actions.toggle(line)}>
          <Icon name={item.open ? "down" : "right"} />
        </button>
      )}
      {run && (
        <>
          <button
            type="button"
            tabIndex={-1}
            className={`swatch-button ${hidden ? "off" : ""}`}
            aria-pressed={!hidden}
            aria-label={hidden ? `Show ${run.name} in charts` : `Leave ${run.name} out of charts`}
            title={hidden ? "Show in charts" : "Leave out of charts"}
            onClick={() => actions.hide(run)}
          >
            <svg className="swatch" viewBox="0 0 11 11" aria-hidden="true">
              <rect width="11" height="11" rx="3" fill={colorOf(run.id)} />
            </svg>
          </button>
          <span className={`dot ${run.status}`} title={run.status.toLowerCase()} />
          <Link tabIndex={-1} to={`runs/${run.id}`} className="cut" title={run.name}>
            {run.name}
          </Link>
          {item.inside > 0 && <span className="tag">{item.inside}</span>}
        </>
      )}
      {group && (
        <>
          <strong className="cut" title={group.title}>
            {group.title}
          </strong>
          <span className="tag">{group.group.runs}</span>
        </>
      )}
    </span>
  );
}
