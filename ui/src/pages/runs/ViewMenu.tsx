import { useState } from "react";
import { call } from "../../api/client";
import { useViewChange, useViews } from "../../api/views";
import { Icon } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import { navigate, readable, usePlace } from "../../state/router";
import { say } from "../../state/toasts";

/** Views that somebody saved, and saving the one on the screen. */
export function ViewMenu({ experiment }: { experiment: string }) {
  return (
    <Menu label={<><Icon name="star" /> Views</>}>
      {(close) => (
        <div className="pane">
          <Saved experiment={experiment} close={close} />
        </div>
      )}
    </Menu>
  );
}

function Saved({ experiment, close }: { experiment: string; close: () => void }) {
  const { path, query } = usePlace();
  const [name, setName] = useState("");
  const found = useViews(experiment);
  const change = useViewChange(experiment);
  const views = found.data?.views ?? [];
  const save = () => {
    if (!name.trim()) return;
    change.mutate(() => call("views.save", { experiment_id: experiment, name: name.trim(), state: readable(query) }), {
      onSuccess: () => {
        say(`Saved the view ${name.trim()}.`);
        setName("");
      },
    });
  };
  const copy = async () => {
    await navigator.clipboard?.writeText(window.location.href);
    close();
    say("Copied this view's address.");
  };
  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row">
        <input
          className="input grow"
          placeholder="Name for this view"
          aria-label="Name for this view"
          value={name}
          onChange={(event) => setName(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && save()}
        />
        <button type="button" className="button" disabled={!name.trim()} onClick={save}>
          Save
        </button>
      </div>
      {views.map((view) => (
        <div key={view.name} className="row">
          <button
            type="button"
            className="item grow"
            onClick={() => {
              close();
              navigate(view.state ? `${path}?${view.state}` : path);
            }}
          >
            <span className="cut">{view.name}</span>
          </button>
          <button
            type="button"
            className="button plain"
            aria-label={`Delete the view ${view.name}`}
            onClick={() => change.mutate(() => call("views.delete", { experiment_id: experiment, name: view.name }))}
          >
            <Icon name="trash" />
          </button>
        </div>
      ))}
      {found.isSuccess && !views.length && <p className="muted">No view is saved yet. A view keeps filter, order, columns and charts.</p>}
      <button type="button" className="item" onClick={() => void copy()}>
        <Icon name="link" /> Copy this view's address
      </button>
    </div>
  );
}
