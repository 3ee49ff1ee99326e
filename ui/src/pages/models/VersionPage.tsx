// One version of a registered model: where it comes from, what it takes and gives, where it serves.
import { useState } from "react";
import { call } from "../../api/client";
import { userTags } from "../../api/experiments";
import { isGone } from "../../api/run";
import { filesOf, useLineage, useRegisteredModel, useRegistryChange, useVersion } from "../../api/registry";
import type { ModelVersion, RegisteredModel } from "../../api/schema";
import { ArtifactBrowser } from "../../components/ArtifactBrowser";
import { Copy } from "../../components/Copy";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import "../../components/artifacts.css";
import { Markdown } from "../../components/previews/Markdown";
import { TagEditor } from "../../components/TagEditor";
import { moment } from "../../state/format";
import { Link, navigate, setQuery, usePlace } from "../../state/router";
import { LineageGraph } from "./LineageGraph";
import { SchemaView } from "./SchemaView";
import { Aliases, StageMenu } from "./VersionTable";
import "./models.css";

export function VersionPage({ name = "", version = "" }: { name?: string; version?: string }) {
  const model = useRegisteredModel(name);
  const found = useVersion(name, version);
  const failed = found.isError ? found : model.isError ? model : null;
  if (failed) {
    return (
      <main className="page" id="main">
        {isGone(failed.error) ? (
          <Empty title={`There is no version ${version} of ${name}`}><p><Link to={`models/${encodeURIComponent(name)}`}>{name}</Link></p></Empty>
        ) : (
          <ErrorBox error={failed.error} retry={() => void failed.refetch()} />
        )}
      </main>
    );
  }
  if (!found.data || !model.data) return <main className="page" id="main"><Skeleton lines={8} /></main>;
  return (
    <main className="page wide" id="main">
      <Head model={model.data} one={found.data} />
      <Body one={found.data} />
    </main>
  );
}

function Head({ model, one }: { model: RegisteredModel; one: ModelVersion }) {
  const [asked, setAsked] = useState<"describe" | "tags" | "delete" | null>(null);
  const address = `models:/${one.name}/${one.version}`;
  return (
    <>
      <div className="crumbs">
        <Link to="models">Models</Link><span>/</span>
        <Link to={`models/${encodeURIComponent(one.name)}`}>{one.name}</Link>
      </div>
      <div className="page-head">
        <h1>Version {one.version}</h1>
        <Aliases model={model} version={one.version} />
        <StageMenu one={one} />
        <span className="muted mono hide-small">{address}</span>
        <Copy text={address} name="Copy the address" />
        <span className="grow" />
        <button type="button" className="button" onClick={() => setAsked("describe")}><Icon name="note" /> Describe</button>
        <button type="button" className="button" onClick={() => setAsked("tags")}><Icon name="tag" /> Tags</button>
        <button type="button" className="button danger" onClick={() => setAsked("delete")}><Icon name="trash" /> Delete</button>
      </div>
      {asked === "describe" && <Describe one={one} onClose={() => setAsked(null)} />}
      {asked === "tags" && <Tags one={one} onClose={() => setAsked(null)} />}
      {asked === "delete" && <Remove one={one} onClose={() => setAsked(null)} />}
    </>
  );
}

function Body({ one }: { one: ModelVersion }) {
  const { query } = usePlace();
  const lineage = useLineage(one.name, one.version);
  const source = filesOf(one, lineage.data?.logged_model);
  const tabs = [["overview", "Overview"], ["files", "Files"]] as const;
  const tab = tabs.find(([key]) => key === query.get("tab"))?.[0] ?? "overview";
  return (
    <>
      <div className="tabs" role="tablist" aria-label="Parts of the version">
        {tabs.map(([key, label]) => (
          <button key={key} type="button" role="tab" aria-selected={tab === key} onClick={() => setQuery({ tab: key === "overview" ? null : key })}>{label}</button>
        ))}
      </div>
      <div role="tabpanel" aria-label={tab} style={{ paddingTop: 14 }} className="stack">
        {tab === "files" &&
          (source ? (
            <ArtifactBrowser source={source} path={query.get("file") ?? ""} choose={(file) => setQuery({ file })} />
          ) : (
            <Empty title="Its files are not shown here"><p className="muted">This version was registered from an address outside of runs and logged models:</p><pre>{one.source}</pre></Empty>
          ))}
        {tab === "overview" && (
          <>
            {one.description && <section className="card" aria-label="Description"><Markdown text={one.description} /></section>}
            <section className="card" aria-label="About">
              <header><h2>About</h2></header>
              <dl className="facts body">
                <dt>Created</dt><dd>{moment(one.creation_timestamp)}{one.user_id && ` by ${one.user_id}`}</dd>
                <dt>Source</dt><dd className="mono">{one.source}</dd>
                {userTags(one.tags).length > 0 && <><dt>Tags</dt><dd>{userTags(one.tags).map((tag) => <span key={tag.key} className="tag"><span className="muted">{tag.key}</span> {tag.value}</span>)}</dd></>}
              </dl>
            </section>
            {lineage.isError && <ErrorBox error={lineage.error} />}
            {lineage.data && <LineageGraph lineage={lineage.data} />}
            {source && <SchemaView source={source} />}
            <section className="card" aria-label="Use it">
              <header><h2>Use it</h2></header>
              <pre className="preview-text">{`import tidemill\n\nmodel = tidemill.pyfunc.load_model("models:/${one.name}/${one.version}")\nmodel.predict(frame)\n\n# as an endpoint\n# tidemill serve models:/${one.name}/${one.version}`}</pre>
            </section>
          </>
        )}
      </div>
    </>
  );
}

interface DialogProps {
  one: ModelVersion;
  onClose: () => void;
}

function Describe({ one, onClose }: DialogProps) {
  const [text, setText] = useState(one.description ?? "");
  const change = useRegistryChange();
  const { name, version } = one;
  const save = () => change.mutate(() => call("model_versions.update", { name, version, description: text }), { onSuccess: onClose });
  return (
    <Dialog title="Description" submit="Save" onSubmit={save} onClose={onClose} disabled={change.isPending}>
      <label className="field">
        <span>Markdown</span>
        <textarea className="input" rows={10} autoFocus value={text} onChange={(event) => setText(event.target.value)} />
      </label>
    </Dialog>
  );
}

function Tags({ one, onClose }: DialogProps) {
  const change = useRegistryChange();
  const { name, version } = one;
  return (
    <Dialog title="Tags" onClose={onClose}>
      <TagEditor
        tags={userTags(one.tags)}
        onSet={(key, value) => change.mutate(() => call("model_versions.set_tag", { name, version, key, value }))}
        onDelete={(key) => change.mutate(() => call("model_versions.delete_tag", { name, version, key }))}
      />
    </Dialog>
  );
}

function Remove({ one, onClose }: DialogProps) {
  const change = useRegistryChange();
  const { name, version } = one;
  const remove = () =>
    change.mutate(
      async () => {
        await call("model_versions.delete", { name, version });
        navigate(`models/${encodeURIComponent(name)}`);
      },
      { onSuccess: onClose },
    );
  return (
    <Dialog title={`Delete version ${version}?`} submit="Delete" danger onSubmit={remove} onClose={onClose} disabled={change.isPending}>
      <p>Aliases that point at it are removed with it; its number is never given again. The files of its run stay.</p>
    </Dialog>
  );
}
