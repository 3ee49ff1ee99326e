import { useDeferredValue, useState } from "react";
import { ApiError, call } from "../../api/client";
import { NOTE, experimentFilter, tagOf, useExperimentChange, useExperiments, userTags } from "../../api/experiments";
import type { Experiment } from "../../api/schema";
import { Icon } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { ago, moment } from "../../state/format";
import { Link, navigate, setQuery, usePlace } from "../../state/router";
import { say } from "../../state/toasts";
import { FirstRun } from "./FirstRun";
import { CreateDialog, NoteDialog, RenameDialog, TagsDialog } from "./ExperimentDialogs";

type Asked = { what: "create" } | { what: "rename" | "tags" | "note"; one: Experiment };

const ORDERS = [
  ["last_update_time DESC", "Last changed"],
  ["creation_time DESC", "Newest"],
  ["name ASC", "Name"],
] as const;

/** All experiments of this server: search, choose several, create, rename, tag, delete, restore. */
export function ExperimentList() {
  const { query } = usePlace();
  const text = query.get("q") ?? "";
  const deleted = query.get("view") === "deleted";
  const order = ORDERS.find(([key]) => key === query.get("order"))?.[0] ?? ORDERS[0][0];
  const [asked, setAsked] = useState<Asked | null>(null);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const filter = experimentFilter(useDeferredValue(text));
  const found = useExperiments(filter, deleted ? "DELETED_ONLY" : "ACTIVE_ONLY", order);
  const experiments = found.data?.pages.flatMap((page) => page.experiments ?? []) ?? [];
  const chosen = experiments.filter((one) => picked.has(one.experiment_id)).map((one) => one.experiment_id);
  const pick = (id: string) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    setPicked(next);
  };
  const fresh = !text && !deleted && found.isSuccess && experiments.every((one) => one.experiment_id === "0");
  return (
    <main className="page" id="main">
      <div className="page-head">
        <h1>Experiments</h1>
        <span className="grow" />
        {chosen.length > 1 && (
          <button type="button" className="button primary" onClick={() => navigate(`experiments/${chosen.join(",")}`)}>
            Open {chosen.length} together
          </button>
        )}
        <button type="button" className="button" onClick={() => setAsked({ what: "create" })}>
          <Icon name="plus" /> New experiment
        </button>
      </div>
      <div className="row wrap" style={{ marginBottom: 10 }}>
        <input
          className="input"
          style={{ maxWidth: 380 }}
          type="search"
          aria-label="Search experiments"
          placeholder="Part of a name, or a filter: tags.team = 'vision'"
          defaultValue={text}
          onChange={(event) => setQuery({ q: event.target.value })}
        />
        <select className="input" aria-label="Order" value={order} onChange={(event) => setQuery({ order: event.target.value })}>
          {ORDERS.map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
        <div className="segmented" role="group" aria-label="Which experiments">
          <button type="button" aria-pressed={!deleted} onClick={() => setQuery({ view: null })}>
            Active
          </button>
          <button type="button" aria-pressed={deleted} onClick={() => setQuery({ view: "deleted" })}>
            Deleted
          </button>
        </div>
      </div>
      {found.isError && <ErrorBox error={found.error} retry={found.error instanceof ApiError && found.error.status >= 400 ? undefined : () => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.data && experiments.length > 0 && (
        <div className="scroll-x">
          <table className="table">
            <thead>
              <tr>
                <th style={{ width: 30 }}>
                  <span className="hidden-visually">Choose</span>
                </th>
                <th>Name</th>
                <th className="hide-small">Tags</th>
                <th>Changed</th>
                <th className="hide-small">Created</th>
                <th style={{ width: 40 }}>
                  <span className="hidden-visually">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {experiments.map((one) => (
                <ExperimentRow
                  key={one.experiment_id}
                  one={one}
                  picked={picked.has(one.experiment_id)}
                  pick={() => pick(one.experiment_id)}
                  ask={(what) => setAsked({ what, one })}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {found.hasNextPage && (
        <button type="button" className="button" style={{ marginTop: 12 }} onClick={() => void found.fetchNextPage()}>
          Show more
        </button>
      )}
      {found.data && experiments.length === 0 && (
        <Empty title={deleted ? "Nothing is deleted" : "No experiment matches"}>
          <p className="muted">
            {deleted ? "Deleted experiments wait here until the trash is emptied." : "Try a shorter part of the name."}
          </p>
        </Empty>
      )}
      {fresh && <FirstRun />}
      {asked?.what === "create" && <CreateDialog onClose={() => setAsked(null)} />}
      {asked?.what === "rename" && <RenameDialog one={asked.one} onClose={() => setAsked(null)} />}
      {asked?.what === "tags" && <TagsDialog one={asked.one} onClose={() => setAsked(null)} />}
      {asked?.what === "note" && <NoteDialog one={asked.one} onClose={() => setAsked(null)} />}
    </main>
  );
}

interface RowProps {
  one: Experiment;
  picked: boolean;
  pick: () => void;
  ask: (what: "rename" | "tags" | "note") => void;
}

function ExperimentRow({ one, picked, pick, ask }: RowProps) {
  const change = useExperimentChange();
  const id = one.experiment_id;
  const restore = () => change.mutate(() => call("experiments.restore", { experiment_id: id }));
  const remove = () =>
    change.mutate(() => call("experiments.delete", { experiment_id: id }), {
      onSuccess: () => say(`Deleted ${one.name}.`, { label: "Undo", run: restore }),
    });
  const note = tagOf(one, NOTE);
  return (
    <tr aria-selected={picked}>
      <td>
        <input type="checkbox" checked={picked} onChange={pick} aria-label={`Choose ${one.name}`} />
      </td>
      <td>
        <Link to={`experiments/${id}`}>
          <strong>{one.name}</strong>
        </Link>
        {note && <div className="muted cut" style={{ maxWidth: 480 }}>{note.split("\n")[0]}</div>}
      </td>
      <td className="hide-small">
        <span className="row wrap" style={{ gap: 4 }}>
          {userTags(one.tags).slice(0, 4).map((tag) => (
            <span key={tag.key} className="tag" title={`${tag.key}: ${tag.value}`}>
              <span className="muted">{tag.key}</span> {tag.value}
            </span>
          ))}
        </span>
      </td>
      <td title={moment(one.last_update_time)} style={{ whiteSpace: "nowrap" }}>{ago(one.last_update_time)}</td>
      <td className="hide-small" title={moment(one.creation_time)} style={{ whiteSpace: "nowrap" }}>{ago(one.creation_time)}</td>
      <td>
        <Menu label={<Icon name="more" />} name={`Actions for ${one.name}`} className="button plain">
          {(close) => {
            const item = (icon: Parameters<typeof Icon>[0]["name"], label: string, run: () => void, danger = false) => (
              <button type="button" className={`item ${danger ? "danger" : ""}`} onClick={() => { close(); run(); }}>
                <Icon name={icon} /> {label}
              </button>
            );
            return one.lifecycle_stage === "deleted" ? (
              item("restore", "Restore", restore)
            ) : (
              <>
                {item("edit", "Rename", () => ask("rename"))}
                {item("note", "Describe", () => ask("note"))}
                {item("tag", "Tags", () => ask("tags"))}
                <hr />
                {item("trash", "Delete", remove, true)}
              </>
            );
          }}
        </Menu>
      </td>
    </tr>
  );
}
