import { useState } from "react";
import { Icon } from "./Icon";

/** A button that puts a text on the clipboard. */
export function Copy({ text, name = "Copy" }: { text: string; name?: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setDone(true);
    window.setTimeout(() => setDone(false), 1200);
  };
  return (
    <button type="button" className="button plain" aria-label={name} title={name} onClick={() => void copy()}>
      <Icon name={done ? "check" : "copy"} />
    </button>
  );
}
