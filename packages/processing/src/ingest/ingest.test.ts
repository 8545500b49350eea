import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import { storedSize } from "@counterfoil/core/ingest/event";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translate, Translations } from "@counterfoil/core/translate/translation";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { type Delivery, Overloaded } from "../ports/ingest.ts";
import { brokenAt } from "../testing/event-stream-fixture.ts";
import { feedFrame, snapshotText } from "../testing/feed-frame.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "../testing/memory-event-stream.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { createIngest, type IngestOptions } from "./ingest.ts";

const START = 1_700_000_000_000_000_000n;
/** A later version of the translation. */
const NEXT = TRANSLATIONS.present + 1;

type Before = Readonly<{
  findByIds?: () => void | Promise<void>;
  append?: (events: readonly NewEvent[]) => void | Promise<void>;
}>;

/** An ingest over a memory stream that records its appends; `before` can delay or fail a call. */
function setUp(options: Partial<IngestOptions> = {}, before: Before = {}) {
  const clock = createManualClock(START);
  const storage = createMemoryStreamStorage();
  const open = () => createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  const inner = open();
  const appends: (readonly NewEvent[])[] = [];
  const bodies: number[] = [];
  let lookUps = 0;
  const stream: EventStream = {
    ...inner,
    async findByIds(ids) {
      lookUps += 1;
      await before.findByIds?.();
      return inner.findByIds(ids);
    },
    async append(position, events, withBodies = []) {
      await before.append?.(events);
      const result = await inner.append(position, events, withBodies);
      if (result.outcome === "appended") {
        appends.push(events);
        bodies.push(withBodies.length);
      }
      return result;
    },
  };
  const common = { translations: TRANSLATIONS, hashing, clock };
  const ingest = createIngest({ stream, ...common, ...options });
  const another = (more: Partial<IngestOptions> = {}) =>
    createIngest({ stream: open(), ...common, ...more });
  return {
    ingest,
    another,
    stream: inner,
    storage,
    appends,
    bodies,
    clock,
    lookUps: () => lookUps,
  };
}

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

function webhook(number: number, more: Partial<Delivery> & { note?: string } = {}): Delivery {
  const { note, ...overrides } = more;
  const body = {
    participant_code: "DEF456",
    account_group: "ABC123",
    account_label: "general",
    account_type: "available",
    asset: "BTC",
    balance: String(number),
    run_id: String(number),
    movements: [{ movement_id: `m${number}`, change: "1" }],
    note,
  };
  return {
    provider: "zerohash",
    channel: "webhook",
    payloadType: "account_balance.changed",
    notificationId: null,
    place: null,
    verdict: { signature: "valid" },
    bytes: bytesOf(body),
    receivedAt: START + BigInt(number),
    correlationId: null,
    ...overrides,
  };
}

const snapshot = (number: number, accounts: number, receivedAt = START): Delivery =>
  feedFrame(snapshotText(accounts), { number, receivedAt });

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
const countOf = (events: readonly { type: string }[], type: string) =>
  events.filter((event) => event.type === type).length;

