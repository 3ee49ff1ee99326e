import { expect, it } from "vitest";
import { parseCsv } from "./csv";

it.each([
  ["a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
  ["a,b\r\n1,2", [["a", "b"], ["1", "2"]]],
  ['"a,b","say ""hi""","two\nlines"\n', [["a,b", 'say "hi"', "two\nlines"]]],
  ["a,\n,b", [["a", ""], ["", "b"]]],
  ["a,", [["a", ""]]],
  ["\ufeffname\nx", [["name"], ["x"]]],
  ['"never closed', [["never closed"]]],
  ["", []],
])("%j", (text, rows) => expect(parseCsv(text)).toEqual(rows));

it("stops after as many rows as asked for", () => expect(parseCsv("a\nb\nc\n", ",", 2)).toEqual([["a"], ["b"]]));
it("knows other separators", () => expect(parseCsv("a\tb,c", "\t")).toEqual([["a", "b,c"]]));
