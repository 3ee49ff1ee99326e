import { expect, it } from "vitest";
import type { RunRow } from "../../api/runTable";
import { csvField, csvOf } from "./csv";

it("quotes what needs quotes and disarms formulas", () => {
  expect(csvField('a "b", c')).toBe('"a ""b"", c"');
  expect(csvField("=1+1")).toBe("'=1+1");
  expect(csvField("-0.5")).toBe("-0.5");
  expect(csvField("-x")).toBe("'-x");
});

it("writes one line a run, numbers in full", () => {
  const row: RunRow = {
    id: "ab", name: "n", experiment: "1", user: "", status: "FINISHED", deleted: false, start: 0, end: 1500, parent: null, children: 0,
    cells: [0.12345678901, null],
  };
  const columns = ["attributes.start_time", "metrics.loss", "attributes.duration", "params.lr"];
  expect(csvOf([row], columns, new Map())).toBe(
    "Run ID,Run,Status,Created,loss,Duration (s),lr\r\nab,n,FINISHED,1970-01-01T00:00:00.000Z,0.12345678901,1.5,\r\n",
  );
});
