import { expect, it } from "vitest";
import { modelFilter } from "./registry";
import { signatureOf } from "./signature";

const MODEL = `artifact_path: model
signature:
  inputs: '[{"type": "double", "name": "alcohol", "required": true}, {"type": "long",
    "name": "it''s", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1, 3]}}]'
  params: '[{"name": "top", "type": "long", "default": 3, "shape": null}]'
utc_time_created: '2026-01-01'
`;

it("reads columns, tensors and params", () => {
  expect(signatureOf(MODEL)).toEqual({
    inputs: [
      { name: "alcohol", type: "double", required: true },
      { name: "it's", type: "long", required: false },
    ],
    outputs: [{ name: "0", type: "tensor(int64, any × 3)", required: true }],
    params: [{ name: "top", type: "long", required: false }],
  });
});
it("says null where there is none", () => expect(signatureOf("artifact_path: model\n")).toBeNull());

it.each([
  ["fraud", "name ILIKE '%fraud%'"],
  ["it's", "name ILIKE '%it''s%'"],
  ["tags.team = 'a'", "tags.team = 'a'"],
  [" ", ""],
])("%j as a filter", (text, filter) => expect(modelFilter(text)).toBe(filter));
