// What can be done with the chosen runs.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { call } from "../../api/client";
import { NOTE } from "../../api/experiments";
import type { RunRow } from "../../api/runTable";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { count } from "../../state/format";
import { navigate } from "../../state/router";
import { say, sayError } from "../../state/toasts";

interface Props {
  picked: ReadonlyMap<string, RunRow>;
  clear: () => void;
  deleted: boolean;
}

type Asked = "tag" | "rename" | "note" | null;
const AT_ONCE = 8;

/** Carry out a call for each run, a few at a time. */
async function forEach(ids: string[], work: (id: string) => Promise<unknown>): Promise<void> {
  const rest = [...ids];
  const one = async () => {
    for (let id = rest.pop(); id !== undefined; id = rest.pop()) await work(id);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, rest.length) }, one));
}

export function BulkBar({ picked, clear, deleted }: Props) {
  const client = useQueryClient();
  const [asked, setAsked] = useState<Asked>(null);
  const ids = [...picked.keys()];
  const change = useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onSettled: () => void client.invalidateQueries({ queryKey: ["runs"] }),
    onError: sayError,
  });
  const remove = () =>
    change.mutate(() => forEach(ids, (run_id) => call("runs.delete", { run_id })), {
      onSuccess: () => {
        clear();
        say(`Deleted ${count(ids.length, "run")}.`, { label: "Undo", run: restore });
      },
    });
  const restore = () =>
    change.mutate(() => forEach(ids, (run_id) => call("runs.restore", { run_id })), {
      onSuccess: () => {
        clear();
        say(`Restored ${count(ids.length, "run")}.`);
      },
    });
  const single = ids.length === 1 ? picked.get(ids[0]!) : undefined;
  const close = () => setAsked(null);
  return (
    <div className="bulk" role="toolbar" aria-label="Chosen runs">
      <strong>{ids.length} chosen</strong>
      {ids.length > 1 && (
        <button type="button" className="button plain" disabled={ids.length > 50} title={ids.length > 50 ? "At most 50 runs can be compared" : undefined} onClick={() => navigate(`compare?runs=${ids.join(",")}`)}>
          <Icon name="compare" /> Compare
        </button>
      )}
      <button type="button" className="button plain" onClick={() => setAsked("tag")}>
        <Icon name="tag" /> Tag
      </button>
      {single && (
        <>
          <button type="button" className="button plain" onClick={() => setAsked("rename")}>
            <Icon name="edit" /> Rename
          </button>
          <button type="button" className="button plain" onClick={() => setAsked("note")}>
            <Icon name="note" /> Note
          </button>
        </>
      )}
      {deleted ? (
        <button type="button" className="button plain" disabled={change.isPending} onClick={restore}>
          <Icon name="restore" /> Restore
        </button>
      ) : (
        <button type="button" className="button plain danger" disabled={change.isPending} onClick={remove}>
          <Icon name="trash" /> Delete
        </button>
      )}
      <button type="button" className="button plain" aria-label="Choose nothing" onClick={clear}>
        <Icon name="close" />
      </button>
      {asked === "tag" && <TagDialog ids={ids} onClose={close} apply={(work) => change.mutate(work, { onSuccess: close })} />}
      {asked === "rename" && single && <RenameDialog run={single} onClose={close} apply={(work) => change.mutate(work, { onSuccess: close })} />}
      {asked === "note" && single && <NoteDialog run={single} onClose={close} apply={(work) => change.mutate(work, { onSuccess: close })} />}
    </div>
  );
}

interface DialogProps {
  onClose: () => void;
  apply: (work: () => Promise<unknown>) => void;
}

function TagDialog({ ids, onClose, apply }: DialogProps & { ids: string[] }) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const set = () => apply(() => forEach(ids, (run_id) => call("runs.set_tag", { run_id, key: key.trim(), value })));
  return (
    <Dialog title={`Tag ${count(ids.length, "run")}`} submit="Set" onSubmit={set} onClose={onClose} disabled={!key.trim()}>
      <label className="field">
        <span>Key</span>
        <input className="input" autoFocus value={key} onChange={(event) => setKey(event.target.value)} />
      </label>
      <label className="field">
        <span>Value</span>
        <input className="input" value={value} onChange={(event) => setValue(event.target.value)} />
      </label>
    </Dialog>
  );
}

function RenameDialog({ run, onClose, apply }: DialogProps & { run: RunRow }) {
  const [name, setName] = useState(run.name);
  return (
    <Dialog title="Rename run" submit="Rename" onSubmit={() => apply(() => call("runs.update", { run_id: run.id, run_name: name.trim() }))} onClose={onClose} disabled={!name.trim()}>
      <label className="field">
        <span>Name</span>
        <input className="input" autoFocus value={name} onChange={(event) => setName(event.target.value)} />
      </label>
    </Dialog>
  );
}

function NoteDialog({ run, onClose, apply }: DialogProps & { run: RunRow }) {
  const [text, setText] = useState<string | null>(null);
  useEffect(() => {
    call("runs.get", { run_id: run.id }).then(
      (found) => setText(found.run.data.tags?.find((tag) => tag.key === NOTE)?.value ?? ""),
      sayError,
    );
  }, [run.id]);
  return (
    <Dialog title={`Note on ${run.name}`} submit="Save" disabled={text === null} onSubmit={() => apply(() => call("runs.set_tag", { run_id: run.id, key: NOTE, value: text ?? "" }))} onClose={onClose}>
      <label className="field">
        <span>Note (Markdown)</span>
        <textarea className="input" rows={8} value={text ?? ""} onChange={(event) => setText(event.target.value)} />
      </label>
    </Dialog>
  );
}
