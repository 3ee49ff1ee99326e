import { expect, it } from "vitest";
import { diffLines, packages } from "./textDiff";

function shown(left: string, right: string): string {
  const marks = { same: " ", left: "-", right: "+" };
  return diffLines(left, right).map((one) => marks[one.kind] + one.text).join("|");
}

it("finds changed, added and removed lines", () => {
  expect(shown("a\nb\nc", "a\nx\nc")).toBe(" a|-b|+x| c");
  expect(shown("a\nb", "a\nb")).toBe(" a| b");
  expect(shown("a\nb\nc\nd", "b\nd\ne")).toBe("-a| b|-c| d|+e");
});

it("puts both texts together again", () => {
  const left = Array.from({ length: 60 }, (_, n) => `line ${(n * 7) % 13}`).join("\n");
  const right = Array.from({ length: 50 }, (_, n) => `line ${(n * 5) % 11}`).join("\n");
  const lines = diffLines(left, right);
  expect(lines.filter((one) => one.kind !== "right").map((one) => one.text).join("\n")).toBe(left);
  expect(lines.filter((one) => one.kind !== "left").map((one) => one.text).join("\n")).toBe(right);
});

it("reads versions of packages", () => {
  expect([...packages("NumPy==2.1.0\n# no\nscikit-learn==1.5 ")]).toEqual([["numpy", "2.1.0"], ["scikit-learn", "1.5"]]);
});
