import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import type { Param, Run } from "../../api/schema";
import { Dialog } from "../../components/Dialog";
import { ErrorBox, Skeleton } from "../../components/Notices";
import { say, sayError } from "../../state/toasts";

/** Those of `params` whose value is another one in `changed`. */
export function changedParams(params: Param[], changed: Readonly<Record<string, string>>): Param[] {
  return params.flatMap((one) => {
    const value = changed[one.key];
    return value === undefined || value === (one.value ?? "") ? [] : [{ key: one.key, value }];
  });
}

/** Submit a run of a project once more, with other parameters, to an executor that an agent offers. */
export function AgainDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const executors = useQuery({
    queryKey: ["jobs", "executors"],
    queryFn: async ({ signal }) => (await call("jobs.list_executors", {}, signal)).executors ?? [],
  });
  const params = run.data.params ?? [];
  const [changed, setChanged] = useState<Record<string, string>>({});
  const [executor, setExecutor] = useState("");
  const chosen = executor || executors.data?.[0]?.name || "";
  const submit = useMutation({
    mutationFn: () => call("jobs.submit", { run_id: run.info.run_id, executor: chosen, params: changedParams(params, changed) }),
    onSuccess: () => {
      say(`Submitted to ${chosen}. The new run appears in this experiment once it starts.`);
      onClose();
    },
    onError: sayError,
  });
  return (
    <Dialog title="Run again" submit="Submit" onSubmit={() => submit.mutate()} onClose={onClose} disabled={!chosen || submit.isPending}>
      {executors.isPending && <Skeleton lines={2} />}
      {executors.isError && <ErrorBox error={executors.error} />}
      {executors.data?.length === 0 && (
        <div className="notice">
          <span>
            No agent offers an executor. On a machine that may run this project: <code>tidemill agent</code>
          </span>
        </div>
      )}
      {executors.data && executors.data.length > 0 && (
        <label className="field">
          <span>Where</span>
          <select className="input" value={chosen} onChange={(event) => setExecutor(event.target.value)}>
            {executors.data.map((one) => <option key={one.name}>{one.name}</option>)}
          </select>
        </label>
      )}
      {params.map((one) => (
        <label key={one.key} className="field">
          <span className="mono">{one.key}</span>
          <input className="input" defaultValue={one.value} onChange={(event) => setChanged({ ...changed, [one.key]: event.target.value })} />
        </label>
      ))}
    </Dialog>
  );
}
