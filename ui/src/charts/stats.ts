// How much params have to do with a metric, from the runs at hand.

export interface Importance {
  key: string;
  /** Share of the metric's variance that goes with the param (correlation ratio, corrected for chance), 0 to 1. */
  share: number;
  /** Rank correlation for numbers: which way it goes; null for texts. */
  trend: number | null;
  values: number;
}

const BINS = 6;

/** Params by how much of the metric's variance they go with. Runs without the metric or the param do not count. */
export function importances(params: Record<string, (string | number | null)[]>, metric: (number | null)[]): Importance[] {
  const found: Importance[] = [];
  for (const [key, column] of Object.entries(params)) {
    const pairs: [string, number][] = [];
    column.forEach((value, row) => {
      const y = metric[row];
      if (value !== null && y !== null && y !== undefined && Number.isFinite(y)) pairs.push([String(value), y]);
    });
    const distinct = new Set(pairs.map(([value]) => value)).size;
    if (distinct < 2 || pairs.length < 4) continue;
    const numeric = pairs.every(([value]) => value.trim() !== "" && Number.isFinite(Number(value)));
    const groups = numeric && distinct > BINS ? binned(pairs) : pairs;
    const share = correlationRatio(groups);
    const trend = numeric ? spearman(pairs.map(([x]) => Number(x)), pairs.map(([, y]) => y)) : null;
    found.push({ key, share, trend, values: distinct });
  }
  return found.sort((a, b) => b.share - a.share);
}

function binned(pairs: [string, number][]): [string, number][] {
  const sorted = pairs.map(([x]) => Number(x)).sort((a, b) => a - b);
  const edges = Array.from({ length: BINS - 1 }, (_, n) => sorted[Math.floor(((n + 1) * sorted.length) / BINS)]!);
  return pairs.map(([x, y]) => [String(edges.filter((edge) => Number(x) >= edge).length), y]);
}

/** Epsilon squared: the part of the variance that lies between groups, less what chance would put there. */
export function correlationRatio(pairs: [string, number][]): number {
  const mean = pairs.reduce((sum, [, y]) => sum + y, 0) / pairs.length;
  const groups = new Map<string, number[]>();
  for (const [x, y] of pairs) groups.set(x, [...(groups.get(x) ?? []), y]);
  let within = 0;
  let total = 0;
  for (const ys of groups.values()) {
    const own = ys.reduce((sum, y) => sum + y, 0) / ys.length;
    for (const y of ys) {
      within += (y - own) ** 2;
      total += (y - mean) ** 2;
    }
  }
  const free = pairs.length - groups.size;
  if (total === 0 || free <= 0) return 0;
  const spread = total / (pairs.length - 1);
  return Math.max(0, Math.min(1, 1 - within / free / spread));
}

/** Spearman's rank correlation, −1 to 1. */
export function spearman(xs: number[], ys: number[]): number {
  const [a, b] = [ranks(xs), ranks(ys)];
  const mean = (xs.length - 1) / 2;
  let top = 0;
  let left = 0;
  let right = 0;
  a.forEach((rank, row) => {
    const [dx, dy] = [rank - mean, b[row]! - mean];
    top += dx * dy;
    left += dx * dx;
    right += dy * dy;
  });
  return left && right ? top / Math.sqrt(left * right) : 0;
}

function ranks(values: number[]): number[] {
  const order = values.map((value, row) => ({ value, row })).sort((a, b) => a.value - b.value);
  const found = new Array<number>(values.length);
  for (let at = 0; at < order.length; ) {
    let end = at;
    while (end + 1 < order.length && order[end + 1]!.value === order[at]!.value) end++;
    for (let one = at; one <= end; one++) found[order[one]!.row] = (at + end) / 2;
    at = end + 1;
  }
  return found;
}
