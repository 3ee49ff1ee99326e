// What can come next in a filter: read from the text before the cursor, without judging it (the server does).
import type { ExperimentKeys } from "../../api/schema";
import { fieldText, valueText } from "../../state/runView";

export interface Suggestion {
  label: string;
  hint: string;
  /** What replaces the text between `from` and the cursor. */
  insert: string;
}

export interface Completion {
  from: number;
  items: Suggestion[];
  /** The filter is whole as it stands: nothing need be shown unless somebody asks. */
  optional?: boolean;
  /** A param or tag whose values are wanted; what has been typed of one is `typed`. */
  values?: { column: string; typed: string };
}

const TOKEN =
  /\s*(?:(E?'(?:[^'\\]|\\.|'')*'?|E?"(?:[^"\\]|\\.)*"?)|([A-Za-z_][\w]*(?:\.(?:`[^`]*`?|[\w./-]*))?|`[^`]*`?)|(-?[\d.][\w.]*)|([<>=!~]+)|([(),])|(\S))/gy;
const ATTRIBUTES = [
  ["status", "RUNNING, FINISHED, FAILED, KILLED"],
  ["run_name", "text"],
  ["start_time", "ms since 1970"],
  ["end_time", "ms since 1970"],
  ["duration", "ms"],
  ["user_id", "text"],
  ["run_id", "text"],
] as const;
const NUMBER_OPS = ["<", "<=", ">", ">=", "=", "!=", "IS NULL", "IS NOT NULL"];
const TEXT_OPS = ["=", "!=", "LIKE", "ILIKE", "IN", "IS NULL", "IS NOT NULL", "RLIKE"];
const STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];
const WORD_OPS = /^(LIKE|ILIKE|RLIKE|IN|IS|NOT|NULL)$/i;

interface Token {
  text: string;
  start: number;
  kind: "text" | "name" | "number" | "op" | "mark" | "other";
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let hit = TOKEN.exec(text); hit && hit[0]; hit = TOKEN.exec(text)) {
    const kinds = ["text", "name", "number", "op", "mark", "other"] as const;
    const place = hit.slice(1).findIndex((one) => one !== undefined);
    const word = hit[place + 1]!;
    found.push({ text: word, start: hit.index + hit[0].length - word.length, kind: kinds[place]! });
  }
  return found;
}

/** What may follow at the cursor. Empty where nothing useful can be said. */
export function complete(text: string, caret: number, keys: ExperimentKeys | undefined): Completion {
  const before = tokens(text.slice(0, caret));
  const last = before.at(-1);
  const touching = last !== undefined && last.start + last.text.length === caret && last.kind !== "mark" && last.kind !== "op";
  const done = touching ? before.slice(0, -1) : before;
  const typed = touching ? last.text : "";
  const from = touching ? last.start : caret;
  const wanted = state(done);
  if (wanted.what === "field") return { from, items: fields(typed, keys) };
  if (wanted.what === "operator") {
    const ops = wanted.number ? NUMBER_OPS : TEXT_OPS;
    return { from, items: pick(ops.map((op) => ({ label: op, hint: "", insert: op.startsWith("IS") ? op : `${op} ` })), typed) };
  }
  if (wanted.what === "joiner") {
    return { from, optional: typed === "", items: pick(["AND", "OR"].map((word) => ({ label: word, hint: "", insert: `${word} ` })), typed) };
  }
  if (wanted.field === "status") {
    return { from, items: pick(STATUSES.map((one) => ({ label: one, hint: "", insert: `'${one}'` })), typed.replace(/'/g, "")) };
  }
  const column = columnOf(wanted.field);
  const open = typed.replace(/^E?['"]/, "").replace(/['"]$/, "");
  return column ? { from, items: [], values: { column, typed: open } } : { from, items: [] };
}

type Wanted = { what: "field" } | { what: "joiner" } | { what: "operator"; number: boolean } | { what: "value"; field: string };

function state(done: Token[]): Wanted {
  let wanted: Wanted = { what: "field" };
  let field = "";
  let inList = false;
  for (const token of done) {
    const word = token.text.toUpperCase();
    if (inList) {
      if (token.text === ")") {
        inList = false;
        wanted = { what: "joiner" };
      }
    } else if (wanted.what === "value" && token.text === "(") inList = true;
    else if (word === "AND" || word === "OR" || (word === "NOT" && wanted.what === "field") || (token.text === "(" && wanted.what === "field")) wanted = { what: "field" };
    else if (wanted.what === "field") {
      field = token.text;
      wanted = { what: "operator", number: isNumber(field) };
    } else if (wanted.what === "operator" && (token.kind === "op" || WORD_OPS.test(word))) {
      wanted = word === "IS" || word === "NOT" ? wanted : { what: "value", field };
      if (word === "NULL") wanted = { what: "joiner" };
    } else if (wanted.what === "value" && token.kind !== "op" && !WORD_OPS.test(word)) wanted = { what: "joiner" };
  }
  return wanted;
}

function isNumber(field: string): boolean {
  return /^metrics?\./i.test(field) || /^(attributes\.)?(start_time|end_time|duration)$/i.test(field);
}

function columnOf(field: string): string | null {
  const hit = /^(params?|tags?)\.(.+)$/is.exec(field);
  if (!hit) return null;
  const key = hit[2]!.replace(/^`|`$/g, "").replace(/``/g, "`");
  return `${hit[1]!.toLowerCase().startsWith("p") ? "params" : "tags"}.${key}`;
}

function fields(typed: string, keys: ExperimentKeys | undefined): Suggestion[] {
  const all: Suggestion[] = [];
  const add = (part: "metrics" | "params" | "tags", hint: string) => {
    for (const { key, runs } of keys?.[part] ?? []) {
      if (part === "tags" && key.startsWith("mlflow.") && !typed.includes("mlflow")) continue;
      all.push({ label: fieldText(part, key), hint: `${hint} of ${runs} runs`, insert: `${fieldText(part, key)} ` });
    }
  };
  add("metrics", "metric");
  add("params", "param");
  add("tags", "tag");
  for (const [name, hint] of ATTRIBUTES) all.push({ label: name, hint, insert: `${name} ` });
  return pick(all, typed);
}

/** Those that hold what was typed, those that begin with it first. */
function pick(items: Suggestion[], typed: string): Suggestion[] {
  const word = typed.toLowerCase().replace(/`/g, "");
  const hit = (one: Suggestion) => one.label.toLowerCase().replace(/`/g, "").indexOf(word);
  const after = (one: Suggestion) => (one.label.toLowerCase().split(".").slice(1).join(".").replace(/`/g, "").startsWith(word) ? 0 : 1);
  return items
    .filter((one) => hit(one) >= 0 && one.label !== typed)
    .sort((a, b) => Number(hit(a) > 0) - Number(hit(b) > 0) || after(a) - after(b))
    .slice(0, 40);
}

/** Values of a column as suggestions. */
export function valueItems(values: { value: string; runs: number }[], typed: string): Suggestion[] {
  const word = typed.toLowerCase();
  return values
    .filter((one) => one.value !== typed && one.value.toLowerCase().includes(word))
    .map((one) => ({ label: one.value || "(empty)", hint: `${one.runs} runs`, insert: valueText(one.value) }))
    .slice(0, 40);
}
