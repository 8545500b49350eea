import { factHeaders, headHeaders, STATE_TOPICS, stateHeaders } from "@counterfoil/contracts/kafka";
import { eventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { describe, expect, test } from "@jest/globals";
import { FormatTooNew, LedgerMismatch } from "../ports/errors.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import {
  factMessage,
  firstCheckpoint,
  formatCheckpoint,
  headMessage,
  parseCheckpoint,
  stateMessage,
  withModel,
} from "./topic-format.ts";

const EVENT: RecordedEvent = {
  ...sampleEvent(1),
  position: 12,
  recorded_at: 1_767_323_045_123_456_789n,
  hash: "0".repeat(64),
};

describe("a fact as a message", () => {
  const message = factMessage(EVENT, { ledger: "books", keySequence: 3 });

  test("has CloudEvents headers, its position, and its number among the events of its key", () => {
    expect(message.headers).toEqual({
      ce_specversion: "1.0",
      ce_id: EVENT.id,
      ce_type: "MovementRecorded",
      ce_source: "/counterfoil/books",
      ce_time: "2026-01-02T03:04:05.123456789Z",
      ce_subject: EVENT.subject,
      "content-type": "application/json",
      counterfoil_ledger: "books",
      counterfoil_position: "12",
      counterfoil_key_sequence: "3",
    });
    expect(factHeaders.parse(message.headers)).toEqual(message.headers);
  });

  test("names the trace of its delivery, if there is one", () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const { headers } = factMessage(EVENT, { ledger: "books", keySequence: 3, traceparent });
    expect(headers).toEqual({ ...message.headers, ce_traceparent: traceparent });
    expect(factHeaders.parse(headers)).toEqual(headers);
  });

  test("is the record of the HTTP interface, keyed by its subject", () => {
    expect([message.topic, message.key]).toEqual(["events", EVENT.subject]);
    const value = JSON.parse(message.value ?? "");
    expect(eventRecord.parse(value)).toEqual(value);
    expect(value).toMatchObject({ position: "12", id: EVENT.id, data: JSON.parse(EVENT.data) });
  });
});

describe("a state as a message", () => {
  const provenance = {
    ledger: "books",
    position: 12,
    recordedAt: EVENT.recorded_at,
    generation: 2,
  };

  test.each(Object.keys(STATE_TOPICS) as (keyof typeof STATE_TOPICS)[])("of %s", (topic) => {
    const { changed, removed } = STATE_TOPICS[topic];
    for (const [value, type] of [
      ['{"id":"x"}', changed],
      [null, removed],
    ] as const) {
      const message = stateMessage({ topic, key: "x", value }, provenance);
      expect(message).toMatchObject({ topic, key: "x", value });
      expect(stateHeaders.parse(message.headers)).toEqual(message.headers);
      expect(message.headers).toMatchObject({
        ce_id: `${topic}:x:2:12`,
        ce_type: type,
        ce_subject: "x",
        counterfoil_position: "12",
        counterfoil_generation: "2",
      });
    }
  });
});

test("a signed head is a message to the byte, keyed by its size", () => {
  const of = (digit: string) => digit.repeat(64);
  const head = {
    ...{ ledger: "books", genesis: of("1"), position: "7", hash: of("2"), tree_size: "7" },
    ...{ root: of("3"), map_root: of("4"), signed_at: "2026-11-28T21:00:00.000000001Z" },
    ...{ key_id: of("5"), public_key: of("6"), signature: "a".repeat(128) },
  };
  const { topic, key, value, headers } = headMessage(head);
  expect([topic, key]).toEqual(["heads", "7"]);
  expect(JSON.parse(value ?? "")).toEqual(head);
  expect(headHeaders.parse(headers)).toEqual(headers);
  expect(headers).toMatchObject({
    ce_id: `7:${of("3")}`,
    ce_type: "HeadSigned",
    ce_time: head.signed_at,
    counterfoil_position: "7",
  });
});

describe("the publisher's checkpoint", () => {
  test("begins before the first event, with the first generation of every model", () => {
    expect(parseCheckpoint(null, "books")).toEqual(firstCheckpoint("books"));
    expect(firstCheckpoint("books")).toMatchObject({
      position: 0,
      models: { trades: { generation: 1, version: null, republishFrom: null } },
    });
  });

  test("is parsed as it was formatted", () => {
    const changed = { generation: 4, version: 2, republishFrom: 17 };
    const checkpoint = {
      ...withModel(firstCheckpoint("books"), "trades", changed),
      position: 120,
      hash: "ab",
    };
    expect(checkpoint.models.trades).toEqual(changed);
    expect(parseCheckpoint(formatCheckpoint(checkpoint), "books")).toEqual(checkpoint);
  });

  test("keeps its format, because another program must be able to resume from it", () => {
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

  test("with stopped keys is refused by a program that does not know them", () => {
    const stop = { topic: "events", key: "a", position: 7, sequence: 2, model: null } as const;
    const checkpoint = { ...firstCheckpoint("books"), stopped: [stop] };
    const text = formatCheckpoint(checkpoint);
    expect(JSON.parse(text)).toMatchObject({ format: 2, stopped: [stop] });
    expect(parseCheckpoint(text, "books")).toEqual(checkpoint);
  });

  test("with heads is kept by a program that does not know them", () => {
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
