import { useQueries } from "@tanstack/react-query";
import { artifactUrl } from "../../api/client";
import { listFiles, readText, runName } from "../../api/runs";
import type { Run } from "../../api/schema";
import { ErrorBox, Skeleton } from "../../components/Notices";
import { bytes } from "../../state/format";
import { setQuery, usePlace } from "../../state/router";
import { DiffText } from "./DiffText";

const PICTURE = /\.(png|jpe?g|gif|webp|svg)$/i;
const TEXT = /\.(txt|md|json|ya?ml|csv|tsv|log|py|toml|cfg|ini|patch|html?|xml|js|ts|sh|sql)$|(^|\/)(MLmodel|MLproject)$/i;
const MOST_TEXT = 100_000;

/** Files of the runs by name, and one of them side by side. */
export function CompareFiles({ runs }: { runs: Run[] }) {
  const { query } = usePlace();
  const lists = useQueries({
    queries: runs.map((run) => ({ queryKey: ["artifacts", "all", run.info.run_id], queryFn: ({ signal }: { signal: AbortSignal }) => listFiles(run.info.run_id, signal) })),
  });
  const failed = lists.find((one) => one.error);
  if (failed) return <ErrorBox error={failed.error} retry={() => void failed.refetch()} />;
  if (lists.some((one) => one.isPending)) return <Skeleton />;
  const paths = [...new Set(lists.flatMap((one) => [...(one.data?.keys() ?? [])]))].sort();
  if (!paths.length) return <p className="muted">These runs logged no files.</p>;
  const chosen = paths.includes(query.get("file") ?? "") ? query.get("file")! : (paths.find((path) => PICTURE.test(path)) ?? paths[0]!);
  return (
    <>
      <div className="file-list">
        <table className="table">
          <thead>
            <tr>
              <th>File</th>
              {runs.map((run) => (
                <th key={run.info.run_id} className="num">
                  {runName(run)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {paths.map((path) => (
              <tr key={path} aria-selected={path === chosen}>
                <td>
                  <button type="button" className="link-button mono" onClick={() => setQuery({ file: path })}>
                    {path}
                  </button>
                </td>
                {lists.map((list, place) => (
                  <td key={place} className="num">
                    {list.data?.has(path) ? bytes(list.data.get(path)!) : <span className="muted">–</span>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2 className="mono" style={{ marginBottom: 8 }}>
        {chosen}
      </h2>
      {PICTURE.test(chosen) ? (
        <div className="beside" tabIndex={0} aria-label={`${chosen} of each run`}>
          {runs.map((run, place) => (
            <figure key={run.info.run_id} style={{ margin: 0 }}>
              {lists[place]?.data?.has(chosen) ? <img src={artifactUrl(run.info.run_id, chosen)} alt={`${chosen} of ${runName(run)}`} /> : <p className="muted">not there</p>}
              <figcaption>{runName(run)}</figcaption>
            </figure>
          ))}
        </div>
      ) : TEXT.test(chosen) ? (
        <TextFiles runs={runs} path={chosen} />
      ) : (
        <p className="muted">
          Files of this kind are not shown side by side.{" "}
          {runs.map((run) => (
            <a key={run.info.run_id} href={artifactUrl(run.info.run_id, chosen)} style={{ marginRight: 10 }}>
              Download from {runName(run)}
            </a>
          ))}
        </p>
      )}
    </>
  );
}

export function useTexts(runs: Run[], path: string) {
  return useQueries({
    queries: runs.map((run) => ({
      queryKey: ["artifacts", "text", run.info.run_id, path],
      queryFn: ({ signal }: { signal: AbortSignal }) => readText(run.info.run_id, path, signal),
    })),
  });
}

function TextFiles({ runs, path }: { runs: Run[]; path: string }) {
  const texts = useTexts(runs, path);
  if (texts.some((one) => one.isPending)) return <Skeleton />;
  if (runs.length === 2 && texts.every((one) => typeof one.data === "string")) {
    return <DiffText left={texts[0]!.data!} right={texts[1]!.data!} />;
  }
  return (
    <div className="beside" tabIndex={0} aria-label={`${path} of each run`}>
      {runs.map((run, place) => (
        <div key={run.info.run_id}>
          <h3>{runName(run)}</h3>
          {texts[place]?.error ? <ErrorBox error={texts[place].error} /> : <pre>{texts[place]?.data?.slice(0, MOST_TEXT) ?? "not there"}</pre>}
        </div>
      ))}
    </div>
  );
}
