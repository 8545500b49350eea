import { describe, expect, test } from "@jest/globals";
import { readSource, sourceOf } from "./testing/reading.ts";
import { frameKind, TRANSLATIONS } from "./translate.ts";

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

describe("a long frame read in pieces", () => {
  const account = (at: number) => ({
    participant_code: `P${at}`,
    account_group: "ABC123",
    account_label: "general",
    account_type: "available",
    asset: "BTC",
    account_id: `id-${at}`,
    balance: "1.25",
  });
  const snapshot = (body: unknown, type = "initial-balance") =>
    JSON.stringify({ messageType: type, body });
  const accounts = Array.from({ length: 50 }, (_, at) => account(at));
  const changed = (more: object) =>
    accounts.map((one, at) => (at === 30 ? { ...one, ...more } : one));

  /** Its facts, or null if only the whole text shows what it is. */
  function inPieces(
    text: string,
    { translation = TRANSLATIONS.present, payloadType = "feed" } = {},
  ) {
    const source = sourceOf({ frame: 2, payloadType, text });
    const pieces = text.match(/.{1,100}/gsu) ?? [];
    const frame = { pieces, source, translation, isReadAgain: false };
    try {
      const facts = [...(TRANSLATIONS.readLongFrame?.(frame) ?? [])];
      const again = TRANSLATIONS.readLongFrame?.({ ...frame, isReadAgain: true }) ?? [];
      expect([...again]).toEqual(facts);
      return facts;
    } catch {
      return null;
    }
  }

  const asWhole = (text: string) => readSource(sourceOf({ frame: 2, payloadType: "feed", text }));

  test.each([
    ["its type first", snapshot(accounts)],
    ["its type last", JSON.stringify({ body: accounts, message_type: "initial-balances" })],
    ["accounts without ids", snapshot(changed({ account_id: undefined }))],
    ["text beyond ASCII", snapshot(changed({ account_label: "é 😀 \u20ac" }))],
  ])("states what the whole states: %s", (_what, text) => {
    expect(asWhole(text)).toEqual({ ok: true, snapshot: true, facts: inPieces(text) });
    expect(inPieces(text)?.length).toBeGreaterThanOrEqual(50);
  });

  test("is read by the translation that is asked for", () => {
    const long = changed({ asset: "A".repeat(3000) });
    expect(inPieces(snapshot(long))).toBeNull();
    expect(inPieces(snapshot(long), { translation: 2 })?.[30]?.data.translation).toBe(2);
  });

  test.each([
    ["a run", snapshot({ ...account(1), run_id: "1" }, "balance-updated")],
    ["a list of another type", snapshot(accounts, "balance-updated")],
    ["no type", JSON.stringify({ body: accounts })],
    ["one account", snapshot(account(1))],
    ["no account", snapshot([])],
    ["null", snapshot(null)],
    ["no body", JSON.stringify({ messageType: "initial-balance", note: "x".repeat(500) })],
    ["an account twice", snapshot([...accounts, account(3)])],
    ["two ids of one account", snapshot(changed({ ...account(3), account_id: "id-x" }))],
    ["an account without its owner", snapshot(changed({ participant_code: undefined }))],
    ["no amount", snapshot(changed({ balance: "a lot" }))],
    ["another shape", snapshot([...accounts, 12])],
    ["a text that is cut", snapshot(accounts).slice(0, -1)],
  ])("is left to the whole: %s", (_what, text) => {
    expect(inPieces(text)).toBeNull();
  });

  test("of another type of delivery is left to the whole", () => {
    expect(inPieces(snapshot(accounts), { payloadType: "feed:single_chain" })).toBeNull();
  });
});
