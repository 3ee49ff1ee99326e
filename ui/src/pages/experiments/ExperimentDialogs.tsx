import { useState } from "react";
import { call } from "../../api/client";
import { NOTE, tagOf, useExperimentChange, userTags } from "../../api/experiments";
import type { Experiment } from "../../api/schema";
import { Dialog } from "../../components/Dialog";
import { TagEditor } from "../../components/TagEditor";
import { navigate } from "../../state/router";

interface Props {
  one: Experiment;
  onClose: () => void;
}

export function CreateDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [place, setPlace] = useState("");
  const change = useExperimentChange();
  const create = () =>
    change.mutate(
      async () => {
        const made = await call("experiments.create", { name: name.trim(), artifact_location: place.trim() });
        navigate(`experiments/${made.experiment_id}`);
      },
      { onSuccess: onClose },
    );
  return (
    <Dialog title="New experiment" submit="Create" onSubmit={create} onClose={onClose} disabled={!name.trim() || change.isPending}>
      <label className="field">
        <span>Name</span>
        <input className="input" autoFocus value={name} onChange={(event) => setName(event.target.value)} />
      </label>
      <label className="field">
        <span>Where its files lie</span>
        <input className="input" value={place} placeholder="this server's own place" onChange={(event) => setPlace(event.target.value)} />
      </label>
    </Dialog>
  );
}

export function RenameDialog({ one, onClose }: Props) {
  const [name, setName] = useState(one.name);
  const change = useExperimentChange();
  const rename = () =>
    change.mutate(() => call("experiments.update", { experiment_id: one.experiment_id, new_name: name.trim() }), { onSuccess: onClose });
  return (
    <Dialog title="Rename experiment" submit="Rename" onSubmit={rename} onClose={onClose} disabled={!name.trim()}>
      <label className="field">
        <span>Name</span>
        <input className="input" autoFocus value={name} onChange={(event) => setName(event.target.value)} />
      </label>
    </Dialog>
  );
}

export function NoteDialog({ one, onClose }: Props) {
  const [text, setText] = useState(tagOf(one, NOTE));
  const change = useExperimentChange();
  const save = () =>
    change.mutate(() => call("experiments.set_tag", { experiment_id: one.experiment_id, key: NOTE, value: text }), { onSuccess: onClose });
  return (
    <Dialog title={`About ${one.name}`} submit="Save" onSubmit={save} onClose={onClose}>
      <label className="field">
        <span>Description</span>
        <textarea className="input" autoFocus rows={6} value={text} onChange={(event) => setText(event.target.value)} />
      </label>
    </Dialog>
  );
}

export function TagsDialog({ one, onClose }: Props) {
  const [tags, setTags] = useState(userTags(one.tags));
  const change = useExperimentChange();
  const apply = (work: () => Promise<unknown>, next: typeof tags) => change.mutate(work, { onSuccess: () => setTags(next) });
  const id = one.experiment_id;
  return (
    <Dialog title={`Tags of ${one.name}`} onClose={onClose}>
      <TagEditor
        tags={tags}
        onSet={(key, value) =>
          apply(() => call("experiments.set_tag", { experiment_id: id, key, value }), [
            ...tags.filter((tag) => tag.key !== key),
            { key, value },
          ])
        }
        onDelete={(key) =>
          apply(() => call("experiments.delete_tag", { experiment_id: id, key }), tags.filter((tag) => tag.key !== key))
        }
      />
    </Dialog>
  );
}
