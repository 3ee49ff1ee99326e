import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { sayError } from "../state/toasts";
import { call } from "./client";
import type { Experiment } from "./schema";

export const NOTE = "mlflow.note.content";
const PAGE = 100;

/** Experiments whose name holds `text` or that match it as a filter; newest first. */
export function useExperiments(filter: string, view: "ACTIVE_ONLY" | "DELETED_ONLY", order: string) {
  return useInfiniteQuery({
    queryKey: ["experiments", filter, view, order],
    queryFn: ({ pageParam, signal }) =>
      call("experiments.search", { max_results: PAGE, view_type: view, filter, order_by: [order], page_token: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
}

/** Some experiments by their ids, in that order. */
export function useExperimentsById(ids: string[]) {
  return useQuery({
    queryKey: ["experiments", "by id", ids.join(",")],
    queryFn: ({ signal }) =>
      Promise.all(ids.map(async (id) => (await call("experiments.get", { experiment_id: id }, signal)).experiment)),
  });
}

/** A change to experiments: `mutate` with what does it; lists are read again afterwards. */
export function useExperimentChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: () => Promise<unknown>) => change(),
    onSuccess: () => client.invalidateQueries({ queryKey: ["experiments"] }),
    onError: sayError,
  });
}

export function tagOf(one: Experiment, key: string): string {
  return one.tags?.find((tag) => tag.key === key)?.value ?? "";
}

/** The tags that users made: not those by which programs keep their own things. */
export function userTags(tags: Experiment["tags"]) {
  return (tags ?? []).filter((tag) => !tag.key.startsWith("mlflow.") && !tag.key.startsWith("tidemill."));
}

/** What is typed into the search field as a filter: a text without an operator is part of a name. */
export function experimentFilter(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  if (/[=<>!]|\b(LIKE|IN|IS)\b/i.test(trimmed)) return trimmed;
  return `name ILIKE E${JSON.stringify(`%${trimmed}%`)}`;
}
