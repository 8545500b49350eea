import { liveGeneration } from "@counterfoil/processing/generations/activations";
import { rebuildModel } from "@counterfoil/processing/generations/rebuild";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { ACCOUNTS, BALANCE_CHANGES } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import { openProjectionRun, runTo } from "@counterfoil/processing/projection/run";
import { openSession } from "@counterfoil/processing/publish/publisher";
import {
  type BalanceQuery,
  findAccount,
  listBalances,
} from "@counterfoil/processing/queries/balances";
import {
  createMemoryTopicStorage,
  createMemoryTopics,
  type MemoryTopicStorage,
} from "@counterfoil/processing/testing/memory-topics";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { explained } from "./explain-laws.ts";
import { ACCOUNT, ACCOUNT_ID, balanceBody, snapshotBody, take } from "./messages.ts";
import { lastStates } from "./published.ts";
import {
  ENGINES,
  type Engine,
  expectRebuilt,
  hashing,
  LEDGER,
  openTestLedger,
  stateDifferences,
  type TestLedger,
} from "./support.ts";
import { faulty, labelsDropped, mended } from "./translation-bugs.ts";

/** What the faulty translation takes `ACCOUNT_ID` for. */
const WRONG_ID = ACCOUNT_ID.replace(":general:", ":default:");
const AT = 1_746_000_000_000;
const MS = 1_000_000n;

type Body = Parameters<typeof take>[1];

const run = (number: number, account: Readonly<Record<string, string>> = {}): Body => {
  const at = AT + number * 60_000;
  return { body: balanceBody({ run: number, change: "1", balance: String(number), at, account }) };
};

const DEFAULT = { account_label: "default" };

async function open(engine: Engine, options: Parameters<typeof openTestLedger>[0] = {}) {
  const ledger = await openTestLedger({ engine, ...options });
  ledger.clock.set(BigInt(AT + 3_600_000) * MS);
  return ledger;
}

const openFaulty = (engine: Engine) => open(engine, { translations: faulty(labelsDropped) });

async function correct(ledger: TestLedger): Promise<void> {
  const translations = mended(labelsDropped);
  await ledger.translateWith(translations);
  await retranslate({ ...ledger, translations, hashing });
}

/** @returns the last position before anything was corrected. */
async function mend(ledger: TestLedger): Promise<number> {
  await ledger.catchUp();
  const { position } = await ledger.stream.head();
  await correct(ledger);
  await ledger.catchUp();
  return position;
}

/** Everything that is new in one commit, by a projector that has just started. */
async function foldAtOnce({ stream, catalogue, projections }: TestLedger): Promise<void> {
  const projection = projections.balances;
  const store = await catalogue.openForWriting("balances", 1);
  const folding = await openProjectionRun({ stream, projection, store, hashing });
  await runTo(stream, folding, (await stream.head()).position);
  await store.close();
}

/** The same deliveries, rightly read from the beginning. */
async function expectAsRightlyRead(
  ledger: TestLedger,
  deliveries: (ledger: TestLedger) => Promise<void>,
): Promise<void> {
  const clean = await open("memory");
  await deliveries(clean);
  await clean.catchUp();
  await ledger.catchUp();
  expect(await stateDifferences(ledger, clean)).toEqual([]);
  await expectRebuilt(ledger, ["balances"]);
  await clean.close();
}

const takeAll = (bodies: readonly Body[]) => async (ledger: TestLedger) => {
  for (const body of bodies) await take(ledger, body);
};

async function read<T>(ledger: TestLedger, work: (rows: Rows) => Promise<T>): Promise<T> {
  const { generation } = await liveGeneration(ledger.stream, "balances");
  const reader = await ledger.catalogue.openForReading("balances", generation);
  try {
    return await reader.snapshot(work);
  } finally {
    await reader.close();
  }
}

