import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { describe, expect, test } from "@jest/globals";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import { type Delivered, read } from "../translate/testing/reading.ts";
import type { Reading } from "../translate/translation.ts";
import { retryId } from "./quarantine.ts";
import { decideRetry, type Retry } from "./retranslate.ts";
import { brief, createLedger, dataOf, stated } from "./testing/ledger.ts";

const PAYMENT = { payment_id: "p", status: "posted" };
const readable = read({ payloadType: "payment_status_changed", body: PAYMENT });

/** A delivery that is read as one part. */
const retryOf = (received: RecordedEvent, reading: Reading): Retry => {
  const facts = reading.ok ? reading.facts : [];
  return { received, reading, part: { facts, at: 0, parts: 1 }, translation: 2, others: [] };
};

/** A ledger on which one delivery is quarantined, and that delivery. */
function quarantined(delivered: Delivered = { payloadType: "new.type", body: PAYMENT }) {
  const ledger = createLedger();
  ledger.deliver(delivered);
  const received = ledger.events.find(({ type }) => type === "DeliveryReceived") as RecordedEvent;
  return { ledger, received };
}

describe("a quarantined delivery, read again", () => {
  test("that can be read now is resolved, and its facts are recorded", () => {
    const { ledger, received } = quarantined();
    const retry = retryOf(received, readable);
    const events = decideRetry(retry, ledger.known(), hashing);
    ledger.record(events);
    expect(brief(events)).toEqual(["PaymentStatusReported", "QuarantineRetried"]);
    expect(stated(events, "QuarantineRetried")).toEqual([
      { delivery_id: received.id, translation: 2, outcome: "resolved" },
    ]);
    for (const event of events) expect(event.causation_id).toBe(received.id);
    expect(events.at(-1)?.id).toBe(retryId(received.id, 2, hashing));
  });

  test("whose facts another delivery has brought meanwhile is resolved by that", () => {
    const { ledger, received } = quarantined();
    ledger.deliver({ payloadType: "payment_status_changed", body: PAYMENT });
    const retry = retryOf(received, readable);
    expect(brief(decideRetry(retry, ledger.known(), hashing))).toEqual(["QuarantineRetried"]);
  });

  test("that still cannot be read says why, once for each translation", () => {
    const { ledger, received } = quarantined();
    const reading = { ok: false, reason: "shape", detail: "no" } as const;
    const [retried, ...others] = decideRetry(retryOf(received, reading), ledger.known(), hashing);
    expect(others).toEqual([]);
    expect(dataOf(retried ?? { data: "{}" })).toEqual({
      delivery_id: received.id,
      translation: 2,
      outcome: "unreadable",
      reason: "shape",
      detail: "no",
    });
    expect(retryId(received.id, 2, hashing)).not.toBe(retryId(received.id, 3, hashing));
  });

  test("in parts is resolved with the last of them", () => {
    const { ledger, received } = quarantined();
    const retry = retryOf(received, readable);
    const steps = [0, 1].map((at) => {
      const part = { facts: at === 0 ? retry.part.facts : [], at, parts: 2 };
      return decideRetry({ ...retry, part }, ledger.known(), hashing);
    });
    expect(steps.map(brief)).toEqual([["PaymentStatusReported"], ["QuarantineRetried"]]);
  });

  test("that is a snapshot ends with its completion", () => {
    const row = {
      participant_code: "D",
      account_group: "A",
      account_label: "general",
      account_type: "available",
      asset: "BTC",
      balance: "1",
    };
    const body = { messageType: "initial-balance", body: [row] };
    const { ledger, received } = quarantined({ payloadType: "feed:single_chain", frame: 3, body });
    const reading = read({ payloadType: "feed", frame: 3, body });
    const events = decideRetry(retryOf(received, reading), ledger.known(), hashing);
    ledger.record(events);
    expect(brief(events)).toEqual(["BalanceReported", "DeliveryCompleted", "QuarantineRetried"]);
    expect(stated(events, "DeliveryCompleted")).toEqual([
      { delivery_id: received.id, parts: 1, snapshot: { connection: "c1", frame: 3 } },
    ]);
  });
});
