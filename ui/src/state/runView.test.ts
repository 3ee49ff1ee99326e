import { describe, expect, it } from "vitest";
import { both, defaultColumns, fieldText, groupFilter, readView, valueText, viewChanges, type RunView } from "./runView";

function again(change: Partial<RunView>): RunView {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(viewChanges(change))) if (value !== null) query.set(key, value);
  return readView(new URLSearchParams(query.toString()));
}

describe("a view in the address", () => {
  it("comes back as it went", () => {
    const change: Partial<RunView> = {
      filter: "metrics.loss < 0.5 AND params.`a,b` = '50%'",
      sort: [{ column: "metrics_min.val/loss", descending: true }],
      columns: ["params.a,b", "metrics.50% done", "tags.ü"],
      pinned: ["params.a,b"],
      widths: { "metrics.x~y": 120 },
      group: ["params.model"],
      deleted: true,
      tree: true,
      show: "both",
      hidden: ["0123456789"],
      axis: "time",
      smooth: 0.6,
      logX: true,
      logY: true,
      metrics: "val",
      chart: "scatter",
      dims: ["params.lr", "metrics.loss"],
    };
    expect(again(change)).toEqual(change);
  });
  it("leaves defaults out", () => {
    expect(viewChanges({ show: "table", axis: "step", smooth: 0, filter: "", chart: "lines" })).toEqual({
      show: null, axis: null, smooth: null, filter: null, chart: null,
    });
  });
  it("puts up with nonsense", () => {
    const view = readView(new URLSearchParams("show=x&axis=y&smooth=7&widths=a~9,b&sort="));
    expect(view).toMatchObject({ show: "table", axis: "step", smooth: 0.99, widths: {}, sort: [] });
  });
});

describe("filters made by the table", () => {
  it("quote keys and values where they must", () => {
    expect(fieldText("params", "lr")).toBe("params.lr");
    expect(fieldText("metrics", "val/loss")).toBe("metrics.`val/loss`");
    expect(fieldText("tags", "a`b")).toBe("tags.`a``b`");
    expect(valueText("it's")).toBe('E"it\'s"');
    expect(valueText("x")).toBe("'x'");
  });
  it("join without changing what the first means", () => {
    expect(both("", "b = 1")).toBe("b = 1");
    expect(both("a = 1", "b = 1")).toBe("a = 1 AND b = 1");
    expect(both("a = 1 or c = 2", "b = 1")).toBe("(a = 1 or c = 2) AND b = 1");
  });
  it("name a group", () => {
    expect(groupFilter(["params.model", "tags.t"], ["tree", null])).toBe("params.model = 'tree' AND tags.t IS NULL");
  });
});

describe("columns at first", () => {
  it("are those that most runs have, without system metrics", () => {
    const keys = {
      metrics: [{ key: "loss", runs: 9 }, { key: "system/cpu", runs: 9 }],
      params: Array.from({ length: 20 }, (_, n) => ({ key: `p${n}`, runs: n })),
      tags: [],
    };
    const columns = defaultColumns(keys);
    expect(columns).toContain("metrics.loss");
    expect(columns).not.toContain("metrics.system/cpu");
    expect(columns.filter((one) => one.startsWith("params."))).toEqual([12, 13, 14, 15, 16, 17, 18, 19].map((n) => `params.p${n}`));
  });
});
