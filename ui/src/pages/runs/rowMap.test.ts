import { expect, it } from "vitest";
import { lineAt, lineCount } from "./rowMap";

it("finds every line of a list in which some rows are open", () => {
  const expansions = [{ index: 1, count: 2 }, { index: 2, count: 1 }, { index: 4, count: 0 }];
  const lines = Array.from({ length: lineCount(6, expansions) }, (_, at) => lineAt(at, expansions));
  expect(lines.map((one) => (one.child === null ? `${one.top}` : `${one.top}.${one.child}`))).toEqual([
    "0", "1", "1.0", "1.1", "2", "2.0", "3", "4", "5",
  ]);
});
