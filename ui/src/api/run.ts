import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { useFeed } from "../state/feed";
import { sayError } from "../state/toasts";
import { ApiError, call } from "./client";
import type { Run, RunData } from "./schema";

/** While a run goes on, its page reads it again at most this often. */
const CALM_MS = 1500;

/** One run, read again when the feed says that it changed. */
export function useRun(runId: string) {
  const client = useQueryClient();
  const due = useRef(0);
  useFeed((event) => {
    const about = event.subject === `run/${runId}` || event.data.run_id === runId;
    if (!about || due.current) return;
    due.current = window.setTimeout(() => {
      due.current = 0;
      void client.invalidateQueries({ queryKey: ["runs", "one", runId] });
    }, CALM_MS);
  });
  return useQuery({
    queryKey: ["runs", "one", runId],
    queryFn: async ({ signal }) => (await call("runs.get", { run_id: runId }, signal)).run,
  });
}

/** A change to this run: `mutate` with what does it; everything about runs is read again afterwards. */
export function useRunChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: () => Promise<unknown>) => change(),
    onSuccess: () => client.invalidateQueries({ queryKey: ["runs"] }),
    onError: sayError,
  });
}

/** The runs that name this one as their parent, newest first. */
export function useChildren(run: Run) {
  return useQuery({
    queryKey: ["runs", "children", run.info.run_id],
    queryFn: async ({ signal }) => {
      const found = await call(
        "runs.search",
        {
          experiment_ids: [run.info.experiment_id],
          filter: `tags.\`mlflow.parentRunId\` = '${run.info.run_id}'`,
          max_results: 100,
        },
        signal,
      );
      return found.runs ?? [];
    },
  });
}

/** The logged models that this run made. */
export function useMadeModels(run: Run) {
  const ids = (run.outputs?.model_outputs ?? []).map((one) => one.model_id);
  return useQuery({
    queryKey: ["logged_models", "of run", run.info.run_id, ids.join(",")],
    queryFn: async ({ signal }) => {
      const found = await call(
        "logged_models.search",
        { experiment_ids: [run.info.experiment_id], filter: `source_run_id = '${run.info.run_id}'`, max_results: 50 },
        signal,
      );
      return found.models ?? [];
    },
  });
}

/** Curves of some metrics of one run: `buckets` points at most each, with what lies between them as a band. */
export function useRunCurves(runId: string, keys: string[], axis: "step" | "time", live: string) {
  return useQuery({
    queryKey: ["runs", "one", runId, "curves", keys.join("\n"), axis, live],
    enabled: keys.length > 0,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) =>
      (await call("metrics.curves", { run_ids: [runId], metric_keys: keys, axis, buckets: 400 }, signal)).curves,
  });
}

export function tagValue(data: RunData, key: string): string {
  return data.tags?.find((tag) => tag.key === key)?.value ?? "";
}

/** Whether an error says that there is no such thing (any more). */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}
