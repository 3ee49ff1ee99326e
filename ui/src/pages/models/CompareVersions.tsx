import type { ReactNode } from "react";
import { useComparison } from "../../api/registry";
import { Empty, ErrorBox, Skeleton } from "../../components/Notices";
import { bytes, number } from "../../state/format";
import { Link, usePlace } from "../../state/router";
import "./models.css";

interface Line {
  key: string;
  left?: ReactNode;
  right?: ReactNode;
}

/** Two versions of a model beside each other. */
export function CompareVersions({ name = "" }: { name?: string }) {
  const { query } = usePlace();
  const left = query.get("left") ?? "";
  const right = query.get("right") ?? "";
  const found = useComparison(name, left, right);
  const place = `models/${encodeURIComponent(name)}`;
  return (
    <main className="page" id="main">
      <div className="crumbs"><Link to="models">Models</Link><span>/</span><Link to={place}>{name}</Link></div>
      <div className="page-head"><h1>Version {left} and version {right}</h1></div>
      {found.isPending && <Skeleton />}
      {found.isError && <ErrorBox error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <div className="stack">
          {found.data.compatible !== undefined && (
            <div className={`notice ${found.data.compatible ? "" : "error"}`}>
              {found.data.compatible
                ? `Callers of version ${left} can call version ${right} as they do now.`
                : `Version ${right} cannot replace version ${left} for its callers: ${(found.data.breaks ?? []).join("; ")}`}
            </div>
          )}
          {(found.data.notes ?? []).map((note) => <div key={note} className="notice">{note}</div>)}
          <Part title="Metrics" left={left} right={right} lines={(found.data.metrics ?? []).map((one) => ({ key: one.key, left: number(one.left, 6), right: number(one.right, 6) }))} />
          <Part title="Params" left={left} right={right} lines={found.data.params ?? []} />
          <Part title="Schema" left={left} right={right} lines={found.data.schema ?? []} />
          <Part title="Environment" left={left} right={right} lines={found.data.environment ?? []} />
          {found.data.size && (
            <Part title="Size" left={left} right={right} lines={[{ key: "bytes", left: size(found.data.size.left), right: size(found.data.size.right) }]} />
          )}
        </div>
      )}
      {!left || !right ? <Empty title="Choose two versions"><p><Link to={place}>The versions of {name}</Link></p></Empty> : null}
    </main>
  );
}

function size(value: number | undefined): string {
  return value === undefined ? "" : bytes(value);
}

function Part({ title, left, right, lines }: { title: string; left: string; right: string; lines: Line[] }) {
  if (lines.length === 0) return null;
  return (
    <section className="card scroll-x" aria-label={title}>
      <header><h2>{title}</h2></header>
      <table className="table">
        <thead><tr><th style={{ width: "34%" }}>Name</th><th>Version {left}</th><th>Version {right}</th></tr></thead>
        <tbody>
          {lines.map((one) => (
            <tr key={one.key} className={one.left === one.right ? "" : "differs"}>
              <td className="mono">{one.key}</td>
              <td className="mono">{one.left ?? <span className="muted">–</span>}</td>
              <td className="mono">{one.right ?? <span className="muted">–</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
