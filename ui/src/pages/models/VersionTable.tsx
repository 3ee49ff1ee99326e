import { useState } from "react";
import { call } from "../../api/client";
import { STAGES, useRegistryChange, useVersions } from "../../api/registry";
import type { ModelVersion, RegisteredModel } from "../../api/schema";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import { ErrorBox, Empty, Skeleton } from "../../components/Notices";
import { ago, moment } from "../../state/format";
import { Link, navigate } from "../../state/router";
import { say } from "../../state/toasts";
import { userName } from "../../state/user";
import { AliasMark } from "./marks";
import { AskDialog } from "./AskDialog";

/** All versions of a model; aliases and stages are moved here. */
export function VersionTable({ model }: { model: RegisteredModel }) {
  const found = useVersions(model.name);
  const [picked, setPicked] = useState<string[]>([]);
  if (found.isPending) return <Skeleton />;
  if (found.isError) return <ErrorBox error={found.error} retry={() => void found.refetch()} />;
  const versions = found.data.pages.flatMap((page) => page.model_versions ?? []);
  if (versions.length === 0) {
    return (
      <Empty title="No version yet">
        <pre>{`tidemill.register_model("runs:/RUN_ID/model", "${model.name}")`}</pre>
      </Empty>
    );
  }
  const pick = (version: string) => setPicked(picked.includes(version) ? picked.filter((one) => one !== version) : [...picked, version].slice(-2));
  return (
    <>
      <div className="row" style={{ marginBottom: 8 }}>
        <span className="muted grow">Choose two versions to compare them.</span>
        <button type="button" className="button" disabled={picked.length !== 2} onClick={() => navigate(`models/${encodeURIComponent(model.name)}/compare?left=${picked[0]}&right=${picked[1]}`)}>
          <Icon name="compare" /> Compare
        </button>
      </div>
      <div className="scroll-x">
        <table className="table">
          <thead>
            <tr>
              <th style={{ width: 30 }}><span className="hidden-visually">Choose</span></th>
              <th>Version</th>
              <th>Aliases</th>
              <th>Stage</th>
              <th className="hide-small">From run</th>
              <th className="hide-small">By</th>
              <th>Created</th>
            </tr>
          </thead>
          <tbody>
            {versions.map((one) => (
              <Row key={one.version} model={model} one={one} picked={picked.includes(one.version)} pick={() => pick(one.version)} />
            ))}
          </tbody>
        </table>
      </div>
      {found.hasNextPage && <button type="button" className="button" style={{ marginTop: 12 }} onClick={() => void found.fetchNextPage()}>Show more</button>}
    </>
  );
}

interface RowProps {
  model: RegisteredModel;
  one: ModelVersion;
  picked: boolean;
  pick: () => void;
}

function Row({ model, one, picked, pick }: RowProps) {
  const place = `models/${encodeURIComponent(model.name)}/${one.version}`;
  return (
    <tr aria-selected={picked}>
      <td><input type="checkbox" checked={picked} onChange={pick} aria-label={`Choose version ${one.version}`} /></td>
      <td>
        <Link to={place}><strong>Version {one.version}</strong></Link>
        {one.description && <div className="muted cut" style={{ maxWidth: 320 }}>{one.description.split("\n")[0]}</div>}
      </td>
      <td><Aliases model={model} version={one.version} /></td>
      <td><StageMenu one={one} /></td>
      <td className="hide-small">{one.run_id && <Link to={`runs/${one.run_id}`} className="mono">{one.run_id.slice(0, 8)}</Link>}</td>
      <td className="hide-small">{one.user_id}</td>
      <td title={moment(one.creation_timestamp)} style={{ whiteSpace: "nowrap" }}>{ago(one.creation_timestamp)}</td>
    </tr>
  );
}

