// The filter: typed in the search language, completed, and marked where it is wrong.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { ApiError, call } from "../../api/client";
import type { ExperimentKeys } from "../../api/schema";
import { Icon } from "../../components/Icon";
import { complete, valueItems, type Suggestion } from "./filterText";

interface Props {
  ids: string[];
  value: string;
  keys: ExperimentKeys | undefined;
  error: unknown;
  /** How many characters stand before the filter in what the server was asked. */
  shift: number;
  onChange: (filter: string) => void;
}

const PAUSE_MS = 500;

export function FilterBar({ ids, value, keys, error, shift, onChange }: Props) {
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState(value.length);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const sent = useRef(value);
  const id = useId();
  useEffect(() => {
    if (value !== sent.current) setText(value);
    sent.current = value;
  }, [value]);
  const apply = (next: string) => {
    if (next.trim() === sent.current) return;
    sent.current = next.trim();
    onChange(next.trim());
  };
  useEffect(() => {
    const timer = window.setTimeout(() => apply(text), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  const completion = complete(text, caret, keys);
  const wanted = completion.values;
  const values = useQuery({
    queryKey: ["experiments", "values", ids.join(","), wanted?.column],
    queryFn: ({ signal }) => call("experiments.values", { experiment_ids: ids, column: wanted!.column, max_results: 200 }, signal),
    enabled: open && wanted !== undefined,
    staleTime: 30_000,
  });
  const items: Suggestion[] = wanted ? valueItems(values.data?.values ?? [], wanted.typed) : completion.items;
  const shown = open && items.length > 0 && (!completion.optional || at >= 0);
  const take = (item: Suggestion) => {
    const next = text.slice(0, completion.from) + item.insert + text.slice(caret);
    const place = completion.from + item.insert.length;
    setText(next);
    setCaret(place);
    setAt(-1);
    window.setTimeout(() => input.current?.setSelectionRange(place, place));
  };
  const keyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") {
      event.preventDefault();
      if (shown && at >= 0) take(items[at]!);
      else {
        setOpen(false);
        apply(text);
      }
    } else if (event.key === "Escape") {
      if (shown) event.stopPropagation();
      setOpen(false);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt(items.length ? (at + step + items.length) % items.length : -1);
    } else if (event.key === "Tab" && shown && at >= 0) {
      event.preventDefault();
      take(items[at]!);
    }
  };
  const wrong = error instanceof ApiError && error.status === 400 && text.trim() === sent.current ? error : null;
  return (
    <div className="filter grow">
      <div className={`filter-box ${wrong ? "wrong" : ""}`}>
        <Icon name="filter" />
        <input
          ref={input}
          className="mono"
          role="combobox"
          aria-label="Filter runs"
          aria-expanded={shown}
          aria-controls={id}
          aria-invalid={wrong !== null}
          aria-activedescendant={shown && at >= 0 ? `${id}-${at}` : undefined}
          autoComplete="off"
          spellCheck={false}
          placeholder="metrics.loss < 0.5 AND params.model = 'tree'"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setCaret(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
            setAt(-1);
          }}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? text.length)}
          onFocus={() => setOpen(true)}
          onBlur={() => {
            window.setTimeout(() => setOpen(false), 120);
            apply(text);
          }}
          onKeyDown={keyDown}
        />
        {text && (
          <button
            type="button"
            className="button plain"
            aria-label="Clear the filter"
            onClick={() => {
              setText("");
              apply("");
              input.current?.focus();
            }}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
      {wrong && <FilterError text={text.trim()} error={wrong} shift={shift} />}
      {shown && (
        <ul className="menu left filter-menu" id={id} role="listbox" aria-label="Completions">
          {items.map((item, index) => (
            <li
              key={item.label}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              className="item"
              onMouseDown={(event) => {
                event.preventDefault();
                take(item);
              }}
            >
              <span className="mono cut">{item.label}</span>
              <span className="muted grow num cut">{item.hint}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** The filter once more with the place of the mistake marked, and what is wrong. */
function FilterError({ text, error, shift }: { text: string; error: ApiError; shift: number }) {
  const message = error.message.replace(/\s*\(at (character \d+: ".*?"|the end)\)/s, "");
  const place = error.position === undefined ? undefined : Math.min(error.position - shift, text.length);
  return (
    <div className="filter-error" role="alert">
      {place !== undefined && (
        <code>
          {text.slice(Math.max(0, place - 40), place)}
          <mark>{text.slice(place, place + 24) || "␣"}</mark>
        </code>
      )}
      <span>{message}</span>
    </div>
  );
}