/** Ids and balances, read in pages of so many. */
async function balances(
  ledger: TestLedger,
  { limit = 100, ...query }: Partial<Pick<BalanceQuery, "filters" | "moment">> & { limit?: number },
): Promise<readonly string[]> {
  const shown: string[] = [];
  let beyond: BalanceQuery["page"]["beyond"] = null;
  do {
    const { data, next } = await read(ledger, (rows) => {
      const page = { limit, beyond };
      return listBalances(rows, {
        filters: {},
        platform: null,
        nextTurn: async () => {},
        ...query,
        page,
      });
    });
    shown.push(...data.map(({ id, balance }) => `${id} ${balance}`));
    beyond = next;
  } while (beyond !== null);
  return shown;
}

async function publishAll(ledger: TestLedger, storage: MemoryTopicStorage): Promise<void> {
  const publisher = await createMemoryTopics({ storage, fault: () => null }).open();
  const limits = { count: 100, bytes: 1e6 };
  const session = await openSession({ ...ledger, ledger: LEDGER, hashing, limits, publisher });
  while (await session.step());
  await session.close();
}

const ids = async (ledger: TestLedger) =>
  (await ledger.rows("balances", ACCOUNTS)).map(({ id }) => id);

/** Positions of the rows that say that nothing is said of it. */
const goings = async (ledger: TestLedger) =>
  (await ledger.rows("balances", BALANCE_CHANGES))
    .filter(({ account, status }) => account === WRONG_ID && status === null)
    .map(({ position }) => position);

const openAnomalies = async (ledger: TestLedger) =>
  (await ledger.rows("balances", ANOMALIES))
    .filter(({ closed_position }) => closed_position === null)
    .map(({ kind, subject }) => `${kind} ${subject}`);

