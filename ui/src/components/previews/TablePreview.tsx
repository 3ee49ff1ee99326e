import { useMemo } from "react";
import { count } from "../../state/format";
import { parseCsv } from "./csv";

const MOST = 500;

/** A CSV text as a table; its first row names the columns. */
export function CsvPreview({ text, separator, cut }: { text: string; separator: string; cut: boolean }) {
  const rows = useMemo(() => parseCsv(text, separator), [text, separator]);
  const [head = [], ...body] = rows;
  return <Grid columns={head} rows={body} total={cut ? undefined : body.length} />;
}

interface GridProps {
  columns: string[];
  /** Cells as text. */
  rows: string[][];
  /** How many rows the file has, where that is known. */
  total?: number;
}

/** The first rows of a table. */
export function Grid({ columns, rows, total }: GridProps) {
  const numeric = columns.map((_, index) => rows.slice(0, 50).every((row) => row[index] === "" || Number.isFinite(Number(row[index]))));
  const shown = rows.slice(0, MOST);
  return (
    <>
      <div className="preview-note">
        {total === undefined ? "The beginning of the table" : count(total, "row")}, {count(columns.length, "column")}
        {(total ?? rows.length) > shown.length && `; the first ${shown.length} are shown`}
      </div>
      <div className="preview-grid" tabIndex={0} role="region" aria-label="Table">
        <table className="table">
          <thead>
            <tr>
              {columns.map((name, index) => (
                <th key={index} className={numeric[index] ? "num" : ""}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, index) => (
              <tr key={index}>
                {columns.map((_, at) => (
                  <td key={at} className={numeric[at] ? "num" : ""} title={row[at]}>{row[at]}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
