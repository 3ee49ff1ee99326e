import { useHistory } from "../../api/registry";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { duration, moment } from "../../state/format";
import { AliasMark, StageMark } from "./marks";

/** Which version held which alias or stage when, moved by whom, and why. */
export function HistoryTab({ name }: { name: string }) {
  const found = useHistory(name);
  if (found.isPending) return <Skeleton />;
  if (found.isError) return <ErrorBox error={found.error} retry={() => void found.refetch()} />;
  const holds = found.data.holds ?? [];
  if (holds.length === 0) {
    return <Empty title="Nothing has moved yet"><p className="muted">Every move of an alias or a stage is kept here, with who moved it and why.</p></Empty>;
  }
  return (
    <div className="scroll-x">
      <table className="table">
        <thead>
          <tr><th>What</th><th>Version</th><th>From</th><th>Until</th><th>For</th><th>By</th><th>Why</th></tr>
        </thead>
        <tbody>
          {holds.map((one) => (
            <tr key={`${one.alias}${one.stage}${one.version}${one.since}`}>
              <td>{one.alias ? <AliasMark name={one.alias} /> : <StageMark stage={one.stage ?? ""} />}</td>
              <td>{one.version}</td>
              <td style={{ whiteSpace: "nowrap" }}>{moment(one.since)}</td>
              <td style={{ whiteSpace: "nowrap" }}>{one.until ? moment(one.until) : <strong className="good">now</strong>}</td>
              <td>{duration((one.until ?? Date.now()) - one.since)}</td>
              <td>{one.set_by}</td>
              <td>{one.set_reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