describe("group commit", () => {
  test("deliveries that arrive together are appended together, and each is acknowledged", async () => {
    const { ingest, appends, storage, stream } = setUp();
    const receipts = await Promise.all(
      numbers(100).map((number) => ingest.submit(webhook(number))),
    );
    expect(appends).toHaveLength(1);
    expect(storage.events).toHaveLength(400);
    for (const receipt of receipts) {
      expect(receipt).toMatchObject({ outcome: "recorded", position: 400, reason: null });
      expect((await stream.findByIds([receipt.deliveryId])).known.size).toBe(1);
    }
    expect(await stream.body(hashing.sha256(webhook(7).bytes))).toEqual(webhook(7).bytes);
  });

  test("deliveries that arrive during an append join the next group", async () => {
    const gate = Promise.withResolvers<void>();
    const { ingest, appends, clock } = setUp({}, { append: () => gate.promise });
    const first = ingest.submit(webhook(1));
    await clock.nextTurn();
    await clock.nextTurn();
    const others = numbers(50).map((number) => ingest.submit(webhook(1 + number)));
    gate.resolve();
    await Promise.all([first, ...others]);
    expect(appends.map((events) => countOf(events, "DeliveryReceived"))).toEqual([1, 50]);
  });

  test("one append stays within its limits, however many deliveries are pending", async () => {
    const { ingest, appends, bodies } = setUp();
    const receipts = await Promise.all(
      numbers(600).map((number) => ingest.submit(webhook(number))),
    );
    for (const [at, events] of appends.entries()) {
      expect(events.length).toBeLessThanOrEqual(1000);
      const bytes = events.reduce((sum, event) => sum + storedSize(event), 0);
      expect(bytes).toBeLessThanOrEqual(640 * 1024);
      // Each body is written with its own delivery.
      expect(bodies[at]).toBe(countOf(events, "DeliveryReceived"));
    }
    const ends = [...new Set(receipts.map(({ position }) => position))];
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    expect(ends.at(-1)).toBe(2400);
  });

  test("a repeat is recognised, even in the same group as the first copy", async () => {
    const { ingest, storage } = setUp();
    const twice = [webhook(1), webhook(1, { notificationId: "other" })];
    const receipts = await Promise.all(twice.map((delivery) => ingest.submit(delivery)));
    expect(receipts.map(({ outcome }) => outcome)).toEqual(["recorded", "repeated"]);
    expect(await ingest.submit(webhook(1))).toMatchObject({ outcome: "repeated", position: 4 });
    expect(storage.events).toHaveLength(4);
  });

  test("an unreadable delivery is durable, and its receipt has the reason", async () => {
    const { ingest, storage } = setUp();
    const unreadable = webhook(1, { bytes: Uint8Array.of(0xff) });
    const quarantined = { outcome: "quarantined", reason: "not_utf8", position: 2 };
    expect(await ingest.submit(unreadable)).toMatchObject(quarantined);
    expect(await ingest.submit(unreadable)).toMatchObject({ outcome: "repeated" });
    expect([...storage.bodies.values()]).toEqual([Uint8Array.of(0xff)]);
  });
});

describe("a large delivery", () => {
  test("lets other deliveries in between its parts, and is acknowledged with the last", async () => {
    const ended: string[] = [];
    let next = 0;
    const sent: Promise<unknown>[] = [];
    const { ingest, storage, stream } = setUp(
      {},
      {
        append: () => {
          if (ended.includes("snapshot")) return;
          next += 1;
          sent.push(ingest.submit(webhook(next)).then(() => ended.push("webhook")));
        },
      },
    );
    const receipt = await ingest.submit(snapshot(1, 4000));
    ended.push("snapshot");
    const before = ended.filter((what) => what === "webhook").length;
    expect(before).toBeGreaterThanOrEqual(6);
    expect(receipt).toMatchObject({ outcome: "recorded" });
    await Promise.all(sent);
    expect(countOf(storage.events, "BalanceReported")).toBe(4000 + sent.length);
    const completed = storage.events.filter(({ type }) => type === "DeliveryCompleted");
    expect(completed).toHaveLength(1);
    expect(receipt.position).toBe(completed[0]?.position);
    const divided = storage.events.find(({ type }) => type === "DeliveryDivided");
    expect(JSON.parse(divided?.data ?? "").parts).toBe(8);
    expect(await stream.body(hashing.sha256(snapshot(1, 4000).bytes))).not.toBeNull();
  });

  test("does not count against the limit of other deliveries", async () => {
    const gate = Promise.withResolvers<void>();
    const { ingest } = setUp({ pendingBytesMax: 400_000 }, { append: () => gate.promise });
    const first = ingest.submit(snapshot(1, 4000));
    const others = numbers(10).map((number) => ingest.submit(webhook(number)));
    gate.resolve();
    for (const receipt of await Promise.all([first, ...others])) {
      expect(receipt.outcome).toBe("recorded");
    }
  });

  test("submitted to two ingestors at once leaves one copy of each fact", async () => {
    const { ingest, another, storage } = setUp();
    const other = another();
    await Promise.all([ingest, other].map((each) => each.submit(snapshot(1, 3000))));
    for (const [type, count] of [
      ["BalanceReported", 3000],
      ["DeliveryReceived", 1],
      ["DeliveryCompleted", 1],
    ] as const) {
      expect(countOf(storage.events, type)).toBe(count);
    }
    expect(await ingest.submit(snapshot(1, 3000))).toMatchObject({ outcome: "repeated" });
  });
});

