// Arithmetic behind the charts: ranges, ticks, smoothing, thinning of nothing.

export type Range = [number, number];

/** The least and the greatest finite number, or null where there is none. */
export function extent(values: Iterable<number | null | undefined>): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** A range with some room at both ends; one of a single value gets some width. */
export function padded([low, high]: Range, share = 0.05, log = false): Range {
  if (log) {
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const room = (b - a || 1) * share;
    return [10 ** (a - room), 10 ** (b + room)];
  }
  const room = (high - low) * share || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** About `count` round numbers within a range. */
export function ticks([low, high]: Range, count = 5): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * size).find((one) => one >= rough) ?? size * 10;
  const found: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step * 1e-9 ? 0 : Number(at.toPrecision(12)));
  return found;
}

/**
 * An exponential moving average, corrected for its start (so that the first value is the first value). `weight` is what
 * the past counts: 0 changes nothing. NaN stays and does not spread.
 */
export function smoothed(values: number[], weight: number): number[] {
  if (weight <= 0) return values;
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = sum * weight + value * (1 - weight);
    norm = norm * weight + (1 - weight);
    return sum / norm;
  });
}

/** The place of the entry of a sorted list that is nearest to `value`. */
export function nearest(sorted: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - sorted[low - 1]! <= sorted[low]! - value ? low - 1 : low;
}

/** A colour between blue-green (0) and orange (1), for values on a scale. */
export function heat(share: number): string {
  const stops = [
    [38, 84, 124], [44, 139, 148], [120, 183, 126], [226, 190, 92], [214, 104, 60],
  ] as const;
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const from = stops[Math.floor(at)]!;
  const to = stops[Math.ceil(at)]!;
  const part = at - Math.floor(at);
  return `rgb(${from.map((one, i) => Math.round(one + (to[i]! - one) * part)).join(" ")})`;
}
