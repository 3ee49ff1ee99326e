// One run: what went in, what came out, live while it goes on.
import { Suspense, lazy } from "react";
import { isGone, tagValue, useRun } from "../../api/run";
import type { Run } from "../../api/schema";
import { ArtifactBrowser } from "../../components/ArtifactBrowser";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { Link, setQuery, usePlace } from "../../state/router";
import { ConsoleTab } from "./ConsoleTab";
import { Overview } from "./Overview";
import { RunHead } from "./RunHead";
import "./run.css";

const MetricCharts = lazy(async () => ({ default: (await import("./MetricCharts")).MetricCharts }));
const CodeTab = lazy(async () => ({ default: (await import("./CodeTab")).CodeTab }));

const SYSTEM = "system/";

export function RunPage({ id = "" }: { id?: string }) {
  const found = useRun(id);
  if (found.isPending) return <main className="page" id="main"><Skeleton lines={10} /></main>;
  if (found.isError) {
    return (
      <main className="page" id="main">
        {isGone(found.error) ? (
          <Empty title="There is no such run">
            <p className="mono">{id}</p>
            <p>
              It may have been deleted for good, or it is on another server. <Link to="">All experiments</Link>
            </p>
          </Empty>
        ) : (
          <ErrorBox error={found.error} retry={() => void found.refetch()} />
        )}
      </main>
    );
  }
  return (
    <main className="page wide" id="main">
      <RunHead run={found.data} />
      <Tabs run={found.data} />
    </main>
  );
}

function Tabs({ run }: { run: Run }) {
  const { query } = usePlace();
  const keys = (run.data.metrics ?? []).map((one) => one.key).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const system = keys.filter((key) => key.startsWith(SYSTEM));
  const metrics = keys.filter((key) => !key.startsWith(SYSTEM));
  const tabs: [string, string, number?][] = [
    ["overview", "Overview"],
    ["metrics", "Metrics", metrics.length],
    ["artifacts", "Artifacts"],
    ["console", "Console"],
    ["code", "Code"],
  ];
  if (system.length) tabs.splice(2, 0, ["system", "System", system.length]);
  const tab = tabs.find(([key]) => key === query.get("tab"))?.[0] ?? "overview";
  return (
    <>
      <div className="tabs" role="tablist" aria-label="Parts of the run">
        {tabs.map(([key, label, count]) => (
          <button key={key} type="button" role="tab" aria-selected={tab === key} onClick={() => setQuery({ tab: key === "overview" ? null : key, file: null })}>
            {label}
            {count !== undefined && <span className="muted"> {count}</span>}
          </button>
        ))}
      </div>
      <div className="run-part" role="tabpanel" aria-label={tab}>
        <Suspense fallback={<Skeleton />}>
          {tab === "overview" && <Overview run={run} metrics={metrics} />}
          {tab === "metrics" && <MetricCharts run={run} keys={metrics} />}
          {tab === "system" && <MetricCharts run={run} keys={system} prefix={SYSTEM} time />}
          {tab === "artifacts" && (
            <ArtifactBrowser source={{ run: run.info.run_id }} path={query.get("file") ?? ""} choose={(file) => setQuery({ file })} />
          )}
          {tab === "console" && <ConsoleTab run={run} />}
          {tab === "code" && <CodeTab run={run} commit={tagValue(run.data, "mlflow.source.git.commit")} />}
        </Suspense>
      </div>
    </>
  );
}
