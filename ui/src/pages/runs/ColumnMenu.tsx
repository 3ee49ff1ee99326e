import { useState } from "react";
import type { ExperimentKeys } from "../../api/schema";
import { Icon } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import { ATTRIBUTE_COLUMNS, columnParts, columnTitle, type RunView } from "../../state/runView";

interface Props {
  keys: ExperimentKeys | undefined;
  columns: string[];
  change: (change: Partial<RunView>) => void;
}

const MOST_SHOWN = 300;

/** Which columns there are, and which are shown. */
export function ColumnMenu({ keys, columns, change }: Props) {
  return (
    <Menu label={<><Icon name="columns" /> Columns <span className="badge">{columns.length}</span></>} align="left">
      <div className="pane">
        <ColumnList keys={keys} columns={columns} change={change} />
      </div>
    </Menu>
  );
}

function ColumnList({ keys, columns, change }: Props) {
  const [text, setText] = useState("");
  const shown = new Set(columns.map(newest));
  const parts: [string, string[]][] = [
    ["Run", ATTRIBUTE_COLUMNS.map((key) => `attributes.${key}`)],
    ["Metrics", (keys?.metrics ?? []).map((one) => `metrics.${one.key}`)],
    ["Params", (keys?.params ?? []).map((one) => `params.${one.key}`)],
    ["Tags", (keys?.tags ?? []).map((one) => `tags.${one.key}`)],
  ];
  const toggle = (column: string) =>
    change({ columns: shown.has(column) ? columns.filter((one) => newest(one) !== column) : [...columns, column] });
  const word = text.toLowerCase();
  return (
    <>
      <input className="input" placeholder="Find a column" aria-label="Find a column" value={text} onChange={(event) => setText(event.target.value)} />
      <div className="column-list">
        {parts.map(([title, all]) => {
          const found = all.filter((column) => columnTitle(column).toLowerCase().includes(word));
          if (!found.length) return null;
          const lacking = found.filter((column) => !shown.has(column));
          return (
            <div key={title}>
              <div className="title" style={{ padding: "6px 0 2px" }}>
                <span>
                  {title} ({all.length})
                </span>
                <button
                  type="button"
                  className="link-button"
                  onClick={() =>
                    change({ columns: lacking.length ? [...columns, ...lacking.slice(0, 200)] : columns.filter((one) => !found.includes(newest(one))) })
                  }
                >
                  {lacking.length ? "show all" : "hide all"}
                </button>
              </div>
              {found.slice(0, MOST_SHOWN).map((column) => (
                <label key={column}>
                  <input type="checkbox" checked={shown.has(column)} onChange={() => toggle(column)} />
                  <span className="cut" title={columnTitle(column)}>
                    {columnTitle(column)}
                  </span>
                </label>
              ))}
              {found.length > MOST_SHOWN && <p className="muted">and {found.length - MOST_SHOWN} more: type a part of the name</p>}
            </div>
          );
        })}
      </div>
      <div className="row" style={{ marginTop: 12 }}>
        <button type="button" className="link-button" onClick={() => change({ columns: null, widths: {}, pinned: [] })}>
          Back to the usual columns
        </button>
      </div>
    </>
  );
}

/** A metric's column by its newest value, whichever value is shown. */
function newest(column: string): string {
  const { part, key } = columnParts(column);
  return part.startsWith("metrics") ? `metrics.${key}` : column;
}
