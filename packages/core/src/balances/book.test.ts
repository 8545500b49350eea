import { createHash } from "node:crypto";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatMoney, moneyOf } from "../exact/money.ts";
import { formatTime, MILLISECOND, type Nanos, SECOND } from "../exact/time.ts";
import { type Connection, connectionOf } from "../feed-lines.ts";
import type { Hashing } from "../hashing.ts";
import { decideFact } from "../ingest/decide-facts.ts";
import { knownFacts } from "../ingest/known-facts.ts";
import { arrange } from "./arrange.ts";
import { type Book, emptyBook } from "./book-window.ts";
import { type Entry, entryId } from "./entry.ts";
import { foldEvent, type StreamEvent } from "./fold.ts";
import { recomputeLines } from "./line-heads.ts";

const hashing: Hashing = {
  sha1: (bytes) => createHash("sha1").update(bytes).digest("hex"),
  sha256: (data) => createHash("sha256").update(data).digest("hex"),
};

const ACCOUNT = "zerohash:DEF456:ABC123:general:available:BTC";
const START: Nanos = 1_750_000_000n * SECOND;

/** One run of the true history, and on which channels anybody hears of it. */
type TrueRun = Readonly<{
  gapMs: number;
  change: number;
  webhook: boolean;
  feeds: readonly boolean[];
}>;

/** A copy of something that was said, on one channel. */
type Copy = Readonly<{ facts: readonly ProviderFact[]; feed: number | null; frame: number }>;

const runArbitrary: fc.Arbitrary<TrueRun> = fc.record({
  gapMs: fc.constantFrom(0, 0, 3, 15, 40, 2_000, 60_000),
  change: fc.integer({ min: -5, max: 5 }),
  webhook: fc.boolean(),
  feeds: fc.tuple(fc.boolean(), fc.boolean()),
});

type History = Readonly<{
  copies: readonly Copy[];
  connections: ReadonlyMap<string, Connection>;
  balance: string;
  lost: boolean;
}>;

type Plan = Readonly<{
  runs: readonly TrueRun[];
  snapshotsAfter: readonly number[];
  skewMs: number;
}>;

/** Plays a true history on one account and lists what each channel says of it. */
function play({ runs, snapshotsAfter, skewMs }: Plan): History {
  const copies: Copy[] = [];
  const frames = [0, 0];
  const connections = new Map<string, Connection>();
  [0, 1].forEach((feed) => {
    const connection = `feed-${feed}`;
    const opened_at = formatTime(START - 10n * SECOND + BigInt(feed));
    const opened = { provider: "zerohash", connection, multi_chain: true, opened_at } as const;
    connections.set(connection, connectionOf({ connections }, opened));
  });
  let at = START;
  let balance = moneyOf("100");
  const skew = BigInt(skewMs) * MILLISECOND;
  const openedLater = (feed: number, opened: Nanos) => {
    const before = [...connections.keys()].filter((name) => name.startsWith(`feed-${feed}`)).at(-1);
    const connection = `feed-${feed}-${connections.size}`;
    const opened_at = formatTime(opened);
    const data = { provider: "zerohash", connection, multi_chain: true, opened_at } as const;
    const continues = before === undefined ? {} : { continues: before };
    connections.set(connection, connectionOf({ connections }, { ...data, ...continues }));
    frames[feed] = 0;
    return connection;
  };
  const current = ["feed-0", "feed-1"];
  runs.forEach((run, number) => {
    at += BigInt(run.gapMs) * MILLISECOND + 1000n;
    balance = balance.plus(run.change);
    const said = (place: { connection: string; frame: number } | null): ProviderFact[] =>
      runFacts({ number, at, skew, change: run.change, balance: formatMoney(balance), place });
    if (run.webhook) copies.push({ facts: said(null), feed: null, frame: 0 });
    run.feeds.forEach((hears, feed) => {
      if (!hears) return;
      const frame = (frames[feed] ?? 0) + 1;
      frames[feed] = frame;
      const connection = current[feed] ?? "";
      copies.push({ facts: said({ connection, frame }), feed, frame });
    });
    if (!snapshotsAfter.includes(number)) return;
    const feed = number % 2;
    const connection = openedLater(feed, at + skew);
    current[feed] = connection;
    frames[feed] = 1;
    const facts = [snapshotFact(connection, at + 50n * MILLISECOND + skew, formatMoney(balance))];
    copies.push({ facts, feed, frame: 1 });
  });
  const lost = runs.some((run) => !run.webhook && !run.feeds.includes(true));
  return { copies, connections, balance: formatMoney(balance), lost };
}

type Said = Readonly<{
  number: number;
  at: Nanos;
  skew: Nanos;
  change: number;
  balance: string;
  place: { connection: string; frame: number } | null;
}>;

function runFacts({ number, at, skew, change, balance, place }: Said): ProviderFact[] {
  const precise = place === null ? at - (at % MILLISECOND) : at;
  const common = { provider: "zerohash", account: ACCOUNT, translation: 1 } as const;
  const received_at = formatTime(at + skew + 80n * MILLISECOND);
  const run = { run_id: String(1000 + number), run_type: "transfer" };
  const movement = {
    ...common,
    ...run,
    movement_id: `movement-${number}`,
    movement_type: "transfer",
    change: String(change),
    occurred_at: formatTime(precise),
    received_at,
  };
  const occurred_at = formatTime(precise - 60n * MILLISECOND);
  const report = { ...common, ...run, balance, occurred_at, received_at };
  return [
    { type: "MovementRecorded", data: movement },
    { type: "BalanceReported", data: place === null ? report : { ...report, place } },
  ];
}

