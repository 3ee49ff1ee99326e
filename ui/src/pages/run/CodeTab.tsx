import type { ReactNode } from "react";
import { TEXT_LIMIT, baseName, useBytes, useFolder } from "../../api/artifacts";
import { tagValue } from "../../api/run";
import type { Run } from "../../api/schema";
import { Copy } from "../../components/Copy";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { bytes } from "../../state/format";

const TAGS: [string, string][] = [
  ["mlflow.source.git.commit", "Commit"],
  ["mlflow.source.git.branch", "Branch"],
  ["mlflow.source.git.repoURL", "Repository"],
  ["mlflow.source.name", "Source"],
  ["tidemill.command", "Command"],
  ["mlflow.project.entryPoint", "Entry point"],
  ["tidemill.python", "Python"],
  ["tidemill.platform", "Platform"],
];

/** With which code and packages the run was made. */
export function CodeTab({ run, commit }: { run: Run; commit: string }) {
  const code = useFolder({ run: run.info.run_id }, "code");
  const environment = useFolder({ run: run.info.run_id }, "environment");
  const facts = TAGS.map(([key, label]): [string, string] => [label, tagValue(run.data, key)]).filter(([, value]) => value);
  const files = [...(code.data ?? []), ...(environment.data ?? [])].filter((one) => !one.is_dir);
  if (code.isPending || environment.isPending) return <Skeleton />;
  if (facts.length === 0 && files.length === 0) {
    return (
      <Empty title="The code is not known">
        <p className="muted">Runs of tidemill.start_run keep the commit, what differed from it, and the installed packages, unless TIDEMILL_CAPTURE_CODE=0 says otherwise.</p>
      </Empty>
    );
  }
  return (
    <div className="stack">
      <section className="card" aria-label="Source">
        <header>
          <h2>Source</h2>
          <span className="grow" />
          {commit && <Copy text={`git checkout ${commit}`} name="Copy the checkout command" />}
        </header>
        <dl className="facts body">
          {facts.map(([label, value]) => (
            <div key={label} style={{ display: "contents" }}>
              <dt>{label}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      {files.map((one) => (
        <details key={one.path} className="card" open={one.path.endsWith(".patch")}>
          <summary className="body">
            <strong className="mono">{baseName(one.path)}</strong> <span className="muted">{bytes(one.file_size ?? 0)}</span>
          </summary>
          <Text runId={run.info.run_id} path={one.path} />
        </details>
      ))}
    </div>
  );
}

function Text({ runId, path }: { runId: string; path: string }): ReactNode {
  const found = useBytes({ run: runId }, path, TEXT_LIMIT);
  if (found.isPending) return <div className="body"><Skeleton lines={3} /></div>;
  if (found.isError) return <ErrorBox error={found.error} />;
  const text = new TextDecoder().decode(found.data);
  return (
    <pre className="preview-text patch" tabIndex={0}>
      {path.endsWith(".patch") ? text.split("\n").map((line, index) => <span key={index} className={kindOf(line)}>{`${line}\n`}</span>) : text}
    </pre>
  );
}

/** How a line of a patch is coloured. */
export function kindOf(line: string): string {
  if (/^(diff |index |--- |\+\+\+ |@@)/.test(line)) return "head";
  if (line.startsWith("+")) return "add";
  return line.startsWith("-") ? "cut-out" : "";
}
