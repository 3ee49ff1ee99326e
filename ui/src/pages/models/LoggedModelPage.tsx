import { isGone } from "../../api/run";
import { useLoggedModel } from "../../api/registry";
import { ArtifactBrowser } from "../../components/ArtifactBrowser";
import { Copy } from "../../components/Copy";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { moment, number } from "../../state/format";
import { Link, setQuery, usePlace } from "../../state/router";
import { SchemaView } from "./SchemaView";
import "./models.css";

/** A model as a run made it: its params, metrics, schema and files. */
export function LoggedModelPage({ id = "" }: { id?: string }) {
  const { query } = usePlace();
  const found = useLoggedModel(id);
  if (found.isPending) return <main className="page" id="main"><Skeleton lines={8} /></main>;
  if (found.isError) {
    return (
      <main className="page" id="main">
        {isGone(found.error) ? <Empty title="There is no such model"><p className="mono">{id}</p></Empty> : <ErrorBox error={found.error} retry={() => void found.refetch()} />}
      </main>
    );
  }
  const { info, data } = found.data;
  const metrics = [...(data.metrics ?? [])].sort((a, b) => a.key.localeCompare(b.key));
  return (
    <main className="page wide" id="main">
      <div className="crumbs"><Link to={`experiments/${info.experiment_id}`}>Experiment</Link>{info.source_run_id && <><span>/</span><Link to={`runs/${info.source_run_id}`}>run</Link></>}</div>
      <div className="page-head">
        <h1 className="cut">{info.name}</h1>
        <span className="tag">{info.status.replace("LOGGED_MODEL_", "").toLowerCase()}</span>
        <span className="muted mono">models:/{info.model_id}</span>
        <Copy text={`models:/${info.model_id}`} name="Copy the address" />
      </div>
      <div className="stack">
        <p className="muted" style={{ margin: 0 }}>Logged {moment(info.creation_timestamp_ms)}{info.model_type && ` · ${info.model_type}`}</p>
        {metrics.length > 0 && (
          <section className="card scroll-x" aria-label="Metrics">
            <header><h2>Metrics</h2></header>
            <table className="table">
              <thead><tr><th>Metric</th><th className="num">Value</th><th>Data set</th><th className="num">Step</th></tr></thead>
              <tbody>
                {metrics.map((one, index) => (
                  <tr key={index}><td className="mono">{one.key}</td><td className="num mono">{number(one.value, 6)}</td><td>{one.dataset_name}</td><td className="num">{one.step ?? 0}</td></tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
        {(data.params ?? []).length > 0 && (
          <section className="card" aria-label="Params">
            <header><h2>Params</h2></header>
            <dl className="facts body">
              {(data.params ?? []).map((one) => <div key={one.key} style={{ display: "contents" }}><dt className="mono">{one.key}</dt><dd className="mono">{one.value}</dd></div>)}
            </dl>
          </section>
        )}
        <SchemaView source={{ model: info.model_id }} />
        <ArtifactBrowser source={{ model: info.model_id }} path={query.get("file") ?? ""} choose={(file) => setQuery({ file })} />
      </div>
    </main>
  );
}
