import type { QuarantinedRecord } from "@counterfoil/contracts/operations-record";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import { newEvent } from "@counterfoil/core/ingest/event";
import { dismissalId, quarantinedId, retryId } from "@counterfoil/core/ingest/quarantine";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ATTENTION_COUNTS } from "../models/columns.ts";
import { noteQuarantine, QUARANTINED, QUARANTINED_KIND } from "../models/deliveries.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Rows } from "../ports/model-store.ts";
import { createRowBuffer } from "../projection/row-buffer.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { sampleEvents, sampleId } from "../testing/sample-event.ts";
import {
  findQuarantined,
  listQuarantine,
  type QuarantineFilters,
  readQuarantine,
} from "./quarantine.ts";

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

function dismissed(delivery: number, attempts: number): NewEvent {
  const delivery_id = sampleId(delivery);
  const data = { delivery_id, attempts, note: `${delivery} is known`, actor: "Ann" };
  const id = dismissalId(delivery_id, attempts, hashing);
  const envelope = { id, subject: `delivery:${delivery_id}` };
  return newEvent({ type: "QuarantineDismissed", data }, envelope, cause(delivery_id));
}

/** The rows that the balances model makes of the stream. */
async function rowsOf(events: readonly RecordedEvent[]): Promise<Rows> {
  const catalogue = createMemoryModelCatalogue();
  const tables = [QUARANTINED, ATTENTION_COUNTS];
  await catalogue.create("balances", { tables, modelVersion: 1 });
  const store = await catalogue.openForWriting("balances", 1);
  const buffer = createRowBuffer(store, await store.checkpoint(), hashing);
  for (const { id, type, position, data, recorded_at: recordedAt } of events) {
    if (!/Quarantine/.test(type)) continue;
    const event = { id, type, position, deliveryId: null, recordedAt, data: JSON.parse(data) };
    await noteQuarantine(buffer, event);
  }
  await buffer.commit(events.length, "");
  return store;
}

/** Those that need a person first, then dismissed ones, then resolved ones. */
const rankOf = ({ resolved_position, acknowledged_at }: QuarantinedRecord): number =>
  resolved_position !== null ? 0 : acknowledged_at !== null ? 1 : 2;

function openStream() {
  const storage = createMemoryStreamStorage();
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  const append = async (events: readonly NewEvent[]) =>
    void (await stream.append(storage.events.length, events));
  return { storage, stream, append };
}

/** The quarantine by the whole stream, read from its beginning. */
function foldAll(events: readonly RecordedEvent[]): readonly QuarantinedRecord[] {
  const records = new Map<string, QuarantinedRecord>();
  const nobody = { acknowledged_at: null, acknowledged_by: null, note: null };
  for (const { type, data, position, recorded_at } of events) {
    const { delivery_id, translation: _, outcome, attempts: _a, ...rest } = JSON.parse(data);
    const before = records.get(delivery_id);
    if (type === "DeliveryQuarantined") {
      const first = { attempts: 1, position: `${position}`, resolved_position: null };
      records.set(delivery_id, { delivery_id, ...rest, ...first, ...nobody });
    } else if (type === "QuarantineDismissed" && before !== undefined) {
      const by = { acknowledged_at: formatTime(recorded_at), acknowledged_by: rest.actor };
      records.set(delivery_id, { ...before, ...by, note: rest.note });
    } else if (type === "QuarantineRetried" && before !== undefined) {
      const resolved_position = outcome === "resolved" ? `${position}` : null;
      const attempts = before.attempts + 1;
      records.set(delivery_id, { ...before, ...rest, ...nobody, attempts, resolved_position });
    }
  }
  return [...records.values()];
}

/** All of a list, page after page. */
async function listAll(
  rows: Rows,
  stream: EventStream,
  { limit, ...filters }: Readonly<{ limit: number; open?: boolean; dismissed?: boolean }>,
) {
  const found: QuarantinedRecord[] = [];
  let beyond: Awaited<ReturnType<typeof listQuarantine>>["next"] = null;
  do {
    const query = { ...READING, ...filters, page: { limit, beyond }, ...EVERYTHING };
    const page = await listQuarantine(rows, stream, query);
    found.push(...page.data);
    beyond = page.next;
  } while (beyond !== null);
  return { found };
}