describe("conflicts", () => {
  test("are looked up and decided again", async () => {
    let rival: (() => Promise<unknown>) | null = null;
    const { ingest, another, storage } = setUp(
      {},
      {
        append: async () => {
          const move = rival;
          rival = null;
          await move?.();
        },
      },
    );
    const other = another();
    rival = () => other.submit(webhook(1, { note: "over another channel" }));
    const receipt = await ingest.submit(webhook(1));
    expect(receipt).toMatchObject({ outcome: "recorded", position: 5 });
    expect(storage.events.map(({ type }) => type)).toEqual([
      "DeliveryReceived",
      "RunRecorded",
      "MovementRecorded",
      "BalanceReported",
      "DeliveryReceived",
    ]);
  });

  test("between two appends of a group leave the first acknowledged as recorded", async () => {
    let appendsSeen = 0;
    const { ingest, stream, storage } = setUp(
      {},
      {
        append: async () => {
          appendsSeen += 1;
          if (appendsSeen === 2) await stream.append(storage.events.length, [sampleEvent(1)]);
        },
      },
    );
    const receipts = await Promise.all(
      numbers(256).map((number) => ingest.submit(webhook(number))),
    );
    expect(new Set(receipts.map(({ outcome }) => outcome))).toEqual(new Set(["recorded"]));
    expect(storage.events).toHaveLength(256 * 4 + 1);
  });

  test("of ingestors that race leave one copy of each fact, whatever the interleaving", async () => {
    const race = fc.record({
      sent: fc.array(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.constantFrom("", "a", "b")), {
          minLength: 1,
          maxLength: 6,
        }),
        { minLength: 2, maxLength: 3 },
      ),
      delays: fc.infiniteStream(fc.nat(2)),
    });
    await fc.assert(
      fc.asyncProperty(race, async ({ sent, delays }) => {
        const { storage, clock, stream } = setUp();
        const slow = async () => {
          for (let turns = delays.next().value ?? 0; turns > 0; turns -= 1) await clock.nextTurn();
        };
        const racers = sent.map((deliveries) => {
          const own: EventStream = {
            ...stream,
            findByIds: (ids) => slow().then(() => stream.findByIds(ids)),
            append: (...given) => slow().then(() => stream.append(...given)),
          };
          const options = { stream: own, translations: TRANSLATIONS, hashing, clock };
          const ingest = createIngest(options);
          return deliveries.map(async ([number, note]) => {
            await slow();
            return ingest.submit(webhook(number, { note }));
          });
        });
        const receipts = await Promise.all(racers.flat());
        const { events } = storage;
        const keys = (type: string, key: string) =>
          events.filter((event) => event.type === type).map(({ data }) => JSON.parse(data)[key]);
        const runs = new Set(sent.flat().map(([number]) => String(number)));
        expect(keys("BalanceReported", "run_id").sort()).toEqual([...runs].sort());
        expect(keys("MovementRecorded", "run_id").sort()).toEqual([...runs].sort());
        const deliveries = new Set(sent.flat().map(([number, note]) => `${number}${note}`));
        expect(countOf(events, "DeliveryReceived")).toBe(deliveries.size);
        expect(receipts.filter(({ outcome }) => outcome === "recorded")).toHaveLength(
          deliveries.size,
        );
        expect(brokenAt(events, { ledger: "default", hashing })).toBeNull();
      }),
      { numRuns: 60 },
    );
  });
});

describe("failures", () => {
  const isPoison = ({ data }: NewEvent) => data.includes('"run_id":"13"');

  test("one delivery that cannot be appended does not fail the others", async () => {
    const { ingest, storage } = setUp(
      {},
      {
        append: (events) => {
          if (events.some(isPoison)) throw new Error("the engine chokes on it");
        },
      },
    );
    const sent = [...numbers(20), 1].map((number) => ingest.submit(webhook(number)));
    const results = await Promise.allSettled(sent);
    expect(results[12]).toMatchObject({ status: "rejected", reason: { message: /chokes/ } });
    const others = results.filter((_, at) => at !== 12);
    expect(others.map(({ status }) => status)).toEqual(others.map(() => "fulfilled"));
    expect(results.at(-1)).toMatchObject({ value: { outcome: "repeated" } });
    expect(countOf(storage.events, "DeliveryReceived")).toBe(19);
    expect(await ingest.submit(webhook(21))).toMatchObject({ outcome: "recorded" });
  });

  test("a repeat is not acknowledged if its first copy was not written", async () => {
    let failures = 1;
    const { ingest, storage } = setUp(
      {},
      {
        append: () => {
          failures -= 1;
          if (failures >= -1) throw new StreamUnavailable("the disk is full");
        },
      },
    );
    const [first, second] = await Promise.allSettled([
      ingest.submit(webhook(1)),
      ingest.submit(webhook(1)),
    ]);
    // The append of both and that of the first alone fail; the second is then the first copy.
    expect(first).toMatchObject({ status: "rejected" });
    expect(second).toMatchObject({ value: { outcome: "recorded", position: 4 } });
    expect(storage.events).toHaveLength(4);
  });

  test("an unavailable stream rejects everything pending at once, and may recover", async () => {
    let isDown = true;
    const { ingest, lookUps } = setUp(
      {},
      {
        findByIds: () => {
          if (isDown) throw new StreamUnavailable("connection lost");
        },
      },
    );
    const results = await Promise.allSettled(
      numbers(100).map((number) => ingest.submit(webhook(number))),
    );
    for (const result of results) {
      expect(result).toMatchObject({ reason: expect.any(StreamUnavailable) });
    }
    expect(lookUps()).toBe(1);
    isDown = false;
    expect(await ingest.submit(webhook(1))).toMatchObject({ outcome: "recorded" });
  });

  test("a translation that throws rejects its delivery, and nothing else", async () => {
    const broken: Translate = ({ text }) => {
      if (text?.includes('"run_id":"13"')) throw new RangeError("a bug");
      return { ok: true, facts: [], snapshot: false };
    };
    const { ingest } = setUp({ translations: { present: 1, versions: { 1: broken } } });
    const results = await Promise.allSettled(
      [12, 13, 14].map((number) => ingest.submit(webhook(number))),
    );
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });
});