/** The aliases of a version, and a menu that moves others to it. */
export function Aliases({ model, version }: { model: RegisteredModel; version: string }) {
  const [fresh, setFresh] = useState("");
  const [asking, setAsking] = useState("");
  const change = useRegistryChange();
  const all = model.aliases ?? [];
  const mine = all.filter((one) => one.version === version).map((one) => one.alias);
  const others = all.filter((one) => one.version !== version).map((one) => one.alias);
  const { name } = model;
  const move = (alias: string) =>
    change.mutate(() => call("registered_models.set_alias", { name, alias, version, user: userName() }), {
      onSuccess: () => say(`@${alias} is version ${version} now.`),
    });
  const drop = (alias: string) =>
    change.mutate(() => call("registered_models.delete_alias", { name, alias, user: userName() }), {
      onSuccess: () => say(`Removed @${alias}.`, { label: "Undo", run: () => move(alias) }),
    });
  return (
    <span className="row wrap" style={{ gap: 4 }}>
      {mine.map((alias) => <AliasMark key={alias} name={alias} />)}
      <Menu label={<Icon name={mine.length ? "edit" : "plus"} />} name={`Aliases of version ${version}`} className="button plain" align="left">
        {(close) => (
          <>
            {others.map((alias) => (
              <button key={alias} type="button" className="item" onClick={() => { close(); move(alias); }}>
                <Icon name="right" /> Move @{alias} here
              </button>
            ))}
            {mine.map((alias) => (
              <button key={alias} type="button" className="item danger" onClick={() => { close(); drop(alias); }}>
                <Icon name="close" /> Remove @{alias}
              </button>
            ))}
            {(others.length > 0 || mine.length > 0) && <hr />}
            <form className="row pane" style={{ width: 240 }} onSubmit={(event) => { event.preventDefault(); if (fresh.trim()) { close(); move(fresh.trim()); setFresh(""); } }}>
              <input className="input grow" placeholder="new alias" aria-label="New alias" value={fresh} onChange={(event) => setFresh(event.target.value)} />
              <button type="submit" className="button" disabled={!fresh.trim()}>Set</button>
            </form>
            <button type="button" className="item" onClick={() => { close(); setAsking("champion"); }}>
              <Icon name="star" /> Ask for approval…
            </button>
          </>
        )}
      </Menu>
      {asking && <AskDialog name={name} version={version} aliases={all.map((one) => one.alias)} onClose={() => setAsking("")} />}
    </span>
  );
}

/** The stage of a version, as a choice. */
export function StageMenu({ one }: { one: ModelVersion }) {
  const [target, setTarget] = useState("");
  return (
    <>
      <select className="input" aria-label={`Stage of version ${one.version}`} value={one.current_stage} onChange={(event) => setTarget(event.target.value)}>
        {STAGES.map((stage) => <option key={stage}>{stage}</option>)}
      </select>
      {target && <MoveStage one={one} stage={target} onClose={() => setTarget("")} />}
    </>
  );
}

function MoveStage({ one, stage, onClose }: { one: ModelVersion; stage: string; onClose: () => void }) {
  const active = stage === "Staging" || stage === "Production";
  const [archive, setArchive] = useState(active);
  const [reason, setReason] = useState("");
  const change = useRegistryChange();
  const move = () =>
    change.mutate(
      () =>
        call("model_versions.transition_stage", {
          name: one.name,
          version: one.version,
          stage,
          archive_existing_versions: archive && active,
          user: userName(),
          reason,
        }),
      { onSuccess: onClose },
    );
  return (
    <Dialog title={`Move version ${one.version} to ${stage}?`} submit="Move" onSubmit={move} onClose={onClose} disabled={change.isPending}>
      {active && (
        <label className="check">
          <input type="checkbox" checked={archive} onChange={(event) => setArchive(event.target.checked)} /> Archive the versions that are in {stage} now
        </label>
      )}
      <label className="field">
        <span>Why</span>
        <input className="input" autoFocus value={reason} placeholder="kept in the history" onChange={(event) => setReason(event.target.value)} />
      </label>
    </Dialog>
  );
}
