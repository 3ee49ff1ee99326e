import { useState } from "react";
import { call } from "../../api/client";
import { isGone } from "../../api/run";
import type { Delivery, Webhook } from "../../api/schema";
import { listensTo, useDeliveries, useWebhook, useWebhookChange } from "../../api/webhooks";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { ago, duration, moment } from "../../state/format";
import { Link, navigate } from "../../state/router";
import { say } from "../../state/toasts";

/** One webhook: what it is told, and how each delivery went. */
export function WebhookPage({ id = "" }: { id?: string }) {
  const found = useWebhook(id);
  if (found.isPending) return <main className="page" id="main"><Skeleton /></main>;
  if (found.isError) {
    return (
      <main className="page" id="main">
        {isGone(found.error) ? <Empty title="There is no such webhook"><p><Link to="webhooks">All webhooks</Link></p></Empty> : <ErrorBox error={found.error} retry={() => void found.refetch()} />}
      </main>
    );
  }
  return (
    <main className="page" id="main">
      <Head webhook={found.data} />
      <Deliveries id={id} />
    </main>
  );
}

function Head({ webhook }: { webhook: Webhook }) {
  const [asked, setAsked] = useState<"secret" | "delete" | null>(null);
  const change = useWebhookChange();
  const { webhook_id } = webhook;
  const active = webhook.status === "ACTIVE";
  const test = () =>
    change.mutate(async () => {
      const { result } = await call("webhooks.test", { webhook_id });
      say(result.success ? `It answered with ${result.response_status}.` : `It failed: ${result.error_message || `status ${result.response_status}`}`);
    });
  return (
    <>
      <div className="crumbs"><Link to="webhooks">Webhooks</Link></div>
      <div className="page-head">
        <h1>{webhook.name}</h1>
        <span className="tag">{webhook.status.toLowerCase()}</span>
        <span className="grow" />
        <button type="button" className="button" onClick={test} disabled={change.isPending}><Icon name="play" /> Send a test</button>
        <button type="button" className="button" onClick={() => change.mutate(() => call("webhooks.update", { webhook_id, status: active ? "DISABLED" : "ACTIVE" }))}>{active ? "Disable" : "Enable"}</button>
        <button type="button" className="button" onClick={() => setAsked("secret")}>Change the secret</button>
        <button type="button" className="button danger" onClick={() => setAsked("delete")}><Icon name="trash" /> Delete</button>
      </div>
      <dl className="facts" style={{ marginBottom: 16 }}>
        <dt>Address</dt><dd className="mono">{webhook.url}</dd>
        {webhook.description && <><dt>For</dt><dd>{webhook.description}</dd></>}
        <dt>Events</dt><dd className="row wrap" style={{ gap: 4 }}>{listensTo(webhook).map((label) => <span key={label} className="tag">{label}</span>)}</dd>
        <dt>Signed</dt><dd>{webhook.has_secret ? "yes" : "no: without a secret the receiver cannot know who sent an event"}</dd>
      </dl>
      {asked === "secret" && <ChangeSecret id={webhook_id} onClose={() => setAsked(null)} />}
      {asked === "delete" && (
        <Dialog
          title={`Delete ${webhook.name}?`} submit="Delete" danger onClose={() => setAsked(null)}
          onSubmit={() => change.mutate(async () => { await call("webhooks.delete", { webhook_id }); navigate("webhooks"); })}
        >
          <p>What waits for delivery to it is dropped.</p>
        </Dialog>
      )}
    </>
  );
}

function ChangeSecret({ id, onClose }: { id: string; onClose: () => void }) {
  const [secret, setSecret] = useState("");
  const change = useWebhookChange();
  const save = () => change.mutate(() => call("webhooks.rotate_secret", { webhook_id: id, secret }), { onSuccess: () => { say("The next event is signed with the new secret."); onClose(); } });
  return (
    <Dialog title="Change the secret" submit="Change" onSubmit={save} onClose={onClose} disabled={!secret || change.isPending}>
      <label className="field"><span>New secret</span><input className="input" type="password" autoComplete="new-password" autoFocus value={secret} onChange={(event) => setSecret(event.target.value)} /></label>
    </Dialog>
  );
}

function Deliveries({ id }: { id: string }) {
  const found = useDeliveries(id);
  const change = useWebhookChange();
  const [open, setOpen] = useState("");
  if (found.isPending) return <Skeleton />;
  if (found.isError) return <ErrorBox error={found.error} retry={() => void found.refetch()} />;
  if (found.data.length === 0) return <Empty title="Nothing was sent yet"><p className="muted">Deliveries appear here when one of its events happens.</p></Empty>;
  return (
    <section aria-label="Deliveries">
      <h2 style={{ marginBottom: 6 }}>Deliveries</h2>
      <div className="scroll-x">
        <table className="table">
          <thead><tr><th>State</th><th>Event</th><th>About</th><th>When</th><th className="num">Tries</th><th><span className="hidden-visually">Actions</span></th></tr></thead>
          <tbody>
            {found.data.map((one) => (
              <Row
                key={one.delivery_id} one={one} open={open === one.delivery_id}
                toggle={() => setOpen(open === one.delivery_id ? "" : one.delivery_id)}
                again={() => change.mutate(() => call("webhooks.redeliver", { webhook_id: id, delivery_id: one.delivery_id }), { onSuccess: () => say("It is sent again.") })}
              />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const COLOURS: Record<Delivery["state"], string> = { DELIVERED: "FINISHED", PENDING: "RUNNING", DEAD: "FAILED" };

function Row({ one, open, toggle, again }: { one: Delivery; open: boolean; toggle: () => void; again: () => void }) {
  return (
    <>
      <tr>
        <td><span className="status"><span className={`dot ${COLOURS[one.state]}`} />{one.state.toLowerCase()}</span></td>
        <td className="mono">{one.kind}</td>
        <td className="mono cut" style={{ maxWidth: 240 }}>{one.subject}</td>
        <td title={moment(one.created)}>{ago(one.created)}</td>
        <td className="num">{one.tries ?? 0}</td>
        <td className="row">
          <button type="button" className="button plain" aria-expanded={open} onClick={toggle}>Details</button>
          <button type="button" className="button plain" onClick={again} title="Send it again"><Icon name="refresh" /> Again</button>
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={6}>
            {one.state === "PENDING" && <p className="muted">Next try {moment(one.due)}</p>}
            {(one.attempts ?? []).map((attempt) => (
              <p key={attempt.at} className="mono">{moment(attempt.at)} · {duration(attempt.took)} · {attempt.error || `status ${attempt.status}`}{attempt.body && ` · ${attempt.body.slice(0, 300)}`}</p>
            ))}
            {one.request && <pre>{one.request}</pre>}
          </td>
        </tr>
      )}
    </>
  );
}