describe("overload", () => {
  test("is reported before a delivery is read", async () => {
    let reads = 0;
    const counting: Translations = {
      present: 1,
      versions: {
        1: () => {
          reads += 1;
          return { ok: true, facts: [], snapshot: false };
        },
      },
    };
    const { ingest } = setUp({ pendingBytesMax: 4096, translations: counting });
    const results = await Promise.allSettled(
      numbers(10).map((number) => ingest.submit(webhook(number))),
    );
    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(7);
    for (const result of refused) {
      expect(result).toMatchObject({ reason: expect.any(Overloaded) });
    }
    expect(reads).toBe(3);
    expect(await ingest.submit(webhook(11))).toMatchObject({ outcome: "recorded" });
  });

  test("does not refuse a delivery of any size if nothing is pending", async () => {
    const { ingest } = setUp({ pendingBytesMax: 10 });
    expect(await ingest.submit(webhook(1))).toMatchObject({ outcome: "recorded" });
  });
});

describe("stopping", () => {
  test("waits for submitted deliveries, and accepts no more", async () => {
    const gate = Promise.withResolvers<void>();
    const { ingest, storage } = setUp({}, { append: () => gate.promise });
    const submitted = numbers(3).map((number) => ingest.submit(webhook(number)));
    let isStopped = false;
    const stopping = ingest.stop().then(() => {
      isStopped = true;
    });
    await expect(ingest.submit(webhook(4))).rejects.toThrow(StreamUnavailable);
    await expect(ingest.feedOpened(OPENING)).rejects.toThrow(StreamUnavailable);
    expect(isStopped).toBe(false);
    gate.resolve();
    await stopping;
    expect(storage.events).toHaveLength(12);
    expect(await Promise.all(submitted)).toHaveLength(3);
    await ingest.stop();
  });
});

const OPENING = {
  provider: "zerohash",
  connection: "c2",
  continues: "c1",
  multi_chain: true,
  openedAt: START,
} as const;

describe("feed connections", () => {
  test("are opened and closed once, even if reported again", async () => {
    const { ingest, another, storage } = setUp();
    const closing = {
      provider: "zerohash",
      connection: "c2",
      reason: "liveness",
      closedAt: START + 1n,
    } as const;
    await Promise.all([ingest.feedOpened(OPENING), ingest.feedOpened(OPENING)]);
    await another().feedOpened({ ...OPENING, openedAt: START + 9n });
    await Promise.all([ingest.feedClosed(closing), another().feedClosed(closing)]);
    expect(storage.events).toMatchObject([
      { type: "FeedOpened", subject: "ledger", occurred_at: START, correlation_id: "c2" },
      { type: "FeedClosed", subject: "ledger", occurred_at: START + 1n, correlation_id: "c2" },
    ]);
    expect(JSON.parse(storage.events[0]?.data ?? "")).toEqual({
      provider: "zerohash",
      connection: "c2",
      continues: "c1",
      ordered: true,
      multi_chain: true,
      opened_at: formatTime(START),
    });
    expect(storage.bodies.size).toBe(0);
  });
});

