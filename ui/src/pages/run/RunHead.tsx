import { useState } from "react";
import { call } from "../../api/client";
import { useExperimentsById } from "../../api/experiments";
import { tagValue, useRunChange } from "../../api/run";
import type { Run } from "../../api/schema";
import { Copy } from "../../components/Copy";
import { Dialog } from "../../components/Dialog";
import { Icon, type IconName } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import { Link } from "../../state/router";
import { say } from "../../state/toasts";
import { AgainDialog } from "./AgainDialog";

/** Where the run belongs, its name, how it stands, and what can be done to it. */
export function RunHead({ run }: { run: Run }) {
  const { info } = run;
  const experiment = useExperimentsById([info.experiment_id]).data?.[0];
  const parent = tagValue(run.data, "mlflow.parentRunId");
  const change = useRunChange();
  const [renaming, setRenaming] = useState(false);
  const [stopping, setStopping] = useState(false);
  const [again, setAgain] = useState(false);
  const isProject = Boolean(tagValue(run.data, "mlflow.project.entryPoint"));
  const deleted = info.lifecycle_stage === "deleted";
  const going = info.status === "RUNNING" || info.status === "SCHEDULED";
  const restore = () => change.mutate(() => call("runs.restore", { run_id: info.run_id }));
  const remove = () =>
    change.mutate(() => call("runs.delete", { run_id: info.run_id }), {
      onSuccess: () => say(`Deleted ${info.run_name}.`, { label: "Undo", run: restore }),
    });
  return (
    <>
      <div className="crumbs">
        <Link to="">Experiments</Link>
        <span>/</span>
        <Link to={`experiments/${info.experiment_id}`}>{experiment?.name ?? info.experiment_id}</Link>
        {parent && (
          <>
            <span>/</span>
            <Link to={`runs/${parent}`}>parent run</Link>
          </>
        )}
      </div>
      <div className="page-head">
        <h1 className="cut">{info.run_name || info.run_id}</h1>
        <span className="status">
          <span className={`dot ${info.status}`} />
          {info.status.toLowerCase()}
        </span>
        {deleted && <span className="tag">deleted</span>}
        <span className="muted mono hide-small">{info.run_id}</span>
        <Copy text={info.run_id} name="Copy the run's id" />
        <span className="grow" />
        {going && !deleted && (
          <button type="button" className="button" onClick={() => setStopping(true)}>
            <Icon name="stop" /> Stop
          </button>
        )}
        <Menu label={<Icon name="more" />} name="Actions for this run">
          {(close) => {
            const item = (icon: IconName, label: string, act: () => void, danger = false) => (
              <button type="button" className={`item ${danger ? "danger" : ""}`} onClick={() => { close(); act(); }}>
                <Icon name={icon} /> {label}
              </button>
            );
            return deleted ? (
              item("restore", "Restore", restore)
            ) : (
              <>
                {isProject && item("play", "Run again…", () => setAgain(true))}
                {item("edit", "Rename", () => setRenaming(true))}
                {item("trash", "Delete", remove, true)}
              </>
            );
          }}
        </Menu>
      </div>
      {again && <AgainDialog run={run} onClose={() => setAgain(false)} />}
      {renaming && <RenameRun run={run} onClose={() => setRenaming(false)} />}
      {stopping && <StopRun run={run} onClose={() => setStopping(false)} />}
    </>
  );
}

function RenameRun({ run, onClose }: { run: Run; onClose: () => void }) {
  const [name, setName] = useState(run.info.run_name);
  const change = useRunChange();
  const rename = () => change.mutate(() => call("runs.update", { run_id: run.info.run_id, run_name: name.trim() }), { onSuccess: onClose });
  return (
    <Dialog title="Rename run" submit="Rename" onSubmit={rename} onClose={onClose} disabled={!name.trim()}>
      <label className="field">
        <span>Name</span>
        <input className="input" autoFocus value={name} onChange={(event) => setName(event.target.value)} />
      </label>
    </Dialog>
  );
}

function StopRun({ run, onClose }: { run: Run; onClose: () => void }) {
  const change = useRunChange();
  const stop = () =>
    change.mutate(() => call("runs.update", { run_id: run.info.run_id, status: "KILLED", end_time: Date.now() }), { onSuccess: onClose });
  return (
    <Dialog title="Stop this run?" submit="Mark as killed" danger onSubmit={stop} onClose={onClose} disabled={change.isPending}>
      <p>The run is marked as killed now. A training process that still goes on somewhere is not reached from here: end it where it runs.</p>
    </Dialog>
  );
}
