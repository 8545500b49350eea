import { STOPPED } from "@counterfoil/processing/models/columns";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ModelCatalogue, Rows, Table } from "@counterfoil/processing/ports/model-store";
import { openProjectionRun } from "@counterfoil/processing/projection/run";
import { openSession, type PublishSession } from "@counterfoil/processing/publish/publisher";
import {
  createMemoryTopicStorage,
  createMemoryTopics,
  type MemoryTopicStorage,
} from "@counterfoil/processing/testing/memory-topics";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { failing } from "./failing.ts";
import { take } from "./messages.ts";
import { lastStates, shownStates } from "./published.ts";
import {
  type Engine,
  ensureGeneration,
  hashing,
  LEDGER,
  openTestLedger,
  type TestLedger,
} from "./support.ts";

/* A release that fails on one type of event stops a subject for each trade, while a publisher follows. */

const TRADES = 150;
/** What a publisher may read at once of rows that each hold an error's text. */
const PAGE_MAX = 2000;

type Reads = { rows: number; largestPage: number };

let ledger: TestLedger;
let storage: MemoryTopicStorage;
let reads: Reads;
let session: PublishSession;

const trade = (name: string, trade_state = "active") =>
  take(ledger, { payloadType: "trade.status_changed", body: { trade_id: name, trade_state } });

const nameOf = (number: number): string => `t${String(number).padStart(3, "0")}`;
const numberOf = (subject: string): number => Number(/t(\d{3})$/.exec(subject)?.[1] ?? -1);

/** Projects all events, as a program does that was just started and fails on some trades. */
async function project(isFaulty: (number: number) => boolean = () => false): Promise<void> {
  for (const model of Object.values(PROJECTIONS)) {
    await ensureGeneration(ledger.catalogue, model, 1);
    const store = await ledger.catalogue.openForWriting(model.model, 1);
    const projection = failing(model, (subject) => isFaulty(numberOf(subject)));
    const run = await openProjectionRun({ stream: ledger.stream, projection, store, hashing });
    await run.fold((await ledger.events()).slice(run.checkpoint.position));
    await store.close();
  }
}

/** Counts the rows of stopped subjects that readers are given. */
function counting(catalogue: ModelCatalogue): ModelCatalogue {
  const count = (rows: Rows): Rows => ({
    ...rows,
    select: async (table: Table, selection) => {
      const found = await rows.select(table, selection);
      if (table === STOPPED) {
        reads.rows += found.length;
        reads.largestPage = Math.max(reads.largestPage, selection.limit);
      }
      return found;
    },
  });
  return {
    ...catalogue,
    openForReading: async (model, generation) => {
      const reader = await catalogue.openForReading(model, generation);
      return {
        ...reader,
        snapshot: (read) =>
          reader.snapshot((rows, checkpoint, version) => read(count(rows), checkpoint, version)),
      };
    },
  };
}

const openPublisher = async () =>
  openSession({
    ...{ ...ledger, catalogue: counting(ledger.catalogue), ledger: LEDGER, hashing },
    publisher: await createMemoryTopics({ storage }).open(),
  });

/** Publishes what there is. @returns the rows of stopped subjects that were read for it */
async function publish(): Promise<number> {
  const before = reads.rows;
  while ((await session.step()) !== null);
  return reads.rows - before;
}

const ALL = (number: number): boolean => number >= 0;

const expectPublished = async () =>
  expect(lastStates(storage.records)).toEqual(await shownStates(ledger.read));

async function openLedger(engine: Engine): Promise<void> {
  ledger = await openTestLedger({ live: false, engine });
  for (let number = 0; number < TRADES; number += 1) await trade(nameOf(number));
}

beforeEach(async () => {
  storage = createMemoryTopicStorage();
  reads = { rows: 0, largestPage: 0 };
  await openLedger("memory");
});
afterEach(async () => {
  await session.close();
  await ledger.close();
});

describe("stopped subjects, beside which a publisher follows", () => {
  test("are read once, page by page, and not again while nothing changes", async () => {
    await project(ALL);
    session = await openPublisher();
    expect(await publish()).toBe(TRADES);
    for (let polls = 0; polls < 10; polls += 1) expect(await publish()).toBe(0);
    expect(reads.largestPage).toBeLessThanOrEqual(PAGE_MAX);
    // After a restart as well.
    await session.close();
    session = await openPublisher();
    expect(await publish()).toBe(TRADES);
    expect(await publish()).toBe(0);
  });

  test("are not read again for events of other subjects", async () => {
    await project(ALL);
    session = await openPublisher();
    await publish();
    for (const name of ["u", "v", "w"]) {
      await trade(name);
      await project(ALL);
      // The one that stopped at the last position that was seen.
      expect(await publish()).toBeLessThanOrEqual(1);
    }
    await expectPublished();
  });

  test("are read as they stop", async () => {
    await project();
    session = await openPublisher();
    await publish();
    for (let number = 0; number < TRADES; number += 1) {
      await trade(nameOf(number), "terminated");
      if (number % 10 !== 9) continue;
      await project(ALL);
      await publish();
    }
    // Those of the last position that was seen are read twice.
    expect(reads.rows).toBeLessThanOrEqual(2 * TRADES);
    await expectPublished();
  });

  test.each([[[0]], [[149]], [[7, 99]]])(
    "have their records published when %j go on",
    async (on) => {
      await project(ALL);
      session = await openPublisher();
      await publish();
      await project((number) => !on.includes(number));
      expect(await publish()).toBeLessThanOrEqual(TRADES);
      await expectPublished();
      // Before further events.
      await trade(nameOf(8), "terminated");
      await project((number) => ![...on, 8].includes(number));
      await publish();
      await expectPublished();
      await trade("u");
      await project();
      await publish();
      await expectPublished();
      expect(JSON.parse(storage.checkpoint ?? "").models.trades.mendFrom).toBeNull();
    },
  );

  test("have their records published if the generation was built again unseen", async () => {
    await ledger.close();
    await openLedger("sqlite");
    await project((number) => number === 120);
    session = await openPublisher();
    await publish();
    await ledger.catalogue.drop("trades", 1);
    await trade("u");
    await project();
    await publish();
    const { trades } = await shownStates(ledger.read);
    expect(lastStates(storage.records).trades).toEqual(trades);
  });
});
