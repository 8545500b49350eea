import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { prettyJson } from "./pretty-json.ts";

test("every digit and every duplicate key is kept", () => {
  expect(prettyJson('{"a":12345678901234567890.10,"a":[],"b":{"c":[1, "x y\\"{"]}}')).toBe(
    `{
  "a": 12345678901234567890.10,
  "a": [],
  "b": {
    "c": [
      1,
      "x y\\"{"
    ]
  }
}`,
  );
});

test("it is what a serializer would write", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const value = JSON.parse(text);
      expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
    }),
  );
});

test.each(["", "not json", '{"a":', "\u0000"])("what is no JSON is shown as it is: %j", (text) => {
  expect(prettyJson(text)).toBe(text);
});
