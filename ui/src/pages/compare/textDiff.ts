// Which lines of two texts differ.

export interface DiffLine {
  kind: "same" | "left" | "right";
  text: string;
}

/** Beyond this many lines in the part that differs, lines are matched as sets and not in order. */
const MOST = 2_000;

/** Lines of both texts in one list: those in both, those only left, those only right. */
export function diffLines(left: string, right: string): DiffLine[] {
  const a = left.split("\n");
  const b = right.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = (text: string): DiffLine => ({ kind: "same", text });
  const middle = between(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return [...a.slice(0, start).map(same), ...middle, ...a.slice(a.length - end).map(same)];
}

function between(a: string[], b: string[]): DiffLine[] {
  if (a.length * b.length > MOST * MOST) {
    const [inA, inB] = [new Set(a), new Set(b)];
    return [
      ...a.map((text): DiffLine => ({ kind: inB.has(text) ? "same" : "left", text })),
      ...b.filter((text) => !inA.has(text)).map((text): DiffLine => ({ kind: "right", text })),
    ];
  }
  // Longest common subsequence, from the end.
  const width = b.length + 1;
  const best = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1]! + 1 : Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!);
    }
  }
  const found: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ kind: "same", text: a[i]! });
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || best[(i + 1) * width + j]! >= best[i * width + j + 1]!)) found.push({ kind: "left", text: a[i++]! });
    else found.push({ kind: "right", text: b[j++]! });
  }
  return found;
}

/** `name==version` lines as a table: which version each text has of each package. */
export function packages(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const hit = /^([\w.-]+)\s*==\s*(\S+)/.exec(line.trim());
    if (hit) found.set(hit[1]!.toLowerCase(), hit[2]!);
  }
  return found;
}
