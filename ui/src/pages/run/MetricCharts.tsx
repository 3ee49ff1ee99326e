// Every metric of one run as a small chart; new points arrive while the run goes on.
import { useDeferredValue, useState } from "react";
import { useRunCurves } from "../../api/run";
import type { Curve, Run } from "../../api/schema";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { number } from "../../state/format";
import { setQuery, usePlace } from "../../state/router";
import { SmallChart } from "./SmallChart";

const MOST = 48;

interface Props {
  run: Run;
  keys: string[];
  /** What all keys begin with; left out of the titles. */
  prefix?: string;
  /** Drawn over time unless the address says otherwise. */
  time?: boolean;
}

export function MetricCharts({ run, keys, prefix = "", time = false }: Props) {
  const { query } = usePlace();
  const [most, setMost] = useState(MOST);
  const text = query.get("find") ?? "";
  const wanted = useDeferredValue(text).toLowerCase();
  const axis = (query.get("x") ?? (time ? "time" : "step")) === "time" ? "time" : "step";
  const log = query.get("log") === "1";
  const found = keys.filter((key) => key.toLowerCase().includes(wanted));
  const shown = found.slice(0, most);
  const newest = Math.max(0, ...(run.data.metrics ?? []).map((one) => one.timestamp));
  const curves = useRunCurves(run.info.run_id, shown, axis, String(newest));
  if (keys.length === 0) {
    return (
      <Empty title="No metrics yet">
        <p className="muted">They appear here as soon as they are logged.</p>
        <pre>{'tidemill.log_metric("loss", loss, step=step)'}</pre>
      </Empty>
    );
  }
  return (
    <div className="stack">
      <div className="row wrap">
        <input className="input" style={{ width: 220 }} type="search" placeholder="Find a metric" aria-label="Find a metric" defaultValue={text} onChange={(event) => setQuery({ find: event.target.value })} />
        <div className="segmented" role="group" aria-label="Horizontal axis">
          <button type="button" aria-pressed={axis === "step"} onClick={() => setQuery({ x: "step" })}>Step</button>
          <button type="button" aria-pressed={axis === "time"} onClick={() => setQuery({ x: "time" })}>Time</button>
        </div>
        <label className="check">
          <input type="checkbox" checked={log} onChange={(event) => setQuery({ log: event.target.checked ? "1" : null })} />
          Logarithmic
        </label>
      </div>
      {curves.isError && <ErrorBox error={curves.error} retry={() => void curves.refetch()} />}
      {curves.isPending && <Skeleton />}
      <div className="run-charts">
        {shown.map((key) => {
          const curve = curves.data?.find((one) => one.metric_key === key);
          return curve && <Chart key={key} title={key.slice(prefix.length)} curve={curve} axis={axis} log={log} />;
        })}
      </div>
      {found.length > shown.length && (
        <button type="button" className="button" onClick={() => setMost(most + MOST)}>
          Show {Math.min(MOST, found.length - shown.length)} more
        </button>
      )}
    </div>
  );
}

function Chart({ title, curve, axis, log }: { title: string; curve: Curve; axis: "step" | "time"; log: boolean }) {
  const last = curve.y.at(-1);
  return (
    <section className="card run-chart" aria-label={`${title}, ${number(last)}`}>
      <header>
        <strong className="cut grow" title={title}>{title}</strong>
        <span className="mono">{number(last)}</span>
        <span className="muted">{curve.points.toLocaleString("en")} {curve.points === 1 ? "point" : "points"}</span>
      </header>
      <div className="plot">
        <SmallChart curve={curve} time={axis === "time"} log={log} />
      </div>
    </section>
  );
}
