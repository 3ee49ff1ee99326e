import { dataColumns, type RunRow } from "../../api/runTable";
import { columnParts, columnTitle } from "../../state/runView";
import { plainCell } from "./cells";

/** A field of a CSV file (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe. */
export function csvField(text: string): string {
  const safe = /^[=+@\t\r]/.test(text) || (text.startsWith("-") && Number.isNaN(Number(text))) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** Runs as a CSV file: id, name, status, then the columns. */
export function csvOf(rows: RunRow[], columns: string[], names: ReadonlyMap<string, string>): string {
  const data = dataColumns(columns);
  const title = (column: string) => (columnParts(column).key === "duration" && columnParts(column).part === "attributes" ? "Duration (s)" : columnTitle(column));
  const lines = [["Run ID", "Run", "Status", ...columns.map(title)].map(csvField).join(",")];
  for (const row of rows) {
    const cells = columns.map((column) => plainCell(row, column, data.indexOf(column), names));
    lines.push([row.id, row.name, row.status, ...cells].map(csvField).join(","));
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** Hand a text to the user as a file. */
export function offer(name: string, text: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
