import { runName } from "../../api/runs";
import type { Run } from "../../api/schema";
import { Skeleton } from "../../components/Notices";
import { DiffText } from "./DiffText";
import { DiffTable, type DiffRow } from "./DiffTable";
import { useTexts } from "./CompareFiles";
import { tagRows } from "./rows";
import { packages } from "./textDiff";

const CODE = /^(mlflow\.source\.|mlflow\.project|mlflow\.docker|tidemill\.(code|git|python|platform|command|packages|source|env))/;

/** Where the runs' code came from, what was changed, and which packages they had. */
export function CompareCode({ runs, onlyDifferent }: { runs: Run[]; onlyDifferent: boolean }) {
  const patches = useTexts(runs, "code/diff.patch");
  const captured = useTexts(runs, "environment/packages.txt");
  const declared = useTexts(runs, "requirements.txt");
  const model = useTexts(runs, "model/requirements.txt");
  const tags = tagRows(runs, (key) => CODE.test(key));
  const loading = [patches, captured, declared, model].some((texts) => texts.some((one) => one.isPending));
  const environments = runs.map((_, place) => packages([captured, declared, model].map((texts) => texts[place]?.data).find((text) => text) ?? ""));
  const names = [...new Set(environments.flatMap((one) => [...one.keys()]))].sort();
  const rows: DiffRow[] = names.map((name) => ({ key: name, values: environments.map((one) => one.get(name) ?? null) }));
  const changed = patches.map((one) => one.data ?? "");
  return (
    <div className="stack">
      <h2>Code</h2>
      <DiffTable runs={runs} rows={tags} onlyDifferent={onlyDifferent} what="facts about the code" />
      {changed.some(Boolean) && (
        <>
          <h3>Changes that were not committed{runs.length === 2 ? `: ${runName(runs[0]!)} (−) and ${runName(runs[1]!)} (+)` : ""}</h3>
          {runs.length === 2 ? (
            <DiffText left={changed[0]!} right={changed[1]!} />
          ) : (
            <div className="beside" tabIndex={0} aria-label="Changes of each run">
              {runs.map((run, place) => (
                <div key={run.info.run_id}>
                  <h3>{runName(run)}</h3>
                  <pre>{changed[place]?.slice(0, 60_000) || "none"}</pre>
                </div>
              ))}
            </div>
          )}
        </>
      )}
      <h2>Packages</h2>
      {loading ? <Skeleton /> : <DiffTable runs={runs} rows={rows} onlyDifferent={onlyDifferent} what="packages" />}
    </div>
  );
}