describe.each(ENGINES)("an account that only a mistranslation named, on %s", (engine) => {
  const bodies = [run(1), run(3)];
  let ledger: TestLedger;

  beforeEach(async () => {
    ledger = await openFaulty(engine);
    await takeAll(bodies)(ledger);
    await ledger.catchUp();
    expect(await ids(ledger)).toEqual([WRONG_ID]);
    expect(await openAnomalies(ledger)).toEqual([`gap ${WRONG_ID}`]);
  });

  test("is gone with all that hung on it", async () => {
    await mend(ledger);
    expect(await ids(ledger)).toEqual([ACCOUNT_ID]);
    expect(await openAnomalies(ledger)).toEqual([`gap ${ACCOUNT_ID}`]);
    await expectAsRightlyRead(ledger, takeAll(bodies));
    const found = (id: string) => read(ledger, (rows) => findAccount(rows, { id, platform: null }));
    expect(await found(WRONG_ID)).toEqual({ outcome: "missing" });
    expect(await found(ACCOUNT.account_id)).toMatchObject({ record: { id: ACCOUNT_ID } });
    await ledger.close();
  });

  test("is still listed as of the positions where it was known", async () => {
    const before = await mend(ledger);
    const head = (await ledger.stream.head()).position;
    for (const limit of [1, 100]) {
      const at = (at_position: number, filters = {}) =>
        balances(ledger, { limit, filters, moment: { at_position } });
      expect(await at(1)).toEqual([]);
      expect(await at(before)).toEqual([`${WRONG_ID} 3`]);
      expect(await at(before, { account_label: ["default"] })).toEqual([`${WRONG_ID} 3`]);
      expect(await at(before, { account_label: ["general"] })).toEqual([]);
      expect(await at(head)).toEqual([`${ACCOUNT_ID} 3`]);
      expect(await balances(ledger, { limit })).toEqual([`${ACCOUNT_ID} 3`]);
    }
    await ledger.close();
  });

  test("is found as of those positions by the provider's id, which another account has since", async () => {
    const before = await mend(ledger);
    const head = (await ledger.stream.head()).position;
    const id = ACCOUNT.account_id;
    const filters = { account_id: [id] };
    const [group, another] = [ACCOUNT.account_group, "ANOTHER"];
    for (const [at_position, own] of [
      [before, WRONG_ID],
      [head, ACCOUNT_ID],
    ] as const) {
      const moment = { at_position };
      const found = (platform: string | null) =>
        read(ledger, (rows) => findAccount(rows, { id, platform, moment }));
      expect(await balances(ledger, { filters, moment })).toEqual([`${own} 3`]);
      expect(await found(null)).toMatchObject({ outcome: "found", record: { id: own } });
      expect(await found(group)).toMatchObject({ outcome: "found", record: { id: own } });
      expect(await found(another)).toEqual({ outcome: "missing" });
      const { shown } = await explained(ledger, { kind: "balance", id, moment });
      expect(shown).toMatchObject({ id: own, balance: "3" });
    }
    const moment = { at_position: 1 };
    expect(await balances(ledger, { filters, moment })).toEqual([]);
    await ledger.close();
  });

  test("comes back when somebody really names it", async () => {
    const before = await mend(ledger);
    const gone = (await ledger.stream.head()).position;
    await take(ledger, run(4, DEFAULT));
    await ledger.catchUp();
    await expectAsRightlyRead(ledger, takeAll([...bodies, run(4, DEFAULT)]));
    const head = (await ledger.stream.head()).position;
    const at = (at_position: number) => balances(ledger, { limit: 1, moment: { at_position } });
    expect(await at(before)).toEqual([`${WRONG_ID} 3`]);
    expect(await at(gone)).toEqual([`${ACCOUNT_ID} 3`]);
    expect(await at(head)).toEqual([`${WRONG_ID} 4`, `${ACCOUNT_ID} 3`]);
    await ledger.close();
  });

  test("is taken from the topic by a tombstone, and put back when it is known again", async () => {
    const storage = createMemoryTopicStorage();
    const published = async () => {
      await ledger.catchUp();
      await publishAll(ledger, storage);
      return Object.keys(lastStates(storage.records).balances).sort();
    };
    expect(await published()).toEqual([WRONG_ID]);
    await mend(ledger);
    expect(await published()).toEqual([ACCOUNT_ID]);
    const last = storage.records.findLast(
      ({ key, topic }) => `${topic} ${key}` === `balances ${WRONG_ID}`,
    );
    expect(last?.value).toBeNull();
    await take(ledger, run(4, DEFAULT));
    expect(await published()).toEqual([WRONG_ID, ACCOUNT_ID]);
    await ledger.close();
  });

  test("is not in a generation that is built anew either, but in its past", async () => {
    const before = await mend(ledger);
    const { stream, catalogue, clock, projections } = ledger;
    const projection = projections.balances;
    const options = { stream, catalogue, projection, hashing, clock, build: "test" };
    expect((await rebuildModel(options)).outcome).toBe("activated");
    await ledger.release();
    await ledger.catchUp();
    expect(await balances(ledger, {})).toEqual([`${ACCOUNT_ID} 3`]);
    expect(await balances(ledger, { moment: { at_position: before } })).toEqual([`${WRONG_ID} 3`]);
    await ledger.close();
  });

  test("goes once, whatever else is withdrawn of it afterwards", async () => {
    await connect(ledger, CONNECTION);
    const frame = { messageType: "balance-updated", body: run(3).body };
    await take(ledger, { body: frame, place: { connection: CONNECTION, frame: 1 } });
    await mend(ledger);
    expect(await goings(ledger)).toHaveLength(1);
    await ledger.close();
  });

  test("can go a second time", async () => {
    await mend(ledger);
    await ledger.translateWith(faulty(labelsDropped));
    await take(ledger, run(5));
    await ledger.catchUp();
    expect(await ids(ledger)).toEqual([WRONG_ID, ACCOUNT_ID]);
    await mend(ledger);
    await expectAsRightlyRead(ledger, takeAll([...bodies, run(5)]));
    expect(await goings(ledger)).toHaveLength(2);
    await ledger.close();
  });
});

const CONNECTION = "c1";

