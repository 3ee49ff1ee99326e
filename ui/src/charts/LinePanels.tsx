import { useEffect, useMemo, useRef, useState } from "react";
import { useCurves, type Line } from "../api/curves";
import type { ExperimentKeys } from "../api/schema";
import { Empty, ErrorBox } from "../components/Notices";
import { Icon } from "../components/Icon";
import { number } from "../state/format";
import type { Axis, RunView } from "../state/runView";
import { BarRow } from "./BarChart";
import type { ChartRun } from "./ChartsSide";
import { LineChart } from "./LineChart";
import { extent, type Range } from "./scale";

const HEIGHT = 210;
const TALL = 460;
const AXES: [Axis, string][] = [
  ["step", "Step"],
  ["relative", "Relative"],
  ["time", "Time"],
];

interface Props {
  ids: string[];
  runs: ChartRun[];
  view: RunView;
  change: (change: Partial<RunView>) => void;
  keys: ExperimentKeys | undefined;
  color: (id: string) => string;
  name: (id: string) => string;
}

/** One chart for each metric, those in sight drawn; a zoom holds for all. */
export function LinePanels({ ids, runs, view, change, keys, color, name }: Props) {
  const [range, setRange] = useState<Range | null>(null);
  const [tall, setTall] = useState<string | null>(null);
  useEffect(() => setRange(null), [view.axis]);
  const word = view.metrics.toLowerCase();
  const metrics = useMemo(
    () => (keys?.metrics ?? []).map((one) => one.key).filter((key) => key.toLowerCase().includes(word)).sort(systemLast),
    [keys, word],
  );
  const runIds = useMemo(() => runs.map((run) => run.id), [runs]);
  return (
    <>
      <LineTools view={view} change={change} range={range} setRange={setRange} />
      {metrics.length === 0 && (
        <Empty title={word ? "No metric has such a name" : "No metric is logged yet"}>
          {!word && (
            <p className="muted">
              <code>tidemill.log_metric("loss", 0.5, step=3)</code> logs a point; each metric gets a chart here.
            </p>
          )}
        </Empty>
      )}
      <div className="panels">
        {metrics.map((key) => (
          <Panel
            key={`${ids.join()} ${key}`}
            metric={key}
            runs={runIds}
            view={view}
            range={range}
            setRange={setRange}
            tall={tall === key}
            setTall={(on) => setTall(on ? key : null)}
            color={color}
            name={name}
          />
        ))}
      </div>
    </>
  );
}

function LineTools({ view, change, range, setRange }: Pick<Props, "view" | "change"> & { range: Range | null; setRange: (range: Range | null) => void }) {
  return (
    <div className="row wrap line-tools">
      <input className="input" style={{ width: 150 }} type="search" placeholder="Find a metric" aria-label="Find a metric" value={view.metrics} onChange={(event) => change({ metrics: event.target.value })} />
      <div className="segmented" role="group" aria-label="X axis">
        {AXES.map(([axis, label]) => (
          <button key={axis} type="button" aria-pressed={view.axis === axis} onClick={() => change({ axis })}>
            {label}
          </button>
        ))}
      </div>
      <label className="check">
        Smoothing
        <input type="range" min={0} max={0.99} step={0.01} value={view.smooth} onChange={(event) => change({ smooth: Number(event.target.value) })} style={{ width: 90 }} />
        <span className="num mono" style={{ width: 28 }}>
          {view.smooth.toFixed(2)}
        </span>
      </label>
      <label className="check">
        <input type="checkbox" checked={view.logX} disabled={view.axis === "time"} onChange={(event) => change({ logX: event.target.checked })} /> log x
      </label>
      <label className="check">
        <input type="checkbox" checked={view.logY} onChange={(event) => change({ logY: event.target.checked })} /> log y
      </label>
      {range && (
        <button type="button" className="button" onClick={() => setRange(null)}>
          <Icon name="close" /> Whole range
        </button>
      )}
    </div>
  );
}

interface PanelProps {
  metric: string;
  runs: string[];
  view: RunView;
  range: Range | null;
  setRange: (range: Range | null) => void;
  tall: boolean;
  setTall: (tall: boolean) => void;
  color: (id: string) => string;
  name: (id: string) => string;
}

function Panel({ metric, runs, view, range, setRange, tall, setTall, color, name }: PanelProps) {
  const element = useRef<HTMLElement>(null);
  const inSight = useInSight(element);
  const found = useCurves({ runs, key: metric, axis: view.axis, width: tall ? 1000 : 560, range, enabled: inSight });
  const height = tall ? TALL : HEIGHT;
  const lines = found.lines ?? [];
  const thinned = lines.some((line) => line.low.length > 0);
  // Metrics that were logged once say more as bars, below those that have a course.
  const single = lines.length > 0 && lines.every((line) => line.points === 1) && !range;
  return (
    <article ref={element} className={`card panel ${tall ? "tall" : ""} ${single ? "single" : ""}`} aria-label={`Chart of ${metric}`}>
      <header>
        <h3 className="cut grow" title={metric}>
          {metric}
        </h3>
        {thinned && (
          <span className="muted hide-small" title="So many points that each place shows their mean, and a band from the least to the greatest. Drag to zoom: details are loaded.">
            thinned
          </span>
        )}
        <button type="button" className="button plain" aria-pressed={tall} aria-label={tall ? `Make ${metric} smaller` : `Make ${metric} larger`} onClick={() => setTall(!tall)}>
          <Icon name="expand" />
        </button>
      </header>
      {found.isError ? (
        <div className="body">
          <ErrorBox error={found.error} retry={() => void found.refetch()} />
        </div>
      ) : lines.length === 0 ? (
        <div className="panel-empty" style={{ height }}>
          {found.isSuccess ? <span className="muted">no points of these runs here</span> : <span className="skeleton" style={{ width: "70%" }} />}
        </div>
      ) : single ? (
        <SingleValues lines={lines} color={color} name={name} />
      ) : (
        <LineChart
          lines={lines}
          color={color}
          name={name}
          axis={view.axis}
          smooth={view.smooth}
          logX={view.logX && view.axis !== "time"}
          logY={view.logY}
          height={height}
          range={range}
          onRange={setRange}
          sync={`runs ${view.axis}`}
        />
      )}
    </article>
  );
}

/** The values of a metric that each run logged once. */
function SingleValues({ lines, color, name }: { lines: Line[]; color: (id: string) => string; name: (id: string) => string }) {
  const sorted = lines.filter((line) => Number.isFinite(line.y[0])).sort((a, b) => b.y[0]! - a.y[0]!);
  const [low, high] = extent([0, ...sorted.map((line) => line.y[0])]) ?? [0, 1];
  const share = (value: number) => ((value - low) / (high - low || 1)) * 100;
  return (
    <div className="bars" tabIndex={0} aria-label="Values by run">
      {sorted.slice(0, 100).map((line) => (
        <BarRow key={line.id} label={<span title={name(line.id)}>{name(line.id)}</span>} from={share(0)} to={share(line.y[0]!)} color={color(line.id)} text={number(line.y[0])} />
      ))}
    </div>
  );
}

/** Whether the element has been in sight yet, or nearly so. */
function useInSight(element: React.RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (seen || !element.current) return;
    const watch = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && setSeen(true), { rootMargin: "200px" });
    watch.observe(element.current);
    return () => watch.disconnect();
  }, [element, seen]);
  return seen;
}

/** By name, with the metrics of the machine at the end. */
function systemLast(a: string, b: string): number {
  return Number(a.startsWith("system/")) - Number(b.startsWith("system/")) || a.localeCompare(b);
}
