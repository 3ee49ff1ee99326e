import { useQueries } from "@tanstack/react-query";
import { artifactUrl, call, ApiError } from "./client";
import type { Run } from "./schema";

/** Whole runs by their ids, in that order; `runs` holds those that are there. */
export function useRuns(ids: string[]) {
  const answers = useQueries({
    queries: ids.map((id) => ({
      queryKey: ["runs", "one", id],
      queryFn: async ({ signal }: { signal: AbortSignal }) => (await call("runs.get", { run_id: id }, signal)).run,
    })),
  });
  return {
    runs: answers.map((one) => one.data).filter((run): run is Run => run !== undefined),
    loading: answers.some((one) => one.isPending),
    error: answers.find((one) => one.error)?.error ?? null,
    retry: () => answers.forEach((one) => void one.refetch()),
  };
}

export function runName(run: Run): string {
  return run.info.run_name || run.info.run_id.slice(0, 8);
}

const MOST_BYTES = 2_000_000;

/** A text file of a run; null where it has none of that name. Larger ones are cut. */
export async function readText(run_id: string, path: string, signal?: AbortSignal): Promise<string | null> {
  const response = await fetch(artifactUrl(run_id, path), { signal, headers: { Range: `bytes=0-${MOST_BYTES - 1}` } });
  if (response.status === 404) return null;
  if (response.status === 416) return "";
  if (!response.ok) throw new ApiError(`The file ${path} cannot be read (status ${response.status}).`, response.status, "");
  return response.text();
}

/** Every file of a run, folders opened, at most some thousands. */
export async function listFiles(run_id: string, signal?: AbortSignal): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  let folders: (string | undefined)[] = [undefined];
  for (let depth = 0; folders.length && depth < 6 && found.size < 5_000; depth++) {
    const lists = await Promise.all(folders.slice(0, 60).map((path) => call("artifacts.list_files", { run_id, path }, signal)));
    const files = lists.flatMap((list) => list.files ?? []);
    for (const file of files) if (!file.is_dir) found.set(file.path, file.file_size ?? 0);
    folders = files.filter((file) => file.is_dir).map((file) => file.path);
  }
  return found;
}
