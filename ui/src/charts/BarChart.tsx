import { number } from "../state/format";
import { Link } from "../state/router";
import type { ChartProps } from "./ChartsSide";
import { chosen, DimSelect } from "./DimSelect";
import { extent } from "./scale";

const MOST = 100;

/** One number of each run, as bars in order. */
export function BarChart({ runs, view, change, columns }: ChartProps) {
  const numeric = columns.filter((column) => runs.some((run) => typeof run.values[column] === "number"));
  const [column] = chosen(view.dims, numeric, ["metric"]) as [string];
  const values = runs.flatMap((run) => {
    const value = run.values[column];
    return typeof value === "number" ? [{ run, value }] : [];
  });
  values.sort((a, b) => b.value - a.value);
  const [low, high] = extent([0, ...values.map((one) => one.value)]) ?? [0, 1];
  const share = (value: number) => ((value - low) / (high - low || 1)) * 100;
  return (
    <>
      <div className="chart-tools">
        <DimSelect label="Bars of" value={column} columns={numeric} onChange={(next) => change({ dims: [next] })} />
        {values.length > MOST && <span className="muted">the {MOST} largest of {values.length}</span>}
      </div>
      <div className="bars">
        {values.slice(0, MOST).map(({ run, value }) => (
          <BarRow key={run.id} label={<Link to={`runs/${run.id}`} className="cut" title={run.name}>{run.name}</Link>} from={share(0)} to={share(value)} color={run.color} text={number(value)} />
        ))}
      </div>
      {!values.length && <p className="muted">No visible run has a number there.</p>}
    </>
  );
}

interface RowProps {
  label: React.ReactNode;
  from: number;
  to: number;
  color: string;
  text: string;
}

/** A labelled bar between two shares (0 to 100) of the width. */
export function BarRow({ label, from, to, color, text }: RowProps) {
  return (
    <>
      <span className="cut">{label}</span>
      <span className="track">
        <svg viewBox="0 0 100 15" preserveAspectRatio="none" aria-hidden="true">
          <rect x={Math.min(from, to)} width={Math.max(0.4, Math.abs(to - from))} height="15" fill={color} />
        </svg>
      </span>
      <span className="num mono">{text}</span>
    </>
  );
}
