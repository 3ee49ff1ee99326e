import { useState } from "react";
import type { Tag } from "../api/schema";
import { Icon } from "./Icon";

interface Props {
  tags: Tag[];
  onSet: (key: string, value: string) => void;
  onDelete: (key: string) => void;
}

/** Tags as a list in which each can be changed or removed, and a line for a new one. */
export function TagEditor({ tags, onSet, onDelete }: Props) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const add = () => {
    if (!key.trim()) return;
    onSet(key.trim(), value);
    setKey("");
    setValue("");
  };
  return (
    <div className="stack" style={{ gap: 6 }}>
      {tags.map((tag) => (
        <div key={tag.key} className="row">
          <span className="mono cut" style={{ width: 150 }} title={tag.key}>
            {tag.key}
          </span>
          <input
            className="input grow"
            aria-label={`Value of ${tag.key}`}
            defaultValue={tag.value}
            onBlur={(event) => event.target.value !== tag.value && onSet(tag.key, event.target.value)}
          />
          <button type="button" className="button plain" aria-label={`Delete ${tag.key}`} onClick={() => onDelete(tag.key)}>
            <Icon name="trash" />
          </button>
        </div>
      ))}
      <div className="row">
        <input className="input" style={{ width: 150 }} placeholder="key" aria-label="Key of a new tag" value={key} onChange={(event) => setKey(event.target.value)} />
        <input
          className="input grow"
          placeholder="value"
          aria-label="Value of a new tag"
          value={value}
          onChange={(event) => setValue(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            add();
          }}
        />
        <button type="button" className="button" onClick={add} disabled={!key.trim()}>
          Add
        </button>
      </div>
    </div>
  );
}
