import { expect, it } from "vitest";
import { chosen, listensTo } from "./webhooks";

it("splits MLflow's events from ours", () => {
  expect(chosen(new Set(["model_version.created", "run.failed"]))).toEqual({
    events: [{ entity: "MODEL_VERSION", action: "CREATED" }],
    kinds: ["run.failed"],
  });
});

it("names what a webhook listens to", () => {
  const webhook = {
    webhook_id: "1", name: "w", url: "https://x", status: "ACTIVE" as const, creation_timestamp: 0, last_updated_timestamp: 0,
    events: [{ entity: "PROMPT" as const, action: "CREATED" as const }], kinds: ["run.failed", "own.kind"], rules: [{ key: "auc", comparison: ">", value: 0.9 }],
  };
  expect(listensTo(webhook)).toEqual(["PROMPT CREATED", "Run failed", "own.kind", "auc > 0.9"]);
});
