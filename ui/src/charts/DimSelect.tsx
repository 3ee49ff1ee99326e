import { columnTitle } from "../state/runView";

interface Props {
  label: string;
  value: string;
  columns: string[];
  onChange: (column: string) => void;
  /** With it the first choice is "none" under this name. */
  none?: string;
}

/** Which metric or param a chart shows in one of its dimensions. */
export function DimSelect({ label, value, columns, onChange, none }: Props) {
  const part = (name: string) => columns.filter((column) => column.startsWith(`${name}.`));
  return (
    <label>
      {label}
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {(["metrics", "params"] as const).map((name) => (
          <optgroup key={name} label={name === "metrics" ? "Metrics" : "Params"}>
            {part(name).map((column) => (
              <option key={column} value={column}>
                {columnTitle(column)}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

/** The columns chosen for a chart's dimensions; where none is chosen, or one is gone, a sensible one. */
export function chosen(dims: string[], columns: string[], wanted: ("metric" | "param" | "any")[]): string[] {
  const used = new Set<string>();
  return wanted.map((kind, place) => {
    const asked = dims[place];
    if (asked && columns.includes(asked)) {
      used.add(asked);
      return asked;
    }
    const fits = (column: string) => kind === "any" || column.startsWith(kind === "metric" ? "metrics." : "params.");
    const found = columns.find((column) => fits(column) && !used.has(column)) ?? columns.find((column) => !used.has(column)) ?? columns[0] ?? "";
    used.add(found);
    return found;
  });
}

/** `dims` with one of them changed. */
export function withDim(dims: string[], place: number, column: string): string[] {
  const next = [...dims];
  next[place] = column;
  return next;
}
