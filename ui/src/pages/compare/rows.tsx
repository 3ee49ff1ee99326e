// What is compared, as rows of a table.
import type { Run } from "../../api/schema";
import { duration, moment, number } from "../../state/format";
import type { DiffRow } from "./DiffTable";

function byKey(runs: Run[], valuesOf: (run: Run) => [string, string][]): DiffRow[] {
  const tables = runs.map((run) => new Map(valuesOf(run)));
  const keys = [...new Set(tables.flatMap((table) => [...table.keys()]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return keys.map((key) => ({ key, values: tables.map((table) => table.get(key) ?? null) }));
}

export function paramRows(runs: Run[]): DiffRow[] {
  return byKey(runs, (run) => (run.data.params ?? []).map((one) => [one.key, one.value ?? ""]));
}

export function tagRows(runs: Run[], wanted: (key: string) => boolean): DiffRow[] {
  return byKey(runs, (run) => (run.data.tags ?? []).filter((one) => wanted(one.key)).map((one) => [one.key, one.value ?? ""]));
}

export function infoRows(runs: Run[]): DiffRow[] {
  return byKey(runs, (run) => [
    ["status", run.info.status.toLowerCase()],
    ["started", moment(run.info.start_time)],
    ["duration", run.info.end_time ? duration(run.info.end_time - run.info.start_time) : "running"],
    ["user", run.info.user_id],
    ["experiment", run.info.experiment_id],
  ]);
}

export function datasetRows(runs: Run[]): DiffRow[] {
  return byKey(runs, (run) =>
    (run.inputs?.dataset_inputs ?? []).map((one) => {
      const context = one.tags?.find((tag) => tag.key === "mlflow.data.context")?.value;
      return [`${one.dataset.name}${context ? ` (${context})` : ""}`, one.dataset.digest ?? ""];
    }),
  );
}

/** Whether less is better, by the metric's name. */
export function lowerIsBetter(key: string): boolean {
  return /loss|error|err\b|rmse|mse|mae|mape|perplexity|seconds|time|latency|brier/i.test(key) && !/score/i.test(key);
}

/** Newest values, the best marked, and how far the others are from the first run's. */
export function metricRows(runs: Run[]): DiffRow[] {
  const rows = byKey(runs, (run) => (run.data.metrics ?? []).map((one) => [one.key, String(one.value)]));
  return rows.map((row) => {
    const values = row.values.map((value) => (value === null ? null : Number(value)));
    const given = values.filter((value): value is number => value !== null && Number.isFinite(value));
    const target = lowerIsBetter(row.key) ? Math.min(...given) : Math.max(...given);
    const best = row.key.startsWith("system/") || new Set(given).size < 2 ? [] : values.flatMap((value, place) => (value === target ? [place] : []));
    const first = values[0] ?? null;
    const shown = values.map((value, place) => {
      if (value === null) return null;
      const delta = place > 0 && first !== null && Number.isFinite(first) && Number.isFinite(value) ? value - first : 0;
      return (
        <>
          {number(value, 5)}
          {delta !== 0 && <span className="delta">{`${delta > 0 ? "+" : "−"}${number(Math.abs(delta), 3)}`}</span>}
        </>
      );
    });
    return { ...row, best, shown };
  });
}
