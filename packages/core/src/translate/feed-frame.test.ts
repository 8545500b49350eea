import { describe, expect, test } from "@jest/globals";
import { frameKind } from "./translate.ts";

describe("frameKind", () => {
  test.each([
    ['{"messageType":"pong"}', "pong"],
    ['{"message_type":"pong"}', "pong"],
    [' {\n"messageType" : "pong" }', "pong"],
    ['{"messageType":"subscribe","body":"successfully subscribed to balances"}', "answer"],
    ['{"messageType":"info"}', "answer"],
    ['{"messageType":"initial-balance","body":[]}', "snapshot"],
    ['{"message_type":"initial-balances","body":[]}', "snapshot"],
    ['{"messageType":"balance-updated","body":{}}', "other"],
    ['{"messageType":"error"}', "other"],
    ['{"messageType":"toString"}', "other"],
    ['{"messageType":{"pong":1}}', "other"],
    ['{"type":"pong"}', "other"],
    ['{"messageType":"pong"', "other"],
    ["pong", "other"],
    ["null", "other"],
    ["[]", "other"],
    ['"pong"', "other"],
    ["", "other"],
  ])("%s is %s", (text, kind) => {
    expect(frameKind(text)).toBe(kind);
  });

  const filler = JSON.stringify("x".repeat(5000));

  test.each([
    ["its type first", `{"messageType":"initial-balance","body":[${filler}]}`, "snapshot"],
    ["its type last", `{"body":[${filler}],"message_type" : "initial-balances"}`, "snapshot"],
    ["another type", `{"messageType":"balance-updated","body":[${filler}]}`, "other"],
    [
      "the words inside a string",
      `{"messageType":"balance-updated","note":${JSON.stringify('"messageType":"initial-balance"')},"body":${filler}}`,
      "other",
    ],
  ])("a long frame with %s", (_what, text, kind) => {
    expect(frameKind(text)).toBe(kind);
  });
});
