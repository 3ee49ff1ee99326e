// One registered model: its card, its versions with aliases and stages, requests for approval, history.
import { useState } from "react";
import { call } from "../../api/client";
import { userTags } from "../../api/experiments";
import { isGone } from "../../api/run";
import { useApprovals, useRegisteredModel, useRegistryChange } from "../../api/registry";
import type { RegisteredModel } from "../../api/schema";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { Markdown } from "../../components/previews/Markdown";
import { TagEditor } from "../../components/TagEditor";
import { Link, navigate, setQuery, usePlace } from "../../state/router";
import { ApprovalTab } from "./ApprovalTab";
import { HistoryTab } from "./HistoryTab";
import { VersionTable } from "./VersionTable";
import "./models.css";

export function ModelPage({ name = "" }: { name?: string }) {
  const found = useRegisteredModel(name);
  if (found.isPending) return <main className="page" id="main"><Skeleton lines={8} /></main>;
  if (found.isError) {
    return (
      <main className="page" id="main">
        {isGone(found.error) ? (
          <Empty title={`There is no model ${name}`}><p><Link to="models">All models</Link></p></Empty>
        ) : (
          <ErrorBox error={found.error} retry={() => void found.refetch()} />
        )}
      </main>
    );
  }
  return (
    <main className="page" id="main">
      <ModelHead model={found.data} />
      <Tabs model={found.data} />
    </main>
  );
}

function Tabs({ model }: { model: RegisteredModel }) {
  const { query } = usePlace();
  const waiting = (useApprovals(model.name).data ?? []).filter((one) => one.state === "ASKED").length;
  const tabs: [string, string, number?][] = [["versions", "Versions"], ["approvals", "Approvals", waiting || undefined], ["history", "History"]];
  const tab = tabs.find(([key]) => key === query.get("tab"))?.[0] ?? "versions";
  return (
    <>
      <div className="tabs" role="tablist" aria-label="Parts of the model">
        {tabs.map(([key, label, count]) => (
          <button key={key} type="button" role="tab" aria-selected={tab === key} onClick={() => setQuery({ tab: key === "versions" ? null : key })}>
            {label} {count !== undefined && <span className="muted">{count} waiting</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" aria-label={tab} style={{ paddingTop: 14 }}>
        {tab === "versions" && <VersionTable model={model} />}
        {tab === "approvals" && <ApprovalTab name={model.name} />}
        {tab === "history" && <HistoryTab name={model.name} />}
      </div>
    </>
  );
}

function ModelHead({ model }: { model: RegisteredModel }) {
  const [asked, setAsked] = useState<"describe" | "tags" | "rename" | "delete" | null>(null);
  const tags = userTags(model.tags);
  const close = () => setAsked(null);
  return (
    <>
      <div className="crumbs"><Link to="models">Models</Link></div>
      <div className="page-head">
        <h1 className="cut">{model.name}</h1>
        {tags.map((tag) => <span key={tag.key} className="tag"><span className="muted">{tag.key}</span> {tag.value}</span>)}
        <span className="grow" />
        <Menu label={<Icon name="more" />} name="Actions for this model">
          {(shut) => {
            const item = (icon: Parameters<typeof Icon>[0]["name"], label: string, what: typeof asked, danger = false) => (
              <button type="button" className={`item ${danger ? "danger" : ""}`} onClick={() => { shut(); setAsked(what); }}>
                <Icon name={icon} /> {label}
              </button>
            );
            return (
              <>
                {item("note", "Describe", "describe")}
                {item("tag", "Tags", "tags")}
                {item("edit", "Rename", "rename")}
                <hr />
                {item("trash", "Delete", "delete", true)}
              </>
            );
          }}
        </Menu>
      </div>
      {model.description && (
        <details className="card" style={{ marginBottom: 14 }} open>
          <summary className="body"><strong>Model card</strong></summary>
          <Markdown text={model.description} />
        </details>
      )}
      {asked === "describe" && <Describe model={model} onClose={close} />}
      {asked === "tags" && <ModelTags model={model} onClose={close} />}
      {asked === "rename" && <Rename model={model} onClose={close} />}
      {asked === "delete" && <Remove model={model} onClose={close} />}
    </>
  );
}

interface DialogProps {
  model: RegisteredModel;
  onClose: () => void;
}

function Describe({ model, onClose }: DialogProps) {
  const [text, setText] = useState(model.description ?? "");
  const change = useRegistryChange();
  const save = () => change.mutate(() => call("registered_models.update", { name: model.name, description: text }), { onSuccess: onClose });
  return (
    <Dialog title="Model card" submit="Save" onSubmit={save} onClose={onClose} disabled={change.isPending}>
      <label className="field">
        <span>What the model is for, on which data, how well, and where it must not be used (Markdown)</span>
        <textarea className="input" rows={12} autoFocus value={text} onChange={(event) => setText(event.target.value)} />
      </label>
    </Dialog>
  );
}

function ModelTags({ model, onClose }: DialogProps) {
  const change = useRegistryChange();
  const { name } = model;
  return (
    <Dialog title="Tags" onClose={onClose}>
      <TagEditor
        tags={userTags(model.tags)}
        onSet={(key, value) => change.mutate(() => call("registered_models.set_tag", { name, key, value }))}
        onDelete={(key) => change.mutate(() => call("registered_models.delete_tag", { name, key }))}
      />
    </Dialog>
  );
}

function Rename({ model, onClose }: DialogProps) {
  const [name, setName] = useState(model.name);
  const change = useRegistryChange();
  const rename = () =>
    change.mutate(
      async () => {
        await call("registered_models.rename", { name: model.name, new_name: name.trim() });
        navigate(`models/${encodeURIComponent(name.trim())}`, { replace: true });
      },
      { onSuccess: onClose },
    );
  return (
    <Dialog title="Rename model" submit="Rename" onSubmit={rename} onClose={onClose} disabled={!name.trim() || change.isPending}>
      <p className="muted">Programs that ask for models:/{model.name} will no longer find it.</p>
      <label className="field">
        <span>Name</span>
        <input className="input" autoFocus value={name} onChange={(event) => setName(event.target.value)} />
      </label>
    </Dialog>
  );
}

function Remove({ model, onClose }: DialogProps) {
  const [text, setText] = useState("");
  const change = useRegistryChange();
  const remove = () =>
    change.mutate(
      async () => {
        await call("registered_models.delete", { name: model.name });
        navigate("models");
      },
      { onSuccess: onClose },
    );
  return (
    <Dialog title={`Delete ${model.name}?`} submit="Delete" danger onSubmit={remove} onClose={onClose} disabled={text !== model.name || change.isPending}>
      <p>All its versions, aliases and tags are deleted and cannot be restored. The files of runs and logged models stay.</p>
      <label className="field">
        <span>Type the model's name</span>
        <input className="input" autoFocus value={text} onChange={(event) => setText(event.target.value)} />
      </label>
    </Dialog>
  );
}
