import { BASE } from "../../api/client";
import { Copy } from "../../components/Copy";
import { Empty } from "../../components/Notices";

/** The three lines that log a first run, for this server and, where it is known, this experiment. */
export function FirstRun({ experiment }: { experiment?: string }) {
  const address = window.location.origin + BASE.replace(/\/$/, "");
  const lines = [
    "import tidemill",
    "",
    `tidemill.set_tracking_uri("${address}")`,
    ...(experiment ? [`tidemill.set_experiment(${JSON.stringify(experiment)})`] : []),
    'with tidemill.start_run(run_name="first"):',
    '    tidemill.log_params({"lr": 0.1, "depth": 6})',
    "    for step in range(100):",
    '        tidemill.log_metric("loss", 1 / (step + 1), step=step)',
  ].join("\n");
  return (
    <Empty title="Log your first run">
      <p className="muted">Run this anywhere that reaches this server. The run appears here while it trains.</p>
      <div style={{ position: "relative" }}>
        <pre tabIndex={0}>{lines}</pre>
        <div style={{ position: "absolute", top: 14, right: 6 }}>
          <Copy text={lines} name="Copy the program" />
        </div>
      </div>
      <p className="muted">
        Scripts written for MLflow work too: set <code>MLFLOW_TRACKING_URI={address}</code>. Or look around first:{" "}
        <code>tidemill --uri {address} demo</code> trains two dozen small models.
      </p>
    </Empty>
  );
}
