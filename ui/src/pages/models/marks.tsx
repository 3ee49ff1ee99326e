/** An alias, as it stands beside versions. */
export function AliasMark({ name }: { name: string }) {
  return <span className="tag alias">@{name}</span>;
}

export function StageMark({ stage, version }: { stage: string; version?: string }) {
  if (stage === "None") return null;
  return (
    <span className={`tag stage ${stage}`}>
      {stage}
      {version && ` ${version}`}
    </span>
  );
}
