import { useDeferredValue, useState } from "react";
import { call } from "../../api/client";
import { userTags } from "../../api/experiments";
import { useApprovals, useRegisteredModels, useRegistryChange } from "../../api/registry";
import type { RegisteredModel } from "../../api/schema";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { ago, moment } from "../../state/format";
import { Link, navigate, setQuery, usePlace } from "../../state/router";
import { AliasMark, StageMark } from "./marks";
import "./models.css";

/** All registered models: search, create; what waits for an approval. */
export function ModelList() {
  const text = usePlace().query.get("q") ?? "";
  const [creating, setCreating] = useState(false);
  const found = useRegisteredModels(useDeferredValue(text));
  const waiting = (useApprovals().data ?? []).filter((one) => one.state === "ASKED");
  const models = found.data?.pages.flatMap((page) => page.registered_models ?? []) ?? [];
  return (
    <main className="page" id="main">
      <div className="page-head">
        <h1>Models</h1>
        <span className="grow" />
        <button type="button" className="button primary" onClick={() => setCreating(true)}>
          <Icon name="plus" /> New model
        </button>
      </div>
      {waiting.length > 0 && (
        <div className="notice warn" style={{ marginBottom: 12 }}>
          <Icon name="star" />
          <div className="grow">
            Waiting for approval:{" "}
            {waiting.map((one, index) => (
              <span key={one.id}>
                {index > 0 && ", "}
                <Link to={`models/${encodeURIComponent(one.name)}?tab=approvals`}>
                  {one.name} {one.version && `version ${one.version}`} → {one.alias ? `@${one.alias}` : one.stage}
                </Link>
              </span>
            ))}
          </div>
        </div>
      )}
      <div className="row" style={{ marginBottom: 12 }}>
        <input
          className="input grow"
          type="search"
          aria-label="Find models"
          placeholder="Part of a name, or a filter: tags.team = 'risk'"
          defaultValue={text}
          onChange={(event) => setQuery({ q: event.target.value })}
        />
      </div>
      {found.isError && <ErrorBox error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {models.length > 0 && <ModelTable models={models} />}
      {found.hasNextPage && (
        <button type="button" className="button" style={{ marginTop: 12 }} onClick={() => void found.fetchNextPage()}>
          Show more
        </button>
      )}
      {found.data && models.length === 0 && (text ? <Empty title="No model matches"><p className="muted">Try a shorter part of the name.</p></Empty> : <FirstModel />)}
      {creating && <CreateModel onClose={() => setCreating(false)} />}
    </main>
  );
}

function ModelTable({ models }: { models: RegisteredModel[] }) {
  return (
    <div className="scroll-x">
      <table className="table">
        <thead>
          <tr>
            <th>Name</th>
            <th>Newest</th>
            <th>Aliases</th>
            <th className="hide-small">Stages</th>
            <th className="hide-small">Tags</th>
            <th>Changed</th>
          </tr>
        </thead>
        <tbody>
          {models.map((one) => (
            <tr key={one.name}>
              <td>
                <Link to={`models/${encodeURIComponent(one.name)}`}><strong>{one.name}</strong></Link>
                {one.description && <div className="muted cut" style={{ maxWidth: 420 }}>{one.description.split("\n")[0]}</div>}
              </td>
              <td>{newest(one)}</td>
              <td>
                <span className="row wrap" style={{ gap: 4 }}>
                  {(one.aliases ?? []).map((alias) => <AliasMark key={alias.alias} name={`${alias.alias} → ${alias.version}`} />)}
                </span>
              </td>
              <td className="hide-small">
                <span className="row wrap" style={{ gap: 4 }}>
                  {(one.latest_versions ?? []).filter((version) => version.current_stage !== "None").map((version) => (
                    <StageMark key={version.version} stage={version.current_stage} version={version.version} />
                  ))}
                </span>
              </td>
              <td className="hide-small">
                <span className="row wrap" style={{ gap: 4 }}>
                  {userTags(one.tags).slice(0, 3).map((tag) => <span key={tag.key} className="tag"><span className="muted">{tag.key}</span> {tag.value}</span>)}
                </span>
              </td>
              <td title={moment(one.last_updated_timestamp)} style={{ whiteSpace: "nowrap" }}>{ago(one.last_updated_timestamp)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function newest(model: RegisteredModel): string {
  const numbers = (model.latest_versions ?? []).map((one) => Number(one.version));
  return numbers.length ? `version ${Math.max(...numbers)}` : "no version yet";
}

function FirstModel() {
  return (
    <Empty title="No models are registered yet">
      <p className="muted">A registered model is a name under which versions of a model are kept, moved and served.</p>
      <pre>{'import tidemill\n\nwith tidemill.start_run():\n    tidemill.sklearn.log_model(model, name="model", registered_model_name="fraud")'}</pre>
      <p className="muted">or, of a model that was logged before:</p>
      <pre>{'tidemill.register_model("runs:/RUN_ID/model", "fraud")'}</pre>
    </Empty>
  );
}

function CreateModel({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const change = useRegistryChange();
  const create = () =>
    change.mutate(
      async () => {
        await call("registered_models.create", { name: name.trim(), description });
        navigate(`models/${encodeURIComponent(name.trim())}`);
      },
      { onSuccess: onClose },
    );
  return (
    <Dialog title="New model" submit="Create" onSubmit={create} onClose={onClose} disabled={!name.trim() || change.isPending}>
      <label className="field">
        <span>Name</span>
        <input className="input" autoFocus value={name} onChange={(event) => setName(event.target.value)} />
      </label>
      <label className="field">
        <span>What it is for (Markdown)</span>
        <textarea className="input" rows={4} value={description} onChange={(event) => setDescription(event.target.value)} />
      </label>
    </Dialog>
  );
}
