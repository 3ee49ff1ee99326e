import { useState } from "react";
import { call } from "../../api/client";
import { useApprovals, usePolicies, useRegistryChange } from "../../api/registry";
import type { Approval, Policy } from "../../api/schema";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { ago, moment, number } from "../../state/format";
import { Link } from "../../state/router";
import { setUserName, userName } from "../../state/user";

/** What is protected, who asked for what, and how it was decided. */
export function ApprovalTab({ name }: { name: string }) {
  const found = useApprovals(name);
  const policies = usePolicies(name);
  if (found.isPending || policies.isPending) return <Skeleton />;
  if (found.isError) return <ErrorBox error={found.error} retry={() => void found.refetch()} />;
  return (
    <div className="stack">
      <section className="card" aria-label="Protected">
        <header><h2>Protected aliases and stages</h2></header>
        {policies.data?.length ? (
          <ul className="body" style={{ margin: 0, paddingLeft: 28 }}>
            {policies.data.map((one) => <li key={`${one.alias}${one.stage}`}>{describe(one)}</li>)}
          </ul>
        ) : (
          <p className="body muted">
            None: anybody may move every alias. Protect one with <code>tidemill registry protect {name} @champion</code>.
          </p>
        )}
      </section>
      {found.data.length === 0 ? (
        <Empty title="Nobody has asked for an approval">
          <p className="muted">Ask from the menu of aliases beside a version. Checks are made when the request is granted.</p>
        </Empty>
      ) : (
        found.data.map((one) => <Request key={one.id} one={one} />)
      )}
    </div>
  );
}

/** A policy in words. */
export function describe(policy: Policy): string {
  const place = policy.alias ? `@${policy.alias}` : policy.stage;
  const parts = (policy.metrics ?? []).map((one) => `${one.metric} ${one.operator ?? ">="} ${number(one.value ?? "the version it replaces")}`);
  if (policy.signature) parts.push("a signature compatible with the version it replaces");
  const who = policy.approvers?.length ? ` by ${policy.approvers.join(", ")}` : "";
  const checks = parts.length ? `, with ${parts.join(" and ")}` : "";
  return `${place} moves only after a granted request${who}${checks}${policy.own_requests ? "" : "; nobody grants their own request"}`;
}

const STATES: Record<Approval["state"], string> = { ASKED: "waiting", GRANTED: "granted", REFUSED: "refused", WITHDRAWN: "withdrawn" };

function Request({ one }: { one: Approval }) {
  const [deciding, setDeciding] = useState<"grant" | "refuse" | "withdraw" | null>(null);
  return (
    <section className="card" aria-label={`Request ${one.id}`}>
      <header>
        <strong className="grow">
          <Link to={`models/${encodeURIComponent(one.name)}/${one.version}`}>version {one.version}</Link> → {one.alias ? `@${one.alias}` : one.stage}
        </strong>
        <span className="tag">{STATES[one.state]}</span>
      </header>
      <div className="body stack" style={{ gap: 6 }}>
        <div title={moment(one.asked)}>
          Asked {one.asked_by && `by ${one.asked_by}`} {ago(one.asked)}
          {one.reason && `: ${one.reason}`}
        </div>
        {one.decided && (
          <div title={moment(one.decided)}>
            {STATES[one.state]} {one.decided_by && `by ${one.decided_by}`} {ago(one.decided)}
            {one.decision && `: ${one.decision}`}
          </div>
        )}
        {one.checks && one.checks.length > 0 && (
          <ul className="checks">
            {one.checks.map((check) => (
              <li key={check.check}>
                <span className={check.green ? "good" : "bad"}>{check.green ? "✓ green" : "✕ red"}</span>
                <span>{check.check}</span>
                <span className="muted">{check.found}</span>
              </li>
            ))}
          </ul>
        )}
        {one.state === "ASKED" && (
          <div className="row">
            <button type="button" className="button primary" onClick={() => setDeciding("grant")}><Icon name="check" /> Grant</button>
            <button type="button" className="button" onClick={() => setDeciding("refuse")}>Refuse</button>
            <button type="button" className="button plain" onClick={() => setDeciding("withdraw")}>Withdraw</button>
          </div>
        )}
      </div>
      {deciding && <Decide one={one} what={deciding} onClose={() => setDeciding(null)} />}
    </section>
  );
}

const TITLES = { grant: "Grant and move", refuse: "Refuse", withdraw: "Withdraw" } as const;

function Decide({ one, what, onClose }: { one: Approval; what: keyof typeof TITLES; onClose: () => void }) {
  const [user, setUser] = useState(userName());
  const [reason, setReason] = useState("");
  const change = useRegistryChange();
  const decide = () => {
    setUserName(user);
    change.mutate(() => call(`approvals.${what}`, { id: one.id, user: user.trim(), reason }), { onSuccess: onClose });
  };
  return (
    <Dialog title={TITLES[what]} submit={TITLES[what]} danger={what === "refuse"} onSubmit={decide} onClose={onClose} disabled={!user.trim() || change.isPending}>
      <label className="field">
        <span>Your name</span>
        <input className="input" autoFocus value={user} onChange={(event) => setUser(event.target.value)} />
      </label>
      <label className="field">
        <span>Why</span>
        <textarea className="input" value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
    </Dialog>
  );
}
