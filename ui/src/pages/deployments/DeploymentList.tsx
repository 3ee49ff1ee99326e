import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client";
import type { Deployment } from "../../api/schema";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { useFeed } from "../../state/feed";
import { ago, duration, moment } from "../../state/format";
import { Link } from "../../state/router";

const COLOURS: Record<Deployment["status"], string> = { HEALTHY: "FINISHED", UNHEALTHY: "FAILED", SILENT: "KILLED" };

/** What serves where, which version, since when, and how it is. */
export function DeploymentList() {
  const client = useQueryClient();
  useFeed((event) => {
    if (event.kind === "deployment.changed") void client.invalidateQueries({ queryKey: ["deployments"] });
  });
  const found = useQuery({
    queryKey: ["deployments"],
    refetchInterval: 30_000,
    queryFn: async ({ signal }) => (await call("deployments.list_deployments", {}, signal)).deployments ?? [],
  });
  return (
    <main className="page" id="main">
      <div className="page-head"><h1>Deployments</h1></div>
      {found.isPending && <Skeleton />}
      {found.isError && <ErrorBox error={found.error} retry={() => void found.refetch()} />}
      {found.data?.length === 0 && (
        <Empty title="Nothing is served yet">
          <p className="muted">A serving process tells this server what it serves, and follows the alias by itself:</p>
          <pre>tidemill serve models:/fraud@champion</pre>
        </Empty>
      )}
      {found.data && found.data.length > 0 && (
        <div className="scroll-x">
          <table className="table">
            <thead><tr><th>Name</th><th>Serves</th><th>Health</th><th>Since</th><th>Where</th><th>Heard of</th></tr></thead>
            <tbody>{found.data.map((one) => <Row key={one.deployment_id} one={one} />)}</tbody>
          </table>
        </div>
      )}
    </main>
  );
}

function Row({ one }: { one: Deployment }) {
  const model = one.model ?? "";
  return (
    <tr>
      <td><strong>{one.name}</strong><div className="muted mono">{one.model_address}</div></td>
      <td>
        {model ? <Link to={`models/${encodeURIComponent(model)}/${one.version}`}>{model} {one.version}</Link> : one.version}
        {one.canary_version && <span className="tag">canary {one.canary_version} at {String(one.canary_percent)} %</span>}
        {one.shadow_version && <span className="tag">shadow {one.shadow_version}</span>}
      </td>
      <td>
        <span className="status"><span className={`dot ${COLOURS[one.status]}`} />{one.status.toLowerCase()}</span>
        {one.problem && <div className="bad" style={{ maxWidth: 320 }}>{one.problem}</div>}
      </td>
      <td title={moment(one.since)}>{duration(Date.now() - one.since)}</td>
      <td>
        {one.url || one.host}
        {one.url && (
          <>
            {" "}
            <a href={`${one.url}/models/${encodeURIComponent(one.name)}/docs`} target="_blank" rel="noreferrer">
              Try it
            </a>
          </>
        )}
      </td>
      <td title={moment(one.last_seen)}>{ago(one.last_seen)}</td>
    </tr>
  );
}
