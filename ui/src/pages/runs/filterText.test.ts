import { describe, expect, it } from "vitest";
import { complete, valueItems } from "./filterText";

const KEYS = {
  metrics: [{ key: "loss", runs: 3 }, { key: "val/loss", runs: 3 }],
  params: [{ key: "lr", runs: 3 }, { key: "model", runs: 2 }],
  tags: [{ key: "team", runs: 1 }, { key: "mlflow.user", runs: 3 }],
};

function labels(text: string, caret = text.length): string[] {
  return complete(text, caret, KEYS).items.map((one) => one.label);
}

describe("completion of a filter", () => {
  it("offers fields at the start, after AND and after a bracket", () => {
    for (const text of ["", "metrics.loss < 1 AND ", "(", "NOT "]) {
      expect(labels(text)).toContain("metrics.loss");
      expect(labels(text)).toContain("status");
    }
    expect(labels("")).not.toContain("tags.mlflow.user");
  });
  it("narrows by what was typed, anywhere in the name", () => {
    expect(labels("los")).toEqual(["metrics.loss", "metrics.`val/loss`"]);
    expect(labels("params.m")).toEqual(["params.model"]);
    expect(complete("x = 1 AND los", 13, KEYS).from).toBe(10);
  });
  it("offers the operators that the field takes", () => {
    expect(labels("metrics.loss ")).toContain("<");
    expect(labels("metrics.loss ")).not.toContain("LIKE");
    expect(labels("params.lr ")).toContain("LIKE");
  });
  it("asks for the values of a param or tag, and knows those of status", () => {
    expect(complete("params.model = ", 15, KEYS).values).toEqual({ column: "params.model", typed: "" });
    expect(complete("params.model = 'tr", 18, KEYS).values).toEqual({ column: "params.model", typed: "tr" });
    expect(labels("status = ")).toContain("FINISHED");
  });
  it("offers to go on after a whole comparison", () => {
    for (const text of ["metrics.loss < 1 ", "params.lr IS NULL ", "params.lr IN ('a', 'b') ", "status = 'FAILED' "]) {
      expect(labels(text)).toEqual(["AND", "OR"]);
    }
  });
  it("looks only at the text before the cursor", () => {
    expect(labels("par AND metrics.loss < 1", 3)).toEqual(["params.lr", "params.model"]);
  });
  it("quotes values", () => {
    expect(valueItems([{ value: "it's", runs: 2 }, { value: "x", runs: 1 }], "")).toEqual([
      { label: "it's", hint: "2 runs", insert: 'E"it\'s"' },
      { label: "x", hint: "1 runs", insert: "'x'" },
    ]);
  });
});
