import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { newEvent } from "@counterfoil/core/ingest/event";
import { quarantinedId, retryId } from "@counterfoil/core/ingest/quarantine";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createMemoryEventStream, createMemoryStreamStorage } from "../memory/event-stream.ts";
import { createManualClock } from "../memory/manual-clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { sampleEvents, sampleId } from "../testing/sample-event.ts";
import { findQuarantined, listQuarantine, readQuarantine } from "./quarantine.ts";

const clock = createManualClock(0n);
const EVERYTHING = { platform: null, nextTurn: async () => {} };
const READING = { translations: { present: 2, versions: {} }, hashing };

const cause = (deliveryId: string) => ({ deliveryId, correlationId: null });

function quarantined(delivery: number): NewEvent {
  const delivery_id = sampleId(delivery);
  const read = { provider: "zerohash", channel: "webhook", payload_type: "weather" } as const;
  const why = { reason: "shape", detail: `${delivery}`, translation: 1 };
  const data = { delivery_id, ...read, ...why, received_at: "2026-01-01T00:00:00Z" };
  const envelope = { id: quarantinedId(delivery_id, hashing), subject: `delivery:${delivery_id}` };
  return newEvent({ type: "DeliveryQuarantined", data }, envelope, cause(delivery_id));
}

function retried(delivery: number, translation: number, isResolved: boolean): NewEvent {
  const delivery_id = sampleId(delivery);
  const outcome = isResolved
    ? ({ outcome: "resolved" } as const)
    : ({ outcome: "unreadable", reason: "shape", detail: `still ${translation}` } as const);
  const data = { delivery_id, translation, ...outcome };
  const id = retryId(delivery_id, translation, hashing);
  const envelope = { id, subject: `delivery:${delivery_id}` };
  return newEvent({ type: "QuarantineRetried", data }, envelope, cause(delivery_id));
}

function openStream() {
  const storage = createMemoryStreamStorage();
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  const append = async (events: readonly NewEvent[]) =>
    void (await stream.append(storage.events.length, events));
  return { storage, stream, append };
}

/** What the whole stream says, folded from its beginning. */
function foldAll(events: readonly RecordedEvent[]): readonly QuarantinedRecord[] {
  const records = new Map<string, QuarantinedRecord>();
  for (const { type, data, position } of events) {
    const { delivery_id, translation: _, outcome, ...rest } = JSON.parse(data);
    const before = records.get(delivery_id);
    if (type === "DeliveryQuarantined") {
      const first = { attempts: 1, position: `${position}`, resolved_position: null };
      records.set(delivery_id, { delivery_id, ...rest, ...first });
    } else if (type === "QuarantineRetried" && before !== undefined) {
      const resolved_position = outcome === "resolved" ? `${position}` : null;
      const attempts = before.attempts + 1;
      records.set(delivery_id, { ...before, ...rest, attempts, resolved_position });
    }
  }
  return [...records.values()];
}

/** All of a list, page after page. @returns also how long each page was */
async function listAll(stream: EventStream, limit: number, open?: boolean) {
  const found: QuarantinedRecord[] = [];
  const sizes: number[] = [];
  const filters = open === undefined ? {} : { open };
  let beyond: Awaited<ReturnType<typeof listQuarantine>>["next"] = null;
  do {
    const query = { ...READING, ...filters, page: { limit, beyond }, ...EVERYTHING };
    const page = await listQuarantine(stream, query);
    found.push(...page.data);
    sizes.push(page.data.length);
    beyond = page.next;
  } while (beyond !== null);
  return { found, sizes };
}

/** Quarantined after so many other events, retried or not. */
const stepArbitrary = fc.record({
  others: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 900 })),
  retries: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
  isResolved: fc.boolean(),
});

test("what is read in pages is what the whole stream says", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepArbitrary, { maxLength: 40 }),
      fc.constantFrom(1, 3, 100),
      async (steps, limit) => {
        const { storage, stream, append } = openStream();
        let others = 500_000;
        const later: NewEvent[] = [];
        for (const [delivery, { others: count, retries, isResolved }] of steps.entries()) {
          await append(sampleEvents(others + 1, others + count));
          others += count;
          await append([quarantined(delivery)]);
          later.push(...retries.map((each, at) => retried(delivery, each, isResolved && at === 0)));
          if (delivery % 3 === 0) await append(later.splice(0));
        }
        await append(later);
        const expected = foldAll(storage.events);
        expect(await Array.fromAsync(readQuarantine(stream, READING))).toEqual(expected);
        for (const open of [undefined, true, false]) {
          const wanted = expected.filter(
            ({ resolved_position }) => open === undefined || open === (resolved_position === null),
          );
          const { found } = await listAll(stream, limit, open);
          expect(found).toEqual(wanted.toReversed());
        }
        for (const one of expected) {
          expect(await findQuarantined(stream, one.delivery_id, READING)).toEqual(one);
        }
        expect(await findQuarantined(stream, sampleId(499_999), READING)).toBeNull();
      },
    ),
    { numRuns: 15 },
  );
});

describe("of very many deliveries", () => {
  const COUNT = 20_000;
  /** The oldest, and everything that came since was read in the meantime. */
  const OPEN = 3;

  async function openCounted() {
    const { stream, append } = openStream();
    for (let at = 0; at < COUNT; at += 1000) {
      await append(Array.from({ length: 1000 }, (_, one) => quarantined(at + one)));
    }
    for (let at = OPEN; at < COUNT; at += 1000) {
      const count = Math.min(1000, COUNT - at);
      await append(Array.from({ length: count }, (_, one) => retried(at + one, 2, true)));
    }
    const work = { events: 0, ids: 0 };
    const counted: EventStream = {
      ...stream,
      read: async (query) => {
        const events = await stream.read(query);
        work.events += events.length;
        return events;
      },
      findByIds: async (ids) => {
        work.ids += ids.length;
        return stream.findByIds(ids);
      },
    };
    const take = () => ({ ...work, ...Object.assign(work, { events: 0, ids: 0 }) });
    const page = async (limit: number, open?: boolean, beyond: readonly number[] | null = null) => {
      const filters = open === undefined ? {} : { open };
      const asked = { ...READING, ...filters, page: { limit, beyond }, ...EVERYTHING };
      const { data, next } = await listQuarantine(counted, asked);
      const { events, ids } = work;
      take();
      return { data, next, events, ids };
    };
    return { counted, page };
  }

  test("a page reads what it shows, however many there are", async () => {
    const { page } = await openCounted();
    for (const beyond of [null, [15_000], [500]]) {
      const { data, events, ids } = await page(50, undefined, beyond);
      expect(data).toHaveLength(50);
      expect(events).toBeLessThanOrEqual(3000);
      expect(ids).toBeLessThanOrEqual(50 * 6);
    }
  });

  test("a page looks at 2,000 that are not asked for, and ends; all of them find the oldest", async () => {
    const { page, counted } = await openCounted();
    const { data, next, events, ids } = await page(100, true);
    expect(data).toEqual([]);
    expect(next).not.toBeNull();
    expect(events).toBeLessThanOrEqual(5000);
    expect(ids).toBeLessThanOrEqual(2000 * 5);
    const { found, sizes } = await listAll(counted, 100, true);
    expect(found.map(({ delivery_id }) => delivery_id)).toEqual([2, 1, 0].map(sampleId));
    expect(sizes).toHaveLength(COUNT / 2000 + 1);
  });
});