describe("a divided delivery", () => {
  /** Leaves a snapshot of 3,000 accounts after its first append. */
  async function leaveSnapshot(options: Partial<IngestOptions> = {}) {
    let appendsSeen = 0;
    const context = setUp(options, {
      append: () => {
        appendsSeen += 1;
        if (appendsSeen > 1) throw new StreamUnavailable("killed");
      },
    });
    await expect(context.ingest.submit(snapshot(1, 3000))).rejects.toThrow("killed");
    expect(countOf(context.storage.events, "DeliveryCompleted")).toBe(0);
    return context;
  }

  test("does not delay other deliveries", async () => {
    const { ingest, storage, bodies } = setUp();
    const sent = [webhook(1), snapshot(1, 3000), webhook(2)];
    const receipts = await Promise.all(sent.map((delivery) => ingest.submit(delivery)));
    const positions = receipts.map(({ position }) => position);
    expect(positions[1]).toBe(3003 + 8);
    expect(Math.max(positions[0] ?? 0, positions[2] ?? 0)).toBeLessThan(600);
    expect(countOf(storage.events, "DeliveryCompleted")).toBe(1);
    expect(bodies.reduce((sum, count) => sum + count)).toBe(3);
    expect(storage.bodies.size).toBe(3);
  });

  test("that is incomplete is completed by a repeat, with its first arrival", async () => {
    const { another, storage } = await leaveSnapshot();
    const later = snapshot(1, 3000, START + 60_000_000_000n);
    const ingest = another();
    expect(await ingest.submit(later)).toMatchObject({ outcome: "recorded" });
    expect(await ingest.submit(later)).toMatchObject({ outcome: "repeated" });
    const reports = storage.events.filter(({ type }) => type === "BalanceReported");
    expect(reports).toHaveLength(3000);
    const arrivals = new Set(reports.map(({ data }) => JSON.parse(data).received_at));
    expect([...arrivals]).toEqual([formatTime(START)]);
  });

  test("that is incomplete is completed by the translation that began it", async () => {
    const first = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;
    /** Reads other accounts: its facts have other ids. */
    const second: Translate = (source, given) =>
      first(
        { ...source, text: source.text?.replaceAll('"asset":"A', '"asset":"B') ?? null },
        given,
      );
    const translations = {
      present: NEXT,
      versions: { [TRANSLATIONS.present]: first, [NEXT]: second },
    };
    const { another, storage } = await leaveSnapshot();
    const ingest = another({ translations });
    expect(await ingest.submit(snapshot(1, 3000))).toMatchObject({ outcome: "recorded" });
    const reports = storage.events.filter(({ type }) => type === "BalanceReported");
    expect(reports).toHaveLength(3000);
    expect(new Set(reports.map(({ id }) => id)).size).toBe(3000);
    expect(reports.every(({ subject }) => subject.includes(":A"))).toBe(true);
    expect(countOf(storage.events, "DeliveryCompleted")).toBe(1);
  });

  test("that is complete is a repeat, even if its translation no longer exists", async () => {
    const { ingest, another } = setUp();
    await ingest.submit(snapshot(1, 3000));
    await ingest.submit(webhook(1));
    const present = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;
    const later = another({ translations: { present: NEXT, versions: { [NEXT]: present } } });
    expect(await later.submit(snapshot(1, 3000))).toMatchObject({ outcome: "repeated" });
    expect(await later.submit(webhook(1))).toMatchObject({ outcome: "repeated" });
  });

  test("that is incomplete and whose translation no longer exists is rejected alone", async () => {
    const { another } = await leaveSnapshot();
    const present = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;
    const later = another({ translations: { present: NEXT, versions: { [NEXT]: present } } });
    const results = await Promise.allSettled([
      later.submit(snapshot(1, 3000)),
      later.submit(webhook(1)),
    ]);
    expect(results).toMatchObject([
      {
        status: "rejected",
        reason: { message: `there is no translation ${TRANSLATIONS.present}` },
      },
      { status: "fulfilled" },
    ]);
  });

  test("is completed by two ingestors at once with one copy of each fact", async () => {
    const { another, storage } = await leaveSnapshot();
    const receipts = await Promise.all(
      [another(), another()].map((ingest) => ingest.submit(snapshot(1, 3000))),
    );
    expect(countOf(storage.events, "BalanceReported")).toBe(3000);
    expect(countOf(storage.events, "DeliveryCompleted")).toBe(1);
    expect(receipts.map(({ outcome }) => outcome)).toContain("recorded");
  });
});
