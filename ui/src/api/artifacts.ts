// Files of runs and of logged models: folders as they are opened, texts for previews.
import { useQuery } from "@tanstack/react-query";
import { ApiError, BASE, call } from "./client";
import type { FileInfo } from "./schema";

/** Whose files. */
export type Source = { run: string } | { model: string };

/** More of a text than this is not shown. */
export const TEXT_LIMIT = 1_000_000;

export function sourceKey(source: Source): string {
  return "run" in source ? `run ${source.run}` : `model ${source.model}`;
}

/** The files and folders of `folder`, folders first. */
export function useFolder(source: Source, folder: string, open = true) {
  return useQuery({
    queryKey: ["artifacts", sourceKey(source), folder],
    enabled: open,
    queryFn: async ({ signal }) => {
      const found =
        "run" in source
          ? await call("artifacts.list_files", { run_id: source.run, path: folder }, signal)
          : await call("logged_models.list_artifacts", { model_id: source.model, artifact_directory_path: folder }, signal);
      return [...(found.files ?? [])].sort(order);
    },
  });
}

function order(a: FileInfo, b: FileInfo): number {
  if (a.is_dir !== b.is_dir) return a.is_dir ? -1 : 1;
  return a.path.localeCompare(b.path, "en", { numeric: true });
}

/** The address of a file's bytes. `page`: an HTML file as a page that may run its scripts, but only in a sandboxed frame. */
export function fileUrl(source: Source, path: string, page = false): string {
  const query = new URLSearchParams("run" in source ? { run_id: source.run, path } : { artifact_file_path: path });
  if (page) query.set("show", "page");
  const place =
    "run" in source ? "get-artifact" : `ajax-api/2.0/mlflow/logged-models/${encodeURIComponent(source.model)}/artifacts/files`;
  return `${BASE}${place}?${query.toString()}`;
}

/** The start of a file, at most `limit` bytes. */
export function useBytes(source: Source, path: string, limit: number) {
  return useQuery({
    queryKey: ["artifacts", sourceKey(source), path, "bytes", limit],
    queryFn: async ({ signal }) => {
      const response = await fetch(fileUrl(source, path), { signal, headers: { Range: `bytes=0-${limit - 1}` } });
      if (response.status === 416) return new ArrayBuffer(0);
      if (!response.ok) throw new ApiError(await reason(response), response.status, "");
      return response.arrayBuffer();
    },
  });
}

async function reason(response: Response): Promise<string> {
  try {
    return ((await response.json()) as { message?: string }).message ?? "";
  } catch {
    return `The file cannot be read: status ${response.status}.`;
  }
}

/** The base name of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export type Preview = "image" | "text" | "json" | "table" | "parquet" | "markdown" | "page" | "audio" | "video" | "pdf" | "none";

const KINDS: Record<Exclude<Preview, "none">, string> = {
  image: "png jpg jpeg gif webp bmp ico avif svg",
  json: "json ipynb geojson",
  table: "csv tsv",
  parquet: "parquet",
  markdown: "md markdown",
  page: "html htm",
  audio: "wav mp3 ogg flac m4a oga",
  video: "mp4 webm ogv mov",
  pdf: "pdf",
  text:
    "txt log err out py r sh yaml yml toml cfg conf ini xml sql patch diff jsonl js ts css java c cpp h go rs properties " +
    "lock rst tex env gitignore dockerfile mlmodel mlproject",
};

/** How a file can be looked at, by its name. */
export function previewOf(path: string): Preview {
  const name = baseName(path).toLowerCase();
  const ending = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : name;
  for (const [kind, endings] of Object.entries(KINDS)) {
    if (endings.split(" ").includes(ending)) return kind as Preview;
  }
  return "none";
}
