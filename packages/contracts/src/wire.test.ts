import { describe, expect, test } from "@jest/globals";
import { flag, key, reasons, text } from "./wire.ts";

describe("fields of payloads", () => {
  test.each([
    ["text", text, "a", "a"],
    ["text", text, " ", " "],
    ["text", text, "", undefined],
    ["text", text, null, undefined],
    ["text", text, undefined, undefined],
    ["flag", flag, true, true],
    ["flag", flag, false, false],
    ["flag", flag, "true", true],
    ["flag", flag, "False", false],
    ["flag", flag, "1", undefined],
    ["flag", flag, "", undefined],
    ["flag", flag, null, undefined],
    ["flag", flag, undefined, undefined],
    ["reasons", reasons, "a", "a"],
    ["reasons", reasons, ["a", "b"], "a; b"],
    ["reasons", reasons, [], undefined],
    ["reasons", reasons, [""], undefined],
    ["reasons", reasons, "", undefined],
    ["reasons", reasons, null, undefined],
    ["key", key, "a", "a"],
  ])("%s of %j", (_name, schema, printed, expected) => {
    const read = schema.safeParse(printed);
    expect(read).toMatchObject({ success: true });
    expect(read.data).toEqual(expected);
  });

  test.each([
    ["text", text, true],
    ["text", text, {}],
    ["text", text, 5],
    ["flag", flag, {}],
    ["reasons", reasons, [1]],
    ["reasons", reasons, { a: "b" }],
    ["key", key, ""],
    ["key", key, null],
    ["key", key, undefined],
  ])("%s refuses %j", (_name, schema, printed) => {
    expect(schema.safeParse(printed).success).toBe(false);
  });
});
