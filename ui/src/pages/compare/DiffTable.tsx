import type { ReactNode } from "react";
import type { Run } from "../../api/schema";
import { runName } from "../../api/runs";
import { colorOf } from "../../state/colors";
import { Link } from "../../state/router";

export interface DiffRow {
  key: string;
  /** One for each run; null: it has none. */
  values: (string | null)[];
  /** What is shown instead of the plain values. */
  shown?: (ReactNode | null)[];
  best?: number[];
}

interface Props {
  runs: Run[];
  rows: DiffRow[];
  onlyDifferent: boolean;
  what: string;
}

export function differs(row: DiffRow): boolean {
  return row.values.some((value) => value !== row.values[0]);
}

/** Rows of values, a column a run; those in which runs differ are marked. */
export function DiffTable({ runs, rows, onlyDifferent, what }: Props) {
  const shown = onlyDifferent ? rows.filter(differs) : rows;
  if (!shown.length) {
    return <p className="muted">{rows.length ? `All ${rows.length} ${what} are the same in these runs.` : `These runs have no ${what}.`}</p>;
  }
  return (
    <div className="compare" tabIndex={0} aria-label={what}>
      <table>
        <thead>
          <tr>
            <th scope="col">{what}</th>
            {runs.map((run) => (
              <th key={run.info.run_id} scope="col">
                <span className="row" style={{ gap: 6 }}>
                  <svg className="swatch" viewBox="0 0 11 11" aria-hidden="true">
                    <rect width="11" height="11" rx="3" fill={colorOf(run.info.run_id)} />
                  </svg>
                  <Link to={`runs/${run.info.run_id}`} className="cut">
                    {runName(run)}
                  </Link>
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.key} className={!onlyDifferent && differs(row) ? "differs" : ""}>
              <th scope="row" title={row.key}>
                {row.key}
              </th>
              {row.values.map((value, place) => (
                <td key={place} className={row.best?.includes(place) ? "best" : ""} title={value ?? undefined}>
                  {value === null ? <span className="muted">–</span> : (row.shown?.[place] ?? value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