/** A delivery quarantined after so many other events, retried or not. */
const stepArbitrary = fc.record({
  others: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 900 })),
  retries: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
  isResolved: fc.boolean(),
  isDismissed: fc.boolean(),
});

const FILTERS: readonly Readonly<{ open?: boolean; dismissed?: boolean }>[] = [
  ...[{}, { open: true }, { open: false }, { dismissed: true }],
];

test("the pages are equal to the whole stream", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepArbitrary, { maxLength: 40 }),
      fc.constantFrom(1, 3, 100),
      async (steps, limit) => {
        const { storage, stream, append } = openStream();
        let others = 500_000;
        const later: NewEvent[] = [];
        for (const [delivery, step] of steps.entries()) {
          const { others: count, retries, isResolved, isDismissed } = step;
          await append(sampleEvents(others + 1, others + count));
          others += count;
          await append([quarantined(delivery)]);
          if (isDismissed) await append([dismissed(delivery, 1)]);
          later.push(...retries.map((each, at) => retried(delivery, each, isResolved && at === 0)));
          if (delivery % 3 === 0) await append(later.splice(0));
        }
        await append(later);
        const expected = foldAll(storage.events);
        expect(await Array.fromAsync(readQuarantine(stream, READING))).toEqual(expected);
        const rows = await rowsOf(storage.events);
        for (const filters of FILTERS) {
          const { open, dismissed: withDismissed = false } = filters;
          const wanted = expected.filter((one) => {
            const isMeant = open === undefined || open === (one.resolved_position === null);
            return isMeant && (withDismissed || rankOf(one) !== 1);
          });
          wanted.sort((a, b) => rankOf(b) - rankOf(a) || Number(b.position) - Number(a.position));
          const { found } = await listAll(rows, stream, { limit, ...filters });
          expect(found).toEqual(wanted);
        }
        const counts = await rows.get(ATTENTION_COUNTS, [QUARANTINED_KIND]);
        const open = expected.filter((one) => rankOf(one) > 0).length;
        const unacknowledged = expected.filter((one) => rankOf(one) === 2).length;
        expect(counts ?? { open: 0, unacknowledged: 0 }).toMatchObject({ open, unacknowledged });
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
  /** The oldest are open; all later ones are resolved. */
  const OPEN = 3;

  async function openCounted() {
    const { stream, append, storage } = openStream();
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
    const rows = await rowsOf(storage.events);
    const take = () => ({ ...work, ...Object.assign(work, { events: 0, ids: 0 }) });
    const page = async (
      limit: number,
      open?: boolean,
      beyond: readonly number[] | null = null,
      filters: QuarantineFilters = {},
    ) => {
      const which = open === undefined ? {} : { open };
      const asked = { ...READING, ...which, filters, page: { limit, beyond }, ...EVERYTHING };
      const { data, next } = await listQuarantine(rows, counted, asked);
      const { events, ids } = work;
      take();
      return { data, next, events, ids };
    };
    return { page };
  }

  test("a page reads what it shows, however many there are", async () => {
    const { page } = await openCounted();
    for (const beyond of [null, [0, 15_000], [0, 500]]) {
      const { data, events, ids } = await page(50, undefined, beyond);
      expect(data).toHaveLength(50);
      expect(events).toBe(0);
      expect(ids).toBeLessThanOrEqual(51 * 14);
    }
  });

  test("filtered deliveries are read by their first event only, and a page ends short", async () => {
    const { page } = await openCounted();
    const filters = { payload_type: ["nobody.sends.this"] };
    const { data, next, events, ids } = await page(50, undefined, null, filters);
    expect(data).toEqual([]);
    expect(next).not.toBeNull();
    expect(events).toBe(0);
    expect(ids).toBeLessThanOrEqual(2100);
  });

  test("those that are open come first, the oldest too", async () => {
    const { page } = await openCounted();
    const { data, next } = await page(100, true);
    expect(data.map(({ delivery_id }) => delivery_id)).toEqual([2, 1, 0].map(sampleId));
    expect(next).toBeNull();
    const all = await page(4);
    expect(all.data.map(({ resolved_position }) => resolved_position === null)).toEqual([
      ...[true, true, true, false],
    ]);
  });
});
