import "./runs.css";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { ApiError } from "../../api/client";
import { useExperimentsById } from "../../api/experiments";
import { dataColumns, readAll, tableQuery, useKeys, useLiveRuns, type RunRow, type TableQuery } from "../../api/runTable";
import { Icon } from "../../components/Icon";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { count } from "../../state/format";
import { Link, setQuery, usePlace } from "../../state/router";
import { defaultColumns, readView, viewChanges, type RunView, type Show } from "../../state/runView";
import { say, sayError } from "../../state/toasts";
import { FirstRun } from "../experiments/FirstRun";
import { BulkBar } from "./BulkBar";
import { ColumnMenu } from "./ColumnMenu";
import { csvOf, offer } from "./csv";
import { FilterBar } from "./FilterBar";
import { GroupMenu } from "./GroupMenu";
import { RunGrid } from "./RunGrid";
import { useLines } from "./useLines";
import { ViewMenu } from "./ViewMenu";

const ChartsSide = lazy(() => import("../../charts/ChartsSide"));
const NOTHING: ReadonlyMap<string, RunRow> = new Map();
const SHOWS: [Show, Parameters<typeof Icon>[0]["name"], string][] = [
  ["table", "table", "Table"],
  ["both", "columns", "Both"],
  ["charts", "chart", "Charts"],
];

/** The runs of one or several experiments (`ids` with commas): a table, charts beside it. */
export default function RunTablePage({ ids: text }: { ids: string }) {
  const ids = useMemo(() => text.split(",").filter(Boolean), [text]);
  const { query: address } = usePlace();
  const view = useMemo(() => readView(address), [address]);
  const change = useCallback((next: Partial<RunView>) => setQuery(viewChanges(next)), []);
  const [picked, setPicked] = useState(NOTHING);
  const experiments = useExperimentsById(ids);
  const keys = useKeys(ids);
  const columns = useMemo(() => view.columns ?? defaultColumns(keys.data), [view.columns, keys.data]);
  const query = useMemo(() => tableQuery(ids, view, columns), [ids, view, columns]);
  const ready = view.columns !== null || !keys.isPending;
  const names = useMemo(() => new Map((experiments.data ?? []).map((one) => [one.experiment_id, one.name])), [experiments.data]);
  const title = (experiments.data ?? []).map((one) => one.name).join(", ") || `Experiment ${ids.join(", ")}`;
  if (experiments.error instanceof ApiError && experiments.error.status === 404) {
    return (
      <main className="page" id="main">
        <Empty title="There is no such experiment">
          <p>
            It may have been removed for good. <Link to="experiments">All experiments</Link>
          </p>
        </Empty>
      </main>
    );
  }
  return (
    <main className="page full" id="main">
      <div className="row wrap" style={{ marginBottom: 8 }}>
        <nav className="crumbs" aria-label="Where this is">
          <Link to="experiments" className="hide-small">
            Experiments
          </Link>
          <span className="hide-small" aria-hidden="true">
            /
          </span>
          <h1 className="cut" style={{ color: "var(--text)" }} title={title}>
            {title}
          </h1>
        </nav>
        <span className="grow" />
        <div className="segmented" role="group" aria-label="What to show">
          {SHOWS.map(([show, icon, label]) => (
            <button key={show} type="button" className="row" style={{ gap: 5 }} aria-pressed={view.show === show} onClick={() => change({ show })}>
              <Icon name={icon} /> <span className="hide-small">{label}</span>
            </button>
          ))}
        </div>
        <ViewMenu experiment={ids[0]!} />
      </div>
      {keys.isError && <ErrorBox error={keys.error} retry={() => void keys.refetch()} />}
      {ready ? (
        <Body {...{ ids, view, change, columns, query, keys: keys.data, names, title, picked, setPicked }} />
      ) : (
        <Skeleton lines={12} />
      )}
    </main>
  );
}

interface BodyProps {
  ids: string[];
  view: RunView;
  change: (change: Partial<RunView>) => void;
  columns: string[];
  query: TableQuery;
  keys: ReturnType<typeof useKeys>["data"];
  names: ReadonlyMap<string, string>;
  title: string;
  picked: ReadonlyMap<string, RunRow>;
  setPicked: (picked: ReadonlyMap<string, RunRow>) => void;
}

