import { describe, expect, test } from "@jest/globals";
import { FormatTooNew, LedgerMismatch } from "../ports/errors.ts";
import { firstCheckpoint, formatCheckpoint, parseCheckpoint, withModel } from "./checkpoint.ts";

describe("the publisher's checkpoint", () => {
  test("begins before the first event, with the first generation of every model", () => {
    expect(parseCheckpoint(null, "books")).toEqual(firstCheckpoint("books"));
    expect(firstCheckpoint("books")).toMatchObject({
      position: 0,
      models: { trades: { generation: 1, version: null, republishFrom: null } },
    });
  });

  test("comes back as it was written", () => {
    const changed = { generation: 4, version: 2, republishFrom: 17 };
    const checkpoint = {
      ...withModel(firstCheckpoint("books"), "trades", changed),
      position: 120,
      hash: "ab",
    };
    expect(checkpoint.models.trades).toEqual(changed);
    expect(parseCheckpoint(formatCheckpoint(checkpoint), "books")).toEqual(checkpoint);
  });

  test("is frozen: another program must be able to go on from it", () => {
    expect(JSON.parse(formatCheckpoint(firstCheckpoint("books")))).toEqual({
      format: 1,
      ledger: "books",
      position: 0,
      hash: "",
      models: Object.fromEntries(
        ["balances", "withdrawals", "deposits", "trades"].map((model) => [
          model,
          { generation: 1, version: null, mendFrom: null },
        ]),
      ),
    });
  });

  test("with stopped keys is none for a program that does not know of them", () => {
    const stop = { topic: "events", key: "a", position: 7, sequence: 2, model: null } as const;
    const checkpoint = { ...firstCheckpoint("books"), stopped: [stop] };
    const text = formatCheckpoint(checkpoint);
    expect(JSON.parse(text)).toMatchObject({ format: 2, stopped: [stop] });
    expect(parseCheckpoint(text, "books")).toEqual(checkpoint);
  });

  test("with heads goes on through a program that does not know of them", () => {
    const checkpoint = { ...firstCheckpoint("books"), heads: 120 };
    const text = formatCheckpoint(checkpoint);
    expect(JSON.parse(text)).toMatchObject({ format: 1, heads: 120 });
    expect(parseCheckpoint(text, "books")).toEqual(checkpoint);
  });

  test("of another ledger, or of a newer program, is refused", () => {
    const text = formatCheckpoint(firstCheckpoint("books"));
    expect(() => parseCheckpoint(text, "other")).toThrow(LedgerMismatch);
    expect(() => parseCheckpoint(text, "other")).toThrow('ledger "books", expected "other"');
    const newer = text.replace('"format":1', '"format":3');
    expect(() => parseCheckpoint(newer, "books")).toThrow(FormatTooNew);
  });
});
