import "./compare.css";
import "../../charts/charts.css";
import { lazy, Suspense, useMemo } from "react";
import { useKeys } from "../../api/runTable";
import { useRuns, runName } from "../../api/runs";
import type { Run } from "../../api/schema";
import type { ChartRun } from "../../charts/ChartsSide";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { colorOf } from "../../state/colors";
import { count } from "../../state/format";
import { Link, setQuery, usePlace } from "../../state/router";
import { readView, viewChanges } from "../../state/runView";
import { CompareCode } from "./CompareCode";
import { CompareFiles } from "./CompareFiles";
import { DiffTable } from "./DiffTable";
import { datasetRows, infoRows, metricRows, paramRows, tagRows } from "./rows";

const LinePanels = lazy(() => import("../../charts/LinePanels").then((module) => ({ default: module.LinePanels })));
const MOST = 50;
const TABS = [
  ["params", "Params"],
  ["metrics", "Metrics"],
  ["curves", "Curves"],
  ["files", "Files"],
  ["code", "Code and environment"],
  ["more", "Tags and data"],
] as const;

/** Some runs side by side (`?runs=` with commas): what differs, and what came of it. */
export default function ComparePage() {
  const { query } = usePlace();
  const ids = useMemo(() => [...new Set((query.get("runs") ?? "").split(",").filter(Boolean))].slice(0, MOST), [query]);
  const tab = TABS.find(([key]) => key === query.get("tab"))?.[0] ?? "params";
  const all = query.get("all") === "1";
  const found = useRuns(ids);
  const experiments = [...new Set(found.runs.map((run) => run.info.experiment_id))];
  if (!ids.length) {
    return (
      <main className="page" id="main">
        <Empty title="Nothing to compare yet">
          <p>
            Choose two or more runs in the table of an <Link to="experiments">experiment</Link>, then press Compare.
          </p>
        </Empty>
      </main>
    );
  }
  return (
    <main className="page" id="main" style={{ maxWidth: "none" }}>
      <div className="page-head">
        <nav className="crumbs" aria-label="Where this is">
          {experiments.length > 0 && (
            <>
              <Link to={`experiments/${experiments.join(",")}`}>Runs</Link>
              <span aria-hidden="true">/</span>
            </>
          )}
          <h1 style={{ color: "var(--text)" }}>Compare {count(ids.length, "run")}</h1>
        </nav>
        <span className="grow" />
        {tab !== "curves" && tab !== "files" && (
          <label className="check">
            <input type="checkbox" checked={!all} onChange={(event) => setQuery({ all: event.target.checked ? null : "1" })} /> Only what differs
          </label>
        )}
      </div>
      <div className="tabs" role="tablist" style={{ marginBottom: 12 }}>
        {TABS.map(([key, label]) => (
          <button key={key} type="button" role="tab" aria-selected={tab === key} onClick={() => setQuery({ tab: key === "params" ? null : key })}>
            {label}
          </button>
        ))}
      </div>
      {found.error && <ErrorBox error={found.error} retry={found.retry} />}
      {found.loading ? (
        <Skeleton lines={10} />
      ) : (
        <Suspense fallback={<Skeleton />}>
          <Tab tab={tab} runs={found.runs} onlyDifferent={!all} />
        </Suspense>
      )}
    </main>
  );
}

function Tab({ tab, runs, onlyDifferent }: { tab: (typeof TABS)[number][0]; runs: Run[]; onlyDifferent: boolean }) {
  const shared = { runs, onlyDifferent };
  switch (tab) {
    case "params":
      return (
        <div className="stack">
          <DiffTable {...shared} rows={paramRows(runs)} what="params" />
          <DiffTable {...shared} rows={infoRows(runs)} what="facts" />
        </div>
      );
    case "metrics":
      return <DiffTable {...shared} rows={metricRows(runs)} what="metrics" />;
    case "curves":
      return <Curves runs={runs} />;
    case "files":
      return <CompareFiles runs={runs} />;
    case "code":
      return <CompareCode {...shared} />;
    case "more":
      return (
        <div className="stack">
          <DiffTable {...shared} rows={tagRows(runs, (key) => !key.startsWith("mlflow.") || key === "mlflow.note.content")} what="tags" />
          <DiffTable {...shared} rows={datasetRows(runs)} what="data sets" />
        </div>
      );
  }
}

function Curves({ runs }: { runs: Run[] }) {
  const { query } = usePlace();
  const view = useMemo(() => readView(query), [query]);
  const ids = useMemo(() => [...new Set(runs.map((run) => run.info.experiment_id))], [runs]);
  const keys = useKeys(ids);
  const charted = useMemo<ChartRun[]>(() => runs.map((run) => ({ id: run.info.run_id, name: runName(run), color: colorOf(run.info.run_id), values: {} })), [runs]);
  const own = useMemo(() => {
    const has = new Set(runs.flatMap((run) => (run.data.metrics ?? []).map((one) => one.key)));
    return keys.data && { ...keys.data, metrics: (keys.data.metrics ?? []).filter((one) => has.has(one.key)) };
  }, [keys.data, runs]);
  const byId = useMemo(() => new Map(charted.map((run) => [run.id, run.name])), [charted]);
  const name = useMemo(() => (id: string) => byId.get(id) ?? id, [byId]);
  return <LinePanels ids={ids} runs={charted} view={view} change={(change) => setQuery(viewChanges(change))} keys={own} color={colorOf} name={name} />;
}
