import { expect, it } from "vitest";
import type { Lineage } from "../../api/schema";
import { describe as inWords } from "./ApprovalTab";
import { columnsOf } from "./LineageGraph";

const version = { name: "fraud", version: "3", creation_timestamp: 0, last_updated_timestamp: 0, current_stage: "None", source: "s3://b/m", status: "READY" };

it("has a column for each step that is known", () => {
  const lineage: Lineage = {
    model_version: { ...version, aliases: ["champion"] },
    artifact_uri: "",
    datasets: [{ dataset: { name: "train", digest: "ab" } }],
    deployments: [{ deployment_id: "d", name: "eu", status: "HEALTHY", since: 0, created: 0, last_seen: 0, interval_s: 10 }],
  };
  expect(columnsOf(lineage).map((column) => column.map((box) => box.kind))).toEqual([["data set"], ["version"], ["deployment"]]);
});

it("describes a policy", () => {
  expect(inWords({ name: "fraud", alias: "champion", updated: 0, signature: true, metrics: [{ metric: "auc", operator: ">=", value: 0.9 }] })).toBe(
    "@champion moves only after a granted request, with auc >= 0.9 and a signature compatible with the version it replaces; nobody grants their own request",
  );
});
