import { useState } from "react";

/** A JSON text as a tree whose deeper parts are folded; as it is where it is not JSON. */
export function JsonPreview({ text }: { text: string }) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return <pre className="preview-text" tabIndex={0}>{text}</pre>;
  }
  return (
    <div className="json-tree" tabIndex={0} role="group" aria-label="JSON">
      <Node value={value} depth={0} />
    </div>
  );
}

const MOST = 200;

function Node({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  const [open, setOpen] = useState(depth < 2);
  const [most, setMost] = useState(MOST);
  const label = name !== undefined && <span className="key">{name}: </span>;
  if (value === null || typeof value !== "object") {
    return (
      <>
        {label}
        <span className={typeof value === "string" ? "text" : ""}>{JSON.stringify(value)}</span>
      </>
    );
  }
  const entries = Object.entries(value);
  const [before, after] = Array.isArray(value) ? "[]" : "{}";
  return (
    <>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "▾" : "▸"} {label}
        {before}
        {!open && ` ${entries.length} `}
        {(!open || entries.length === 0) && after}
      </button>
      {open && entries.length > 0 && (
        <ul>
          {entries.slice(0, most).map(([key, one]) => (
            <li key={key}>
              <Node name={key} value={one} depth={depth + 1} />
            </li>
          ))}
          {entries.length > most && (
            <li>
              <button type="button" onClick={() => setMost(most + 5 * MOST)}>
                … {entries.length - most} more
              </button>
            </li>
          )}
        </ul>
      )}
    </>
  );
}
