// Pictures that runs logged, side by side, along the step.
import { useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { artifactUrl, call } from "../api/client";
import { Empty, Skeleton } from "../components/Notices";
import type { ChartRun } from "./ChartsSide";
import { nearest } from "./scale";

const MOST_RUNS = 24;
const PICTURE = /\.(png|jpe?g|gif|webp)$/i;

export interface Picture {
  key: string;
  /** Null: not logged along steps. */
  step: number | null;
  path: string;
}

/** A picture's key and step by its file's name: `images/<key>+step+3+timestamp+…`, `~` for slashes; `%` as MLflow has it. */
export function pictureOf(path: string): Picture | null {
  if (!PICTURE.test(path) || /\+compressed|%compressed/.test(path)) return null;
  const hit = /^images\/(.+?)[+%]step[+%](-?\d+)[+%]timestamp[+%]/.exec(path);
  if (!hit) return { key: path, step: null, path };
  return { key: hit[1]!.replace(/[~#]/g, "/"), step: Number(hit[2]), path };
}

async function picturesOf(run_id: string, signal: AbortSignal): Promise<Picture[]> {
  const found: Picture[] = [];
  const root = await call("artifacts.list_files", { run_id }, signal);
  const inside = (root.files ?? []).filter((file) => file.is_dir && /^(images|plots|pictures|figures)$/.test(file.path));
  const lists = await Promise.all(inside.map((file) => call("artifacts.list_files", { run_id, path: file.path }, signal)));
  for (const file of [root, ...lists].flatMap((list) => list.files ?? [])) {
    const picture = file.is_dir ? null : pictureOf(file.path);
    if (picture) found.push(picture);
  }
  return found;
}

export function ImagesByStep({ runs }: { runs: ChartRun[] }) {
  const shown = runs.slice(0, MOST_RUNS);
  const answers = useQueries({
    queries: shown.map((run) => ({
      queryKey: ["artifacts", "pictures", run.id],
      queryFn: ({ signal }: { signal: AbortSignal }) => picturesOf(run.id, signal),
      staleTime: 60_000,
    })),
  });
  const loading = answers.some((one) => one.isPending);
  const keys = [...new Set(answers.flatMap((one) => one.data ?? []).map((one) => one.key))].sort();
  const [asked, setKey] = useState("");
  const [step, setStep] = useState<number | null>(null);
  const key = keys.includes(asked) ? asked : (keys[0] ?? "");
  const steps = useMemo(
    () => [...new Set(answers.flatMap((one) => one.data ?? []).filter((one) => one.key === key && one.step !== null).map((one) => one.step!))].sort((a, b) => a - b),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [key, answers.map((one) => one.dataUpdatedAt).join()],
  );
  const at = steps.length ? steps[nearest(steps, step ?? steps.at(-1)!)]! : null;
  if (!keys.length) {
    return loading ? (
      <Skeleton />
    ) : (
      <Empty title="These runs logged no pictures">
        <p className="muted">
          <code>tidemill.log_image(picture, key="samples", step=3)</code> logs one; those of all visible runs are shown here side by side.
        </p>
      </Empty>
    );
  }
  return (
    <>
      <div className="chart-tools">
        <label>
          Picture
          <select className="input" value={key} onChange={(event) => setKey(event.target.value)}>
            {keys.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        {steps.length > 1 && (
          <label>
            Step
            <input type="range" min={0} max={steps.length - 1} value={steps.indexOf(at!)} onChange={(event) => setStep(steps[Number(event.target.value)]!)} />
            <span className="mono">{at}</span>
          </label>
        )}
        {runs.length > MOST_RUNS && <span className="muted">of the first {MOST_RUNS} runs</span>}
      </div>
      <div className="images">
        {shown.map((run, place) => {
          const own = (answers[place]?.data ?? []).filter((one) => one.key === key);
          const found = own.filter((one) => one.step === null || one.step <= (at ?? 0)).sort((a, b) => (a.step ?? 0) - (b.step ?? 0)).at(-1) ?? own[0];
          return (
            found && (
              <figure key={run.id}>
                <a href={artifactUrl(run.id, found.path)} target="_blank" rel="noreferrer">
                  <img loading="lazy" src={artifactUrl(run.id, found.path)} alt={`${key} of ${run.name}`} />
                </a>
                <figcaption className="row">
                  <svg className="swatch" viewBox="0 0 11 11" aria-hidden="true">
                    <rect width="11" height="11" rx="3" fill={run.color} />
                  </svg>
                  <span className="cut">{run.name}</span>
                  {found.step !== null && <span className="muted">step {found.step}</span>}
                </figcaption>
              </figure>
            )
          );
        })}
      </div>
    </>
  );
}
