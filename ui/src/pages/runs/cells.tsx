// What a cell shows, and as text for exports.
import type { RunRow } from "../../api/runTable";
import type { Spread } from "../../api/schema";
import { ago, duration, moment, number } from "../../state/format";
import { columnParts } from "../../state/runView";

export interface CellText {
  text: string;
  /** Shown on pointing at it, where it says more. */
  title?: string;
  right?: boolean;
}

/** An attribute of a run. `names`: experiments by id. */
export function attributeCell(row: RunRow, key: string, names: ReadonlyMap<string, string>): CellText {
  switch (key) {
    case "start_time":
      return { text: ago(row.start), title: moment(row.start) };
    case "end_time":
      return row.end === null ? { text: "" } : { text: ago(row.end), title: moment(row.end) };
    case "duration":
      return { text: duration((row.end ?? Date.now()) - row.start), right: true };
    case "status":
      return { text: row.status.toLowerCase() };
    case "user_id":
      return { text: row.user };
    case "run_id":
      return { text: row.id };
    case "experiment_id":
      return { text: names.get(row.experiment) ?? row.experiment };
    default:
      return { text: "" };
  }
}

/** A value of a metric, param or tag. */
export function dataCell(column: string, value: string | number | null): CellText {
  if (value === null) return { text: "" };
  if (columnParts(column).part.startsWith("metrics")) return { text: number(value), title: String(value), right: true };
  const text = String(value);
  const right = text !== "" && text.length < 24 && !Number.isNaN(Number(text));
  return { text, title: text.length > 20 ? text : undefined, right };
}

/** A group's mean ± standard deviation. */
export function spreadCell(spread: Spread | null): CellText {
  if (!spread) return { text: "" };
  const text = spread.count > 1 && Number(spread.std) > 0 ? `${number(spread.mean)} ± ${number(spread.std, 2)}` : number(spread.mean);
  return { text, title: `${spread.low} to ${spread.high}, ${spread.count} runs`, right: true };
}

/** A run's value of any column as it goes into a file: numbers in full, times as ISO 8601. */
export function plainCell(row: RunRow, column: string, place: number, names: ReadonlyMap<string, string>): string {
  const { part, key } = columnParts(column);
  if (part !== "attributes") return String(row.cells[place] ?? "");
  if (key === "start_time") return new Date(row.start).toISOString();
  if (key === "end_time") return row.end === null ? "" : new Date(row.end).toISOString();
  if (key === "duration") return row.end === null ? "" : String((row.end - row.start) / 1000);
  return attributeCell(row, key, names).text;
}
