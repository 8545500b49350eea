import { describe, expect, test } from "@jest/globals";
import { ANSWER, PONG, REFUSAL, SNAPSHOT, update } from "../testing/feed-frame.ts";
import { natureOf } from "./frame.ts";

const bytesOf = (frame: unknown) => Buffer.from(JSON.stringify(frame));

describe("the nature of a frame", () => {
  test.each([
    [PONG, "pong", false],
    [ANSWER, "answer", false],
    [SNAPSHOT, "snapshot", true],
    [update(1), "other", true],
    [{ message_type: "balance-updated" }, "other", true],
    [REFUSAL, "other", false],
    [null, "other", false],
  ])("%j", (frame, kind, isBalance) => {
    expect(natureOf(bytesOf(frame))).toEqual({ kind, isBalance });
  });

  test("a large snapshot is known by its beginning, or by its end", () => {
    const body = Array(50_000).fill({ asset: "BTC", balance: "1" });
    const type = { messageType: "initial-balance" };
    const snapshot = { kind: "snapshot", isBalance: true };
    expect(natureOf(bytesOf({ ...type, body }))).toEqual(snapshot);
    expect(natureOf(bytesOf({ body, ...type }))).toEqual(snapshot);
    expect(natureOf(bytesOf({ body }))).toEqual({ kind: "other", isBalance: false });
  });

  test("a snapshot with an error in it is still one of balances", () => {
    const broken = JSON.stringify(SNAPSHOT).slice(0, -1);
    expect(natureOf(Buffer.from(broken))).toEqual({ kind: "other", isBalance: true });
  });

  test("bytes that are no text are nothing that is known", () => {
    expect(natureOf(Uint8Array.of(0xff, 0x00))).toEqual({ kind: "other", isBalance: false });
  });
});
