import { useState, type ReactNode } from "react";
import { call } from "../../api/client";
import { NOTE, userTags } from "../../api/experiments";
import { tagValue, useChildren, useMadeModels, useRunChange } from "../../api/run";
import type { DatasetInput, Metric, Run } from "../../api/schema";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Markdown } from "../../components/previews/Markdown";
import { TagEditor } from "../../components/TagEditor";
import { ago, duration, moment, number } from "../../state/format";
import { Link } from "../../state/router";

/** What is known of a run at a glance. */
export function Overview({ run, metrics }: { run: Run; metrics: string[] }) {
  return (
    <div className="run-columns">
      <div className="stack">
        <Note run={run} />
        <Facts run={run} />
        <Datasets inputs={run.inputs?.dataset_inputs ?? []} />
        <Models run={run} />
        <Children run={run} />
        <Tags run={run} />
      </div>
      <div className="stack">
        <Metrics metrics={(run.data.metrics ?? []).filter((one) => metrics.includes(one.key))} />
        <Params run={run} />
      </div>
    </div>
  );
}

function Card({ title, count, actions, children }: { title: string; count?: number; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {count !== undefined && <span className="muted">{count}</span>}
        <span className="grow" />
        {actions}
      </header>
      {children}
    </section>
  );
}

function Note({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const text = tagValue(run.data, NOTE);
  const [draft, setDraft] = useState(text);
  const change = useRunChange();
  const save = () => change.mutate(() => call("runs.set_tag", { run_id: run.info.run_id, key: NOTE, value: draft }), { onSuccess: () => setOpen(false) });
  const edit = (
    <button type="button" className="button plain" onClick={() => { setDraft(text); setOpen(true); }}>
      <Icon name="edit" /> {text ? "Edit" : "Describe this run"}
    </button>
  );
  return (
    <>
      {text ? <Card title="Description" actions={edit}><Markdown text={text} /></Card> : <div>{edit}</div>}
      {open && (
        <Dialog title="Description" submit="Save" onSubmit={save} onClose={() => setOpen(false)} disabled={change.isPending}>
          <label className="field">
            <span>Markdown</span>
            <textarea className="input" rows={10} autoFocus value={draft} onChange={(event) => setDraft(event.target.value)} />
          </label>
        </Dialog>
      )}
    </>
  );
}

function Facts({ run }: { run: Run }) {
  const { info, data } = run;
  const end = info.end_time;
  const facts: [string, ReactNode][] = [
    ["Started", <span title={moment(info.start_time)}>{moment(info.start_time)} · {ago(info.start_time)}</span>],
    ["Duration", end ? duration(end - info.start_time) : "still going"],
    ["User", info.user_id],
    ["Source", <span className="mono">{tagValue(data, "mlflow.source.name")}</span>],
    ["Commit", <span className="mono">{tagValue(data, "mlflow.source.git.commit").slice(0, 12)}</span>],
    ["Branch", <span className="mono">{tagValue(data, "mlflow.source.git.branch")}</span>],
    ["Ended because", tagValue(data, "tidemill.status.reason")],
    ["Files", <span className="mono">{info.artifact_uri}</span>],
  ];
  const empty = (value: ReactNode) => value === "" || (typeof value === "object" && value !== null && "props" in value && (value.props as { children?: unknown }).children === "");
  return (
    <Card title="About">
      <dl className="facts body">
        {facts
          .filter(([, value]) => !empty(value))
          .map(([name, value]) => (
            <div key={name} style={{ display: "contents" }}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </Card>
  );
}

/** Rows of a key and a value, with a field to find some of them where they are many. */
function Keyed({ title, rows, value }: { title: string; rows: [string, string][]; value: string }) {
  const [text, setText] = useState("");
  const found = rows.filter(([key, one]) => `${key} ${one}`.toLowerCase().includes(text.toLowerCase()));
  const search = rows.length > 12 && (
    <input className="input" style={{ width: 160 }} type="search" placeholder="Find" aria-label={`Find in ${title.toLowerCase()}`} value={text} onChange={(event) => setText(event.target.value)} />
  );
  return (
    <Card title={title} count={rows.length} actions={search}>
      {rows.length === 0 ? (
        <p className="body muted">None were logged.</p>
      ) : (
        <div className="keyed" tabIndex={0} role="region" aria-label={`${title}, a table`}>
          <table className="table">
            <thead className="hidden-visually">
              <tr><th>Key</th><th>{value}</th></tr>
            </thead>
            <tbody>
              {found.map(([key, one]) => (
                <tr key={key}>
                  <td className="mono">{key}</td>
                  <td className="mono">{one}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Metrics({ metrics }: { metrics: Metric[] }) {
  const rows = [...metrics]
    .sort((a, b) => a.key.localeCompare(b.key, "en", { numeric: true }))
    .map((one): [string, string] => [one.key, number(one.value, 6)]);
  return <Keyed title="Metrics" rows={rows} value="Newest value" />;
}

function Params({ run }: { run: Run }) {
  const rows = (run.data.params ?? []).map((one): [string, string] => [one.key, one.value ?? ""]);
  return <Keyed title="Params" rows={rows.sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))} value="Value" />;
}

function Datasets({ inputs }: { inputs: DatasetInput[] }) {
  if (inputs.length === 0) return null;
  return (
    <Card title="Data sets" count={inputs.length}>
      <table className="table">
        <tbody>
          {inputs.map(({ dataset, tags }) => (
            <tr key={`${dataset.name} ${dataset.digest}`}>
              <td><strong>{dataset.name}</strong></td>
              <td className="mono">{dataset.digest}</td>
              <td>{tags?.find((tag) => tag.key === "mlflow.data.context")?.value}</td>
              <td className="muted">{rowsOf(dataset.profile)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function rowsOf(profile: string | undefined): string {
  try {
    const known = JSON.parse(profile ?? "{}") as { num_rows?: number };
    return known.num_rows === undefined ? "" : `${known.num_rows.toLocaleString("en")} rows`;
  } catch {
    return "";
  }
}

function Models({ run }: { run: Run }) {
  const models = useMadeModels(run).data ?? [];
  if (models.length === 0) return null;
  return (
    <Card title="Models" count={models.length}>
      <table className="table">
        <tbody>
          {models.map(({ info }) => (
            <tr key={info.model_id}>
              <td><Link to={`logged-models/${info.model_id}`}><strong>{info.name}</strong></Link></td>
              <td className="mono muted">{info.model_id}</td>
              <td>{info.model_type}</td>
              <td className="muted">{ago(info.creation_timestamp_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Children({ run }: { run: Run }) {
  const children = useChildren(run).data ?? [];
  if (children.length === 0) return null;
  const ids = children.map((one) => one.info.run_id);
  return (
    <Card title="Child runs" count={children.length} actions={<Link to={`compare?runs=${ids.slice(0, 50).join(",")}`}>Compare</Link>}>
      <div className="keyed">
        <table className="table">
          <tbody>
            {children.map(({ info, data }) => (
              <tr key={info.run_id}>
                <td>
                  <span className="status"><span className={`dot ${info.status}`} /><Link to={`runs/${info.run_id}`}>{info.run_name}</Link></span>
                </td>
                <td className="muted">{(data.metrics ?? []).slice(0, 2).map((one) => `${one.key} ${number(one.value)}`).join("  ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Tags({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const change = useRunChange();
  const tags = userTags(run.data.tags);
  const run_id = run.info.run_id;
  return (
    <Card
      title="Tags"
      count={tags.length}
      actions={<button type="button" className="button plain" onClick={() => setOpen(true)}><Icon name="tag" /> Edit</button>}
    >
      <div className="body row wrap">
        {tags.length === 0 && <span className="muted">None.</span>}
        {tags.map((tag) => (
          <span key={tag.key} className="tag" title={`${tag.key}: ${tag.value}`}><span className="muted">{tag.key}</span> {tag.value}</span>
        ))}
      </div>
      {open && (
        <Dialog title="Tags" onClose={() => setOpen(false)}>
          <TagEditor
            tags={tags}
            onSet={(key, value) => change.mutate(() => call("runs.set_tag", { run_id, key, value }))}
            onDelete={(key) => change.mutate(() => call("runs.delete_tag", { run_id, key }))}
          />
        </Dialog>
      )}
    </Card>
  );
}
