// Rows opened inside a long list: which line shows what, without a list of all lines.

export interface Expansion {
  /** The top-level row that is open. */
  index: number;
  /** How many lines it shows below itself. */
  count: number;
}

export type Line = { top: number; child: null } | { top: number; child: number };

/** How many lines there are. */
export function lineCount(tops: number, expansions: Expansion[]): number {
  return expansions.reduce((sum, one) => sum + (one.index < tops ? one.count : 0), tops);
}

/** What line `at` shows. `expansions` are sorted by index. */
export function lineAt(at: number, expansions: Expansion[]): Line {
  let shift = 0;
  for (const one of expansions) {
    const line = one.index + shift;
    if (at <= line) break;
    if (at <= line + one.count) return { top: one.index, child: at - line - 1 };
    shift += one.count;
  }
  return { top: at - shift, child: null };
}
