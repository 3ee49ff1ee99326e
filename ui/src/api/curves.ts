import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Axis } from "../state/runView";
import { call } from "./client";
import type { Curve } from "./schema";

/** A curve with NaN as a number. */
export interface Line {
  id: string;
  key: string;
  points: number;
  x: number[];
  y: number[];
  /** Empty where nothing was thinned. */
  low: number[];
  high: number[];
}

const MOST_RUNS = 1_000;
/** Points on the screen in all; more curves get fewer each. */
const BUDGET = 80_000;

export function bucketsFor(runs: number, width: number): number {
  return Math.round(Math.max(40, Math.min(width / 2, BUDGET / Math.max(1, runs))));
}

function numbers(values: (number | string)[]): number[] {
  return values.includes("NaN") ? values.map(Number) : (values as number[]);
}

export function lineOf(curve: Curve): Line {
  return {
    id: curve.run_id,
    key: curve.metric_key,
    points: curve.points,
    x: curve.x as number[],
    y: numbers(curve.y),
    low: numbers(curve.low),
    high: numbers(curve.high),
  };
}

interface Asked {
  runs: string[];
  key: string;
  axis: Axis;
  width: number;
  range: [number, number] | null;
  enabled: boolean;
}

/** One metric of some runs, thinned for a chart of `width` pixels; with `range` in detail. */
export function useCurves({ runs, key, axis, width, range, enabled }: Asked) {
  const ids = runs.slice(0, MOST_RUNS);
  const buckets = bucketsFor(ids.length, width);
  const found = useQuery({
    queryKey: ["curves", key, axis, buckets, range?.join() ?? "", ids.join(",")],
    queryFn: async ({ signal }) => {
      const bounds = range ? { start: range[0], end: range[1] } : {};
      const answer = await call("metrics.curves", { run_ids: ids, metric_keys: [key], axis, buckets, ...bounds }, signal);
      return answer.curves;
    },
    enabled: enabled && ids.length > 0,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  const lines = useMemo(() => found.data?.map(lineOf), [found.data]);
  return { ...found, lines };
}