async function connect(ledger: TestLedger, connection: string, continues?: string) {
  const opening = { provider: "zerohash", connection, multi_chain: true } as const;
  const before = continues === undefined ? {} : { continues };
  ledger.clock.set(ledger.clock.now() + 60_000n * MS);
  await ledger.feedOpened({ ...opening, ...before, openedAt: ledger.clock.now() });
}

const snapshot = (
  connection: string,
  accounts: readonly Readonly<Record<string, string>>[],
): Body => ({ body: snapshotBody(accounts), place: { connection, frame: 1 } });

const withoutMovements = (number: number): Body => {
  const { body } = run(number, DEFAULT);
  return { body: { ...(body as object), movements: [] } };
};

describe("an account that something else names too", () => {
  test.each<[string, Body]>([
    ["a run", run(2, DEFAULT)],
    ["a run without movements", withoutMovements(2)],
    ["a snapshot", snapshot(CONNECTION, [{ ...DEFAULT, balance: "2" }])],
    ["a snapshot without a balance", snapshot(CONNECTION, [{ ...DEFAULT, balance: "" }])],
  ])("stays for %s", async (_, other) => {
    for (const bodies of [
      [run(1), other],
      [other, run(1)],
    ]) {
      const ledger = await openFaulty("memory");
      const play = async (played: TestLedger) => {
        await connect(played, CONNECTION);
        await takeAll(bodies)(played);
      };
      await play(ledger);
      await mend(ledger);
      expect(await ids(ledger)).toEqual([WRONG_ID, ACCOUNT_ID]);
      await expectAsRightlyRead(ledger, play);
      await ledger.close();
    }
  });

  test("keeps no provider's id that only the mistranslated facts gave it", async () => {
    const ledger = await openFaulty("memory");
    const bodies = [run(2, { ...DEFAULT, account_id: "another" }), run(1)];
    await takeAll(bodies)(ledger);
    await ledger.catchUp();
    expect(await openAnomalies(ledger)).toContain(`account_id_conflict ${WRONG_ID}`);
    await mend(ledger);
    expect(await openAnomalies(ledger)).toEqual([]);
    await expectAsRightlyRead(ledger, takeAll(bodies));
    await ledger.close();
  });
});

describe("snapshots that were read to list another account", () => {
  const other = { asset: "ETH", account_id: "other", balance: "1" };

  test("leave out whom the mended translation finds in them, and not the other", async () => {
    const play = async (played: TestLedger) => {
      await connect(played, CONNECTION);
      await take(played, snapshot(CONNECTION, [{ balance: "1" }, other]));
      await connect(played, "c2", CONNECTION);
      await take(played, snapshot("c2", [other]));
      await played.snapshotCompleted("c2", 1);
    };
    const ledger = await openFaulty("memory");
    await play(ledger);
    await ledger.catchUp();
    expect(await openAnomalies(ledger)).toEqual([`unlisted ${WRONG_ID}`]);
    await mend(ledger);
    expect(await openAnomalies(ledger)).toEqual([`unlisted ${ACCOUNT_ID}`]);
    await expectAsRightlyRead(ledger, play);
    await ledger.close();
  });

  test.each(["after a restart", "in the commit that takes them back"])(
    "leave nobody out who comes by another way later, %s",
    async (when) => {
      const ledger = await openFaulty("memory");
      const begin = async (played: TestLedger) => {
        await connect(played, CONNECTION);
        await take(played, snapshot(CONNECTION, [{ balance: "1" }]));
      };
      const go = async (played: TestLedger) => {
        await take(played, run(1, { ...DEFAULT, account_id: "another" }));
        await connect(played, "c2", CONNECTION);
        await take(played, snapshot("c2", [{ balance: "1" }]));
      };
      await begin(ledger);
      await ledger.catchUp();
      await ledger.release();
      await correct(ledger);
      if (when === "after a restart") await foldAtOnce(ledger);
      await go(ledger);
      await foldAtOnce(ledger);
      expect(await openAnomalies(ledger)).toEqual([]);
      await expectAsRightlyRead(ledger, async (played) => {
        await begin(played);
        await go(played);
      });
      await ledger.close();
    },
  );
});