function Body({ ids, view, change, columns, query, keys, names, title, picked, setPicked }: BodyProps) {
  const lines = useLines(query, view);
  useLiveRuns(ids, lines.someRunning || lines.total === 0);
  const [busy, setBusy] = useState(false);
  const asked = dataColumns(columns);
  const whole = async (work: (rows: RunRow[]) => void) => {
    setBusy(true);
    try {
      work(await readAll(query));
    } catch (error) {
      sayError(error);
    }
    setBusy(false);
  };
  const exportCsv = () => whole((rows) => offer(`${title.replace(/[^\w.-]+/g, "-")}.csv`, csvOf(rows, columns, names), "text/csv"));
  const pickAll = () =>
    whole((rows) => {
      setPicked(new Map(rows.map((row) => [row.id, row])));
      say(`Chose ${count(rows.length, "run")}.`);
    });
  const filterError = lines.error instanceof ApiError && lines.error.status === 400;
  const fresh = lines.total === 0 && !view.filter && !view.deleted && !lines.loading;
  return (
    <>
      <div className="runs-bar">
        <FilterBar
          ids={ids}
          value={view.filter}
          keys={keys}
          error={lines.error}
          shift={query.filter.startsWith("(") && !view.filter.startsWith("(") ? 1 : 0}
          onChange={(filter) => change({ filter })}
        />
      </div>
      <div className="runs-tools">
        {view.show !== "charts" && <ColumnMenu keys={keys} columns={columns} change={change} />}
        <GroupMenu keys={keys} view={view} change={change} />
        <button type="button" className="button" aria-pressed={view.tree} title="Runs below their parents" onClick={() => change({ tree: !view.tree })}>
          <Icon name="right" /> <span className="hide-small">Nested</span>
        </button>
        <button type="button" className="button" aria-pressed={view.deleted} onClick={() => change({ deleted: !view.deleted })}>
          <Icon name="trash" /> <span className="hide-small">Deleted</span>
        </button>
        <button type="button" className="button" disabled={busy || !lines.total} onClick={() => void exportCsv()} title="All matching runs, these columns">
          <Icon name="download" /> CSV
        </button>
        <span className="muted" aria-live="polite">
          {lines.total === null ? "" : count(lines.total, "run")}
          {lines.groups !== null && ` in ${count(lines.groups, "group")}`}
        </span>
        {!!lines.total && lines.groups === null && picked.size === 0 && (
          <button type="button" className="link-button" disabled={busy} onClick={() => void pickAll()}>
            choose all
          </button>
        )}
        {view.hidden.length > 0 && (
          <button type="button" className="link-button" onClick={() => change({ hidden: [] })}>
            show {count(view.hidden.length, "hidden run")} in charts
          </button>
        )}
        <span className="grow" />
        {picked.size > 0 && <BulkBar picked={picked} clear={() => setPicked(NOTHING)} deleted={view.deleted} />}
      </div>
      {lines.error !== null && !filterError && <ErrorBox error={lines.error} retry={lines.retry} />}
      <div className="runs-body">
        {view.show !== "charts" && (
          <div className="side">
            {fresh ? (
              <FirstRun experiment={ids.length === 1 ? names.get(ids[0]!) : undefined} />
            ) : lines.total === 0 && !lines.loading ? (
              <Empty title="No run matches">
                <p className="muted">{view.deleted ? "Nothing is deleted here." : "Loosen the filter above, or clear it."}</p>
              </Empty>
            ) : (
              <RunGrid
                key={ids.join()}
                {...{ view, change, columns, asked, picked, setPicked, names }}
                lines={lines.total === null ? 20 : lines.lines}
                itemAt={lines.itemAt}
                onLines={lines.onLines}
                toggle={lines.toggle}
                stale={lines.stale}
              />
            )}
          </div>
        )}
        {view.show !== "table" && (
          <Suspense fallback={<div className="charts-side"><Skeleton /></div>}>
            <ChartsSide ids={ids} view={view} change={change} query={query} keys={keys} alone={view.show === "charts"} />
          </Suspense>
        )}
      </div>
    </>
  );
}
