import type { ProviderFact } from "@counterfoil/contracts/fact";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translate, Translations } from "@counterfoil/core/translate/translation";
import { describe, expect, test } from "@jest/globals";
import { createIngest } from "../ingest/ingest.ts";
import { retranslate } from "../ingest/retranslate.ts";
import { retryQuarantined } from "../ingest/retry-quarantined.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Delivery } from "../ports/ingest.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "../testing/memory-event-stream.ts";
import { findDelivery } from "./deliveries.ts";
import { findQuarantined } from "./quarantine.ts";

const START = 1_700_000_000_000_000_000n;
const read = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;

/** Reads runs by another number. */
const misread: Translate = (source, given) => {
  const reading = read(source, given);
  if (!reading.ok) return reading;
  const facts = reading.facts.map(
    (fact) => ({ ...fact, data: { ...fact.data, run_id: "0" } }) as ProviderFact,
  );
  return { ...reading, facts };
};

const BEFORE: Translations = { present: 1, versions: { 1: misread } };
const AFTER: Translations = { present: 2, versions: { 1: misread, 2: read } };

const webhook = (run: number): Delivery => ({
  provider: "zerohash",
  channel: "webhook",
  payloadType: "account_balance.changed",
  notificationId: null,
  place: null,
  verdict: { signature: "valid" },
  bytes: new TextEncoder().encode(
    JSON.stringify({
      participant_code: "DEF456",
      account_group: "ABC123",
      account_label: "general",
      account_type: "available",
      asset: "BTC",
      balance: "1",
      run_id: String(run),
      movements: [],
    }),
  ),
  receivedAt: START,
  correlationId: null,
});

async function retranslatedLedger() {
  const storage = createMemoryStreamStorage();
  const clock = createManualClock(START);
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  const ingest = createIngest({ stream, translations: BEFORE, hashing, clock });
  const { deliveryId } = await ingest.submit(webhook(7));
  await ingest.submit(webhook(8));
  await retranslate({ stream, translations: AFTER, hashing, clock });
  const find = async () => {
    const found = await findDelivery(stream, deliveryId, {
      ...{ translations: AFTER, hashing, standings: null },
    });
    return found?.facts.map(({ type }) => type);
  };
  return { storage, find };
}

const RECORDED_AT_FIRST = ["RunRecorded", "BalanceReported"];

describe("a delivery that a later translation reads differently", () => {
  test("has the first facts, their withdrawals, and the facts that replace them", async () => {
    const { find } = await retranslatedLedger();
    expect(await find()).toEqual([
      ...RECORDED_AT_FIRST,
      "FactWithdrawn",
      "FactWithdrawn",
      ...RECORDED_AT_FIRST,
    ]);
  });

  test("has at least the facts next to it if its bytes were erased", async () => {
    const { storage, find } = await retranslatedLedger();
    storage.bodies.clear();
    expect(await find()).toEqual([...RECORDED_AT_FIRST, "FactWithdrawn", "FactWithdrawn"]);
  });
});

describe("a delivery that was quarantined and read again, among many", () => {
  const blind: Translate = () => ({ ok: false, reason: "shape", detail: "not yet" });
  const UNREAD: Translations = { present: 1, versions: { 1: blind } };
  const READ: Translations = { present: 2, versions: { 1: blind, 2: read } };
  const OTHERS = 300;

  test("is shown without reading its bytes as long as it is in quarantine", async () => {
    const clock = createManualClock(START);
    const stream = createMemoryEventStream({ ledger: "default", hashing, clock });
    const ingest = createIngest({ stream, translations: UNREAD, hashing, clock });
    const { deliveryId } = await ingest.submit(webhook(7));
    const bodies: string[] = [];
    const watched = {
      ...stream,
      body: (sha256: string) => {
        bodies.push(sha256);
        return stream.body(sha256);
      },
    };
    const query = { translations: READ, hashing, standings: null };
    const found = await findDelivery(watched, deliveryId, query);
    expect(found?.facts.map(({ type }) => type)).toEqual(["DeliveryQuarantined"]);
    expect(bodies).toEqual([]);
  });

  test("has all its events, and is found without reading the others", async () => {
    const clock = createManualClock(START);
    const stream = createMemoryEventStream({ ledger: "default", hashing, clock });
    const ingest = createIngest({ stream, translations: UNREAD, hashing, clock });
    const receipts = [await ingest.submit(webhook(7))];
    for (let run = 100; run < 100 + OTHERS; run += 1)
      receipts.push(await ingest.submit(webhook(run)));
    const reading = { translations: READ, hashing };
    for (const { deliveryId } of receipts.toReversed()) {
      const quarantined = await findQuarantined(stream, deliveryId, reading);
      if (quarantined === null) throw new Error("it is not in quarantine");
      await retryQuarantined(quarantined, { ...reading, stream, clock });
    }
    let events = 0;
    const counted: EventStream = {
      ...stream,
      read: async (query) => {
        const page = await stream.read(query);
        if (query.types !== undefined) events += page.length;
        return page;
      },
    };
    const found = await findDelivery(counted, receipts[0]?.deliveryId ?? "", {
      ...reading,
      standings: null,
    });
    expect(found?.facts.map(({ type }) => type)).toEqual([
      "DeliveryQuarantined",
      ...RECORDED_AT_FIRST,
      "QuarantineRetried",
    ]);
    expect(events).toBe(0);
  });
});
