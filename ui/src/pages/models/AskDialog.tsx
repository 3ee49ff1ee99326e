import { useState } from "react";
import { call } from "../../api/client";
import { useRegistryChange } from "../../api/registry";
import { Dialog } from "../../components/Dialog";
import { say } from "../../state/toasts";
import { setUserName, userName } from "../../state/user";

interface Props {
  name: string;
  version: string;
  /** Aliases that the model has: suggestions. */
  aliases: string[];
  onClose: () => void;
}

/** Ask somebody to move an alias to a version. */
export function AskDialog({ name, version, aliases, onClose }: Props) {
  const [alias, setAlias] = useState(aliases[0] ?? "champion");
  const [user, setUser] = useState(userName());
  const [reason, setReason] = useState("");
  const change = useRegistryChange();
  const ask = () => {
    setUserName(user);
    change.mutate(() => call("approvals.ask", { name, version, alias: alias.trim(), user: user.trim(), reason }), {
      onSuccess: () => {
        say(`Asked to move @${alias} to version ${version}.`);
        onClose();
      },
    });
  };
  return (
    <Dialog title={`Ask to move an alias to version ${version}`} submit="Ask" onSubmit={ask} onClose={onClose} disabled={!alias.trim() || !user.trim() || change.isPending}>
      <label className="field">
        <span>Alias</span>
        <input className="input" autoFocus list="aliases" value={alias} onChange={(event) => setAlias(event.target.value)} />
        <datalist id="aliases">{aliases.map((one) => <option key={one} value={one} />)}</datalist>
      </label>
      <label className="field">
        <span>Your name</span>
        <input className="input" value={user} onChange={(event) => setUser(event.target.value)} />
      </label>
      <label className="field">
        <span>Why</span>
        <textarea className="input" value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
    </Dialog>
  );
}
