// The command palette: pages, commands, experiments and runs by name or id.
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { call } from "../api/client";
import { COMMANDS, NAVIGATION } from "../routes";
import { navigate } from "../state/router";

interface Entry {
  label: string;
  kind: string;
  go: () => void;
}

/** A text as the filter language writes it. */
function quoted(text: string): string {
  return `E${JSON.stringify(text)}`;
}

async function findExperiments(text: string, signal: AbortSignal): Promise<Entry[]> {
  const filter = text ? `name ILIKE ${quoted(`%${text}%`)}` : "";
  const page = await call("experiments.search", { max_results: 8, filter, order_by: ["last_update_time DESC"] }, signal);
  return (page.experiments ?? []).map((one) => ({
    label: one.name,
    kind: "experiment",
    go: () => navigate(`experiments/${one.experiment_id}`),
  }));
}

async function findRuns(text: string, signal: AbortSignal): Promise<Entry[]> {
  if (text.length < 2) return [];
  const all = await call("experiments.search", { max_results: 200, order_by: ["last_update_time DESC"] }, signal);
  const experiment_ids = (all.experiments ?? []).map((one) => one.experiment_id);
  const isId = /^[0-9a-f]{4,32}$/.test(text);
  const filter = isId ? `run_id LIKE '${text}%' OR run_name ILIKE ${quoted(`%${text}%`)}` : `run_name ILIKE ${quoted(`%${text}%`)}`;
  const page = await call("runs.search", { experiment_ids, filter, max_results: 8, select: ["info"] }, signal);
  return (page.runs ?? []).map((one) => ({
    label: one.info.run_name || one.info.run_id.slice(0, 8),
    kind: `run ${one.info.run_id.slice(0, 8)}`,
    go: () => navigate(`runs/${one.info.run_id}`),
  }));
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  const asked = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: ["palette", asked],
    queryFn: async ({ signal }) => (await Promise.all([findExperiments(asked, signal), findRuns(asked, signal)])).flat(),
    placeholderData: (previous) => previous,
  });
  const words = text.trim().toLowerCase();
  const pages: Entry[] = [
    ...NAVIGATION.map((one) => ({ label: one.label, kind: "page", go: () => navigate(one.to) })),
    ...COMMANDS.map((one) => ({
      label: one.label,
      kind: one.hint ?? "command",
      go: () => (one.to !== undefined ? navigate(one.to) : one.run?.()),
    })),
  ].filter((one) => one.label.toLowerCase().includes(words));
  // What was found for fewer letters stays on the screen meanwhile, as far as it fits those that are there now.
  const fits = (one: Entry) => `${one.label} ${one.kind}`.toLowerCase().includes(words);
  const entries = [...(found.data ?? []).filter(fits), ...pages];
  const chosen = Math.min(at, entries.length - 1);
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    entry.go();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, entries.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
    else if (event.key === "Enter") choose(entries[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={dialog}
      className="palette"
      aria-label="Search and commands"
      onClose={onClose}
      onMouseDown={(event) => event.target === dialog.current && onClose()}
    >
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={entries.length ? `${id}-${chosen}` : undefined}
        aria-label="Search experiments, runs and commands"
        placeholder="Find an experiment, a run or a command"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={keys}
      />
      <ul id={id} role="listbox" aria-label="Found">
        {entries.map((entry, index) => (
          <li
            key={`${entry.kind}${entry.label}${index}`}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseMove={() => setAt(index)}
            onClick={() => choose(entry)}
          >
            <span className="cut">{entry.label}</span>
            <span className="kind">{entry.kind}</span>
          </li>
        ))}
        {!entries.length && <li>{found.isFetching ? "Searching…" : "Nothing has such a name."}</li>}
      </ul>
    </dialog>
  );
}
