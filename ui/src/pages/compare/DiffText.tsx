import { useMemo } from "react";
import { diffLines, type DiffLine } from "./textDiff";

const AROUND = 3;

/** Two texts as one, lines that only one of them has marked; long stretches without a difference are left out. */
export function DiffText({ left, right }: { left: string; right: string }) {
  const lines = useMemo(() => folded(diffLines(left, right)), [left, right]);
  if (left === right) return <p className="muted">The same in both runs.</p>;
  return (
    <div className="diff" tabIndex={0} aria-label="Differences">
      {lines.map((line, place) =>
        typeof line === "number" ? (
          <div key={place} className="skip">{`… ${line} lines the same …`}</div>
        ) : (
          <div key={place} className={line.kind}>
            {`${{ same: "  ", left: "− ", right: "+ " }[line.kind]}${line.text}`}
          </div>
        ),
      )}
    </div>
  );
}

function folded(lines: DiffLine[]): (DiffLine | number)[] {
  const near = new Set<number>();
  lines.forEach((line, at) => {
    if (line.kind !== "same") for (let one = at - AROUND; one <= at + AROUND; one++) near.add(one);
  });
  const found: (DiffLine | number)[] = [];
  let left = 0;
  lines.forEach((line, at) => {
    if (near.has(at)) {
      if (left) found.push(left);
      left = 0;
      found.push(line);
    } else left++;
  });
  if (left) found.push(left);
  return found;
}