function snapshotFact(connection: string, arrival: Nanos, balance: string): ProviderFact {
  const common = { provider: "zerohash", account: ACCOUNT, translation: 1 } as const;
  const data = {
    ...common,
    balance,
    place: { connection, frame: 1 },
    received_at: formatTime(arrival),
  };
  return { type: "BalanceReported", data };
}

/** Webhooks anywhere, each feed's frames in their own order. */
function reorder(copies: readonly Copy[], weights: readonly number[]): readonly Copy[] {
  const keyed = copies.map((copy, at) => ({ copy, weight: weights[at % weights.length] ?? 0 }));
  const sorted = [...keyed].sort((a, b) => a.weight - b.weight).map(({ copy }) => copy);
  const queues = [0, 1].map((feed) => copies.filter((copy) => copy.feed === feed));
  return sorted.map((copy) => (copy.feed === null ? copy : (queues[copy.feed]?.shift() ?? copy)));
}

function foldAll(
  copies: readonly Copy[],
  connections: ReadonlyMap<string, Connection>,
  keep = Infinity,
): Book {
  const known = knownFacts(new Map());
  const stored = emptyBook(ACCOUNT);
  let book = stored;
  let position = 0;
  const open = new Set<string>();
  for (const { facts } of copies) {
    for (const fact of facts) {
      const cause = {
        deliveryId: "d",
        correlationId: null,
        receivedAt: String(fact.data && "received_at" in fact.data ? fact.data.received_at : ""),
      };
      for (const event of decideFact(fact, known, cause, hashing)) {
        position += 1;
        const data = JSON.parse(event.data);
        const folded = foldEvent(
          book,
          { id: event.id, type: event.type, position, deliveryId: "d", data } as StreamEvent,
          connections,
        );
        if (folded.outcome === "out_of_reach")
          throw new Error("a complete book is never out of reach");
        for (const { id } of folded.closed)
          if (!open.delete(id)) throw new Error(`closed ${id}, which was not open`);
        for (const { id } of folded.opened) {
          if (open.has(id)) throw new Error(`opened ${id} twice`);
          open.add(id);
        }
      }
    }
  }
  void keep;
  book = stored;
  expect([...open].sort()).toEqual(
    book.entries
      .filter((e) => e.missing !== null)
      .map(
        (e) =>
          `gap:${ACCOUNT}:${e.missingAfter?.replace("run:", "") ?? null}..${entryId(e).replace("run:", "")}`,
      )
      .sort(),
  );
  return book;
}

const shown = (book: Book) =>
  book.entries
    .filter(({ standing }) => standing)
    .map((e) => ({
      id: entryId(e),
      at: formatTime(e.effectiveAt),
      change: e.change && formatMoney(e.change),
      balance: e.balance && formatMoney(e.balance),
      running: e.running && formatMoney(e.running),
      missing: e.missing && formatMoney(e.missing),
      opening: e.opening && formatMoney(e.opening),
    }));

const full = (entries: readonly Entry[]) =>
  entries.map((e) => [
    entryId(e),
    e.effectiveAt,
    e.chainAt,
    e.rank,
    e.standing,
    e.floor,
    e.running && formatMoney(e.running),
    e.orderRunning && formatMoney(e.orderRunning),
    e.missing && formatMoney(e.missing),
    e.missingAfter,
    e.opening && formatMoney(e.opening),
  ]);

const plan = fc.record({
  runs: fc.array(runArbitrary, { minLength: 1, maxLength: 14 }),
  snapshotsAfter: fc.array(fc.nat(13), { maxLength: 4 }),
  skewMs: fc.integer({ min: -4900, max: 4900 }),
});
const weights = fc.array(fc.nat(1000), { minLength: 40, maxLength: 60 });

describe("the book of an account", () => {
  test("is a function of the set of facts, not of their order", () => {
    fc.assert(
      fc.property(plan, weights, (planned, order) => {
        const { copies, connections } = play(planned);
        const inOrder = foldAll(copies, connections);
        const shuffled = foldAll(reorder(copies, order), connections);
        expect(shown(shuffled)).toEqual(shown(inOrder));
      }),
      { numRuns: 1500 },
    );
  });

  test("ends, event by event, where computing it at once ends", () => {
    fc.assert(
      fc.property(plan, weights, (planned, order) => {
        const { copies, connections } = play(planned);
        const book = foldAll(reorder(copies, order), connections);
        const entries = book.entries.map((entry) => ({ ...entry }));
        recomputeLines(
          new Map(),
          entries.filter(({ kind }) => kind === "run"),
        );
        expect(full(book.entries)).toEqual(full(arrange(entries, book.left, connections)));
      }),
      { numRuns: 1500 },
    );
  });

  test("has the provider's balance and no false gap where nothing was lost", () => {
    fc.assert(
      fc.property(plan, weights, (planned, order) => {
        const { copies, connections, balance, lost } = play(planned);
        fc.pre(!lost && copies.length > 0);
        const book = foldAll(reorder(copies, order), connections);
        expect(book.entries.filter(({ missing }) => missing !== null)).toEqual([]);
        const running = book.entries.findLast(({ standing }) => standing)?.running;
        expect(running && formatMoney(running)).toBe(balance);
      }),
      { numRuns: 1500 },
    );
  });
});
