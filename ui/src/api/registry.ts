import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useFeed } from "../state/feed";
import { sayError } from "../state/toasts";
import { call } from "./client";
import type { LoggedModelInfo, ModelVersion } from "./schema";

const PAGE = 50;
export const STAGES = ["None", "Staging", "Production", "Archived"] as const;

/** Registered models whose name holds `text`, or that match it as a filter; by name. */
export function useRegisteredModels(text: string) {
  return useInfiniteQuery({
    queryKey: ["registry", "models", text],
    queryFn: ({ pageParam, signal }) =>
      call("registered_models.search", { filter: modelFilter(text), max_results: PAGE, page_token: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
}

/** What is typed into the search field as a filter: a text without an operator is part of a name. */
export function modelFilter(text: string): string {
  const trimmed = text.trim();
  if (!trimmed || /[=<>!]|\b(LIKE|IN|IS)\b/i.test(trimmed)) return trimmed;
  return `name ILIKE '%${trimmed.replace(/'/g, "''")}%'`;
}

export function useRegisteredModel(name: string) {
  useRegistryFeed();
  return useQuery({
    queryKey: ["registry", "model", name],
    queryFn: async ({ signal }) => (await call("registered_models.get", { name }, signal)).registered_model,
  });
}

/** The versions of a model, newest first. Aliases are the model's business: `aliasesOf`. */
export function useVersions(name: string) {
  return useInfiniteQuery({
    queryKey: ["registry", "versions", name],
    queryFn: ({ pageParam, signal }) =>
      call(
        "model_versions.search",
        { filter: `name = '${name.replace(/'/g, "''")}'`, order_by: ["version_number DESC"], max_results: PAGE, page_token: pageParam },
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_page_token || undefined,
  });
}

export function useVersion(name: string, version: string) {
  useRegistryFeed();
  return useQuery({
    queryKey: ["registry", "version", name, version],
    queryFn: async ({ signal }) => (await call("model_versions.get", { name, version }, signal)).model_version,
  });
}

export function useLineage(name: string, version: string) {
  return useQuery({
    queryKey: ["registry", "lineage", name, version],
    queryFn: ({ signal }) => call("model_records.lineage", { name, version }, signal),
  });
}

export function useHistory(name: string) {
  return useQuery({
    queryKey: ["registry", "history", name],
    queryFn: ({ signal }) => call("model_records.history", { name }, signal),
  });
}

export function useComparison(name: string, version: string, other: string) {
  return useQuery({
    queryKey: ["registry", "comparison", name, version, other],
    queryFn: ({ signal }) => call("model_records.compare", { name, version, other_version: other }, signal),
  });
}

/** Requests for approval: of one model, or of all. */
export function useApprovals(name?: string) {
  return useQuery({
    queryKey: ["registry", "approvals", name ?? ""],
    queryFn: async ({ signal }) => (await call("approvals.search", { name, max_results: 100 }, signal)).approvals ?? [],
  });
}

export function usePolicies(name: string) {
  return useQuery({
    queryKey: ["registry", "policies", name],
    queryFn: async ({ signal }) => (await call("approvals.list_policies", { name }, signal)).policies ?? [],
  });
}

export function useLoggedModel(id: string) {
  return useQuery({
    queryKey: ["logged_models", id],
    queryFn: async ({ signal }) => (await call("logged_models.get", { model_id: id }, signal)).model,
  });
}

/** A change to the registry: `mutate` with what does it; what is shown of the registry is read again afterwards. */
export function useRegistryChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: () => Promise<unknown>) => change(),
    onSuccess: () => client.invalidateQueries({ queryKey: ["registry"] }),
    onError: sayError,
  });
}

/** Read the registry again when the feed tells of a change to it. */
function useRegistryFeed(): void {
  const client = useQueryClient();
  useFeed((event) => {
    if (/^(registered_model|model_version|approval|deployment)/.test(event.kind)) {
      void client.invalidateQueries({ queryKey: ["registry"] });
    }
  });
}

/** Where a version's files can be looked at: its logged model's, or nothing where it has none. */
export function filesOf(version: Pick<ModelVersion, "model_id">, logged?: LoggedModelInfo): { model: string } | null {
  const id = version.model_id || logged?.model_id;
  return id ? { model: id } : null;
}
