import { describe, expect, it } from "vitest";
import { baseName, fileUrl, previewOf } from "./artifacts";

describe("previewOf", () => {
  it.each([
    ["plots/roc.PNG", "image"],
    ["figure.svg", "image"],
    ["model/MLmodel", "text"],
    ["code/diff.patch", "text"],
    ["data/rows.csv", "table"],
    ["data/rows.parquet", "parquet"],
    ["report.html", "page"],
    ["README.md", "markdown"],
    ["weights.bin", "none"],
  ])("%s is shown as %s", (path, kind) => expect(previewOf(path)).toBe(kind));
});

describe("fileUrl", () => {
  it("escapes what a path may hold", () => {
    expect(fileUrl({ run: "ab" }, "a b/c&d=#.txt")).toContain("path=a+b%2Fc%26d%3D%23.txt");
  });
  it("asks for a page only where it is wanted", () => {
    expect(fileUrl({ model: "m-1" }, "x.html")).not.toContain("show");
    expect(fileUrl({ model: "m-1" }, "x.html", true)).toContain("show=page");
  });
});

it("baseName is what follows the last slash", () => expect(baseName("a/b/c.txt")).toBe("c.txt"));
