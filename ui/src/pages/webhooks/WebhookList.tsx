import { useState } from "react";
import { call } from "../../api/client";
import { KINDS, chosen, listensTo, useWebhookChange, useWebhooks } from "../../api/webhooks";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { Link, navigate } from "../../state/router";

/** Who is told of what happens here. */
export function WebhookList() {
  const found = useWebhooks();
  const [creating, setCreating] = useState(false);
  return (
    <main className="page" id="main">
      <div className="page-head">
        <h1>Webhooks</h1>
        <span className="grow" />
        <button type="button" className="button primary" onClick={() => setCreating(true)}><Icon name="plus" /> New webhook</button>
      </div>
      {found.isPending && <Skeleton />}
      {found.isError && <ErrorBox error={found.error} retry={() => void found.refetch()} />}
      {found.data?.length === 0 && (
        <Empty title="Nobody is told of changes yet">
          <p className="muted">A webhook is an address to which signed events are posted: a version was created, an alias moved, a run failed. What cannot be delivered is tried again, also after a restart.</p>
        </Empty>
      )}
      {found.data && found.data.length > 0 && (
        <div className="scroll-x">
          <table className="table">
            <thead><tr><th>Name</th><th>Address</th><th>Events</th><th>Status</th></tr></thead>
            <tbody>
              {found.data.map((one) => (
                <tr key={one.webhook_id}>
                  <td><Link to={`webhooks/${one.webhook_id}`}><strong>{one.name}</strong></Link></td>
                  <td className="mono cut" style={{ maxWidth: 320 }}>{one.url}</td>
                  <td><span className="row wrap" style={{ gap: 4 }}>{listensTo(one).map((label) => <span key={label} className="tag">{label}</span>)}</span></td>
                  <td>{one.status.toLowerCase()}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {creating && <CreateWebhook onClose={() => setCreating(false)} />}
    </main>
  );
}

function CreateWebhook({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [secret, setSecret] = useState("");
  const [kinds, setKinds] = useState<ReadonlySet<string>>(new Set(["model_version.created"]));
  const change = useWebhookChange();
  const toggle = (kind: string) => {
    const next = new Set(kinds);
    if (!next.delete(kind)) next.add(kind);
    setKinds(next);
  };
  const create = () =>
    change.mutate(
      async () => {
        const made = await call("webhooks.create", { name: name.trim(), url: url.trim(), secret: secret || undefined, ...chosen(kinds) });
        navigate(`webhooks/${made.webhook.webhook_id}`);
      },
      { onSuccess: onClose },
    );
  return (
    <Dialog title="New webhook" submit="Create" onSubmit={create} onClose={onClose} disabled={!name.trim() || !url.trim() || kinds.size === 0 || change.isPending}>
      <label className="field"><span>Name</span><input className="input" autoFocus value={name} onChange={(event) => setName(event.target.value)} /></label>
      <label className="field"><span>Address</span><input className="input" type="url" placeholder="https://…" value={url} onChange={(event) => setUrl(event.target.value)} /></label>
      <label className="field"><span>Secret that signs the events</span><input className="input" type="password" autoComplete="new-password" value={secret} onChange={(event) => setSecret(event.target.value)} /></label>
      <fieldset className="field" style={{ border: 0, padding: 0, margin: 0 }}>
        <legend><strong>Events</strong></legend>
        <div style={{ display: "grid", gridTemplateColumns: "1fr 1fr", gap: 4 }}>
          {KINDS.map((one) => (
            <label key={one.kind} className="check"><input type="checkbox" checked={kinds.has(one.kind)} onChange={() => toggle(one.kind)} /> {one.label}</label>
          ))}
        </div>
      </fieldset>
    </Dialog>
  );
}
