// The schema of a model, read from the text of its MLmodel file.

export interface Field {
  name: string;
  type: string;
  required: boolean;
}

export interface Schema {
  inputs: Field[];
  outputs: Field[];
  params: Field[];
}

/** The signature that an MLmodel file holds, or null where it has none that we can read. */
export function signatureOf(text: string): Schema | null {
  const start = /^signature:\s*$/m.exec(text);
  if (!start) return null;
  const block = /^(?:[ \t].*\n?|\n)*/.exec(text.slice(start.index + start[0].length + 1))?.[0] ?? "";
  const part = (name: string) => fields(quoted(block, name));
  return { inputs: part("inputs"), outputs: part("outputs"), params: part("params") };
}

/** A YAML scalar in single quotes: lines are folded with spaces, a quote is written twice. */
function quoted(block: string, name: string): string {
  const found = new RegExp(`^\\s+${name}: '((?:[^']|'')*)'`, "m").exec(block);
  return found?.[1] ? found[1].replace(/\s*\n\s*/g, " ").replace(/''/g, "'") : "";
}

interface RawField {
  name?: string;
  type?: string;
  dtype?: string;
  required?: boolean;
  optional?: boolean;
  "tensor-spec"?: { dtype: string; shape: number[] };
  items?: RawField;
  properties?: Record<string, RawField>;
  shape?: number[] | null;
  default?: unknown;
}

function fields(json: string): Field[] {
  let raw: RawField[];
  try {
    raw = JSON.parse(json) as RawField[];
  } catch {
    return [];
  }
  return raw.map((one, index) => ({
    name: one.name ?? `${index}`,
    type: typeOf(one),
    required: !("default" in one) && one.required !== false && !one.optional,
  }));
}

function typeOf(one: RawField): string {
  const tensor = one["tensor-spec"];
  if (tensor) return `tensor(${tensor.dtype}, ${tensor.shape.map((size) => (size < 0 ? "any" : size)).join(" × ")})`;
  if (one.type === "array" && one.items) return `array of ${typeOf(one.items)}`;
  if (one.type === "object") return `object {${Object.keys(one.properties ?? {}).join(", ")}}`;
  return one.type ?? one.dtype ?? "any";
}
