import { expect, it } from "vitest";
import { changedParams } from "./AgainDialog";
import { kindOf } from "./CodeTab";
import { columns } from "./SmallChart";

const curve = { x: [1, 2], y: [0.5, "NaN" as const], low: [0, 0.1], high: [1, 2] };

it("leaves a gap where a value is no number", () => {
  expect(columns(curve, false, false)).toEqual([[1, 2], [0, 0.1], [1, 2], [0.5, null]]);
});
it("leaves a gap where a logarithm is none", () => expect(columns(curve, false, true)[1]).toEqual([null, 0.1]));
it("has times in seconds", () => expect(columns({ ...curve, x: [1000, 2000] }, true, false)[0]).toEqual([1, 2]));

it.each([
  ["+added", "add"],
  ["-gone", "cut-out"],
  ["+++ b/x.py", "head"],
  ["@@ -1 +1 @@", "head"],
  [" same", ""],
])("%s", (line, kind) => expect(kindOf(line)).toBe(kind));

it("submits only what was changed", () => {
  const params = [{ key: "alpha", value: "0.1" }, { key: "note" }];
  expect(changedParams(params, { alpha: "0.1", note: "" })).toEqual([]);
  expect(changedParams(params, { alpha: "0.5" })).toEqual([{ key: "alpha", value: "0.5" }]);
});
