// From data to endpoint, left to right: data sets and code → run → logged model → version → deployments.
import { BASE } from "../../api/client";
import type { Lineage } from "../../api/schema";

export interface Box {
  kind: string;
  label: string;
  detail?: string;
  /** A page of ours. */
  to?: string;
  here?: boolean;
}

const WIDTH = 190;
const HEIGHT = 46;
const GAP_X = 46;
const GAP_Y = 12;

/** The columns of the graph, without those that are empty. */
export function columnsOf(lineage: Lineage): Box[][] {
  const { model_version: version, run, logged_model: model, code } = lineage;
  const inputs: Box[] = (lineage.datasets ?? []).map(({ dataset }) => ({ kind: "data set", label: dataset.name ?? "", detail: dataset.digest }));
  if (code?.commit) inputs.push({ kind: "code", label: code.commit.slice(0, 12), detail: code.changed ? "with changes" : code.branch });
  if (lineage.environment?.python) inputs.push({ kind: "environment", label: `Python ${lineage.environment.python}`, detail: lineage.environment.platform });
  const columns: Box[][] = [
    inputs,
    run ? [{ kind: "run", label: run.run_name || run.run_id.slice(0, 12), detail: run.status.toLowerCase(), to: `runs/${run.run_id}` }] : [],
    model ? [{ kind: "logged model", label: model.name, detail: model.model_id.slice(0, 14), to: `logged-models/${model.model_id}` }] : [],
    [{ kind: "version", label: `${version.name} ${version.version}`, detail: (version.aliases ?? []).map((one) => `@${one}`).join(" "), here: true }],
    (lineage.deployments ?? []).map((one) => ({ kind: "deployment", label: one.name, detail: one.status.toLowerCase(), to: "deployments" })),
  ];
  return columns.filter((column) => column.length > 0);
}

export function LineageGraph({ lineage }: { lineage: Lineage }) {
  const columns = columnsOf(lineage);
  const rows = Math.max(...columns.map((column) => column.length));
  const height = rows * HEIGHT + (rows - 1) * GAP_Y;
  const width = columns.length * WIDTH + (columns.length - 1) * GAP_X;
  const top = (column: Box[], row: number) => (height - column.length * HEIGHT - (column.length - 1) * GAP_Y) / 2 + row * (HEIGHT + GAP_Y);
  const left = (index: number) => index * (WIDTH + GAP_X);
  return (
    <section className="card" aria-label="Lineage">
      <header><h2>Lineage</h2></header>
      <div className="lineage" tabIndex={0} role="region" aria-label="From data to endpoint">
        <svg width={width + 2} height={height + 2} viewBox={`-1 -1 ${width + 2} ${height + 2}`} role="group" aria-label={columns.map((column) => column.map((one) => `${one.kind} ${one.label}`).join(", ")).join(" → ")}>
          {columns.slice(1).map((column, index) =>
            column.map((_, row) =>
              (columns[index] ?? []).map((__, before) => {
                const x = left(index) + WIDTH;
                const from = top(columns[index] ?? [], before) + HEIGHT / 2;
                const to = top(column, row) + HEIGHT / 2;
                return <path key={`${index} ${row} ${before}`} d={`M${x} ${from}C${x + GAP_X / 2} ${from} ${x + GAP_X / 2} ${to} ${x + GAP_X} ${to}`} />;
              }),
            ),
          )}
          {columns.map((column, index) => column.map((box, row) => <Drawn key={`${index} ${row}`} box={box} x={left(index)} y={top(column, row)} />))}
        </svg>
      </div>
    </section>
  );
}

function Drawn({ box, x, y }: { box: Box; x: number; y: number }) {
  const inside = (
    <g className={box.here ? "here" : ""} transform={`translate(${x} ${y})`}>
      <title>{`${box.kind}: ${box.label} ${box.detail ?? ""}`}</title>
      <rect width={WIDTH} height={HEIGHT} rx="6" />
      <text className="kind" x="10" y="17">{short(`${box.kind}${box.detail ? ` · ${box.detail}` : ""}`, 27)}</text>
      <text x="10" y="35" fontWeight="600">{short(box.label, 25)}</text>
    </g>
  );
  return box.to ? <a href={`${BASE}${box.to}`}>{inside}</a> : inside;
}

function short(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
