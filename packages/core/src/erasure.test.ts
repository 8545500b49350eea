import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { bodyErasedEvent, bodyErasedId, mentionsParticipant, participantsIn } from "./erasure.ts";
import type { Hashing } from "./hashing.ts";

const hashing: Hashing = {
  sha1: (bytes) => createHash("sha1").update(bytes).digest("hex"),
  sha256: (data) => createHash("sha256").update(data).digest("hex"),
};

test("an erasure's id follows from the digest alone, and never changes", () => {
  expect(bodyErasedId("a".repeat(64), hashing)).toBe("3722b0d3-2877-5c9f-9ee0-906aebc9acaf");
  const data = { length: 1, delivery_id: "d", note: "n", actor: "Ann" };
  const of = (more: object) =>
    bodyErasedEvent({ sha256: "a".repeat(64), ...data, ...more }, hashing);
  expect(of({ delivery_id: "e", actor: "Bob" }).id).toBe(of({}).id);
  expect(of({}).subject).toBe("delivery:d");
});

describe("the participants that a body names", () => {
  test.each([
    ['{"participant_code":"DEF456","account_group":"ABC123"}', ["DEF456"]],
    ['{"account_owner":"DEF456","x":[{"y":{"participant_code":"BBB"}}]}', ["BBB", "DEF456"]],
    ['[{"participant_code":"A"},{"participant_code":"A"},{"participant_code":""}]', ["A"]],
    ['{"data":{"address":{"customerId":"c-1"}}}', ["c-1"]],
    ['{"participant_code":null,"participant":"DEF456"}', []],
    ["7", []],
  ])("of %s", (text, expected) => {
    expect(participantsIn(text)).toEqual(expected);
  });

  test.each([null, "no JSON", '{"participant_code":"A","participant_code":"B"}'])(
    "of what cannot be read are not known: %j",
    (text) => {
      expect(participantsIn(text)).toBeNull();
    },
  );
});

test.each([
  ['{"participant_code":"DEF456"}', true],
  ['{"account_id":"DEF456.general"}', true],
  ['{"note":"paid to DEF456"}', true],
  ['{"participant_code":"DEF4567"}', false],
  ['{"participant_code":"XDEF456"}', false],
  ['{"a":"DEF4567","b":"DEF456"}', true],
  ["{}", false],
])("%s speaks of DEF456: %s", (text, expected) => {
  expect(mentionsParticipant(text, "DEF456")).toBe(expected);
});
