import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { BASE, call } from "../../api/client";
import { Copy } from "../../components/Copy";
import { chooseTheme, useTheme } from "../../state/theme";
import { setUserName, userName } from "../../state/user";

/** How this browser looks at the server, and how programs reach it. */
export function SettingsPage() {
  const theme = useTheme();
  const [user, setUser] = useState(userName());
  const info = useQuery({ queryKey: ["server", "info"], queryFn: ({ signal }) => call("server.info", {}, signal) });
  const address = window.location.origin + BASE.replace(/\/$/, "");
  const lines = `import tidemill\n\ntidemill.set_tracking_uri("${address}")`;
  return (
    <main className="page" id="main">
      <div className="page-head"><h1>Settings</h1></div>
      <div className="stack" style={{ maxWidth: 720 }}>
        <section className="card" aria-label="This browser">
          <header><h2>This browser</h2></header>
          <div className="body stack">
            <div className="row">
              <span style={{ width: 120 }}>Theme</span>
              <div className="segmented" role="group" aria-label="Theme">
                {(["light", "dark"] as const).map((one) => <button key={one} type="button" aria-pressed={theme === one} onClick={() => chooseTheme(one)}>{one}</button>)}
              </div>
            </div>
            <label className="row">
              <span style={{ width: 120 }}>Your name</span>
              <input className="input" style={{ maxWidth: 280 }} value={user} onChange={(event) => { setUser(event.target.value); setUserName(event.target.value); }} />
            </label>
            <p className="muted" style={{ margin: 0 }}>It is written beside what you move and decide. The server does not check it: it has no users yet.</p>
          </div>
        </section>
        <section className="card" aria-label="From a program">
          <header><h2>From a program</h2><span className="grow" /><Copy text={lines} /></header>
          <pre className="preview-text">{lines}</pre>
          <p className="body muted" style={{ margin: 0 }}>
            MLflow's clients work too, with this address as MLFLOW_TRACKING_URI. Every operation is described at <a href={`${BASE}docs`}>{address}/docs</a>.
          </p>
        </section>
        <section className="card" aria-label="Tokens">
          <header><h2>Tokens and users</h2></header>
          <p className="body muted" style={{ margin: 0 }}>This server has neither yet: everybody who reaches it may do everything. Keep it on this machine or behind a proxy that asks who is there.</p>
        </section>
        <section className="card" aria-label="This server">
          <header><h2>This server</h2></header>
          <dl className="facts body"><dt>Store</dt><dd>{info.data?.store_type ?? "…"}</dd></dl>
        </section>
      </div>
    </main>
  );
}
