/** The rows of a text as RFC 4180 has them, at most `most`: quoted cells may hold separators, quotes ("") and line ends. */
export function parseCsv(text: string, separator = ",", most = Number.POSITIVE_INFINITY): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length && rows.length < most) {
    let cell = "";
    if (text[at] === '"') {
      [cell, at] = quoted(text, at + 1);
    }
    let end = at;
    while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") end++;
    row.push(cell + text.slice(at, end));
    at = end;
    if (text[at] === separator) {
      at++;
      if (at === text.length) row.push("");
      continue;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    rows.push(row);
    row = [];
  }
  if (row.length && rows.length < most) rows.push(row);
  return rows;
}

/** What a quoted cell says, and where it ends. */
function quoted(text: string, start: number): [string, number] {
  let cell = "";
  let at = start;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return [cell + text.slice(at), text.length];
    cell += text.slice(at, end);
    if (text[end + 1] !== '"') return [cell, end + 1];
    cell += '"';
    at = end + 2;
  }
}
