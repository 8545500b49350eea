import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { createRandom, shuffled } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import {
  ACCOUNT,
  ACCOUNT_ID,
  balanceBody,
  type Change,
  frameBody,
  snapshotBody,
  take,
} from "./messages.ts";
import { ENGINES, openTestLedger, refold, type TestLedger } from "./support.ts";

/**
 * Bursts, snapshots and clocks that are hard to read. Each case was once shown wrong: a false gap,
 * or a loss that nobody was told of.
 */
const AT = 1_790_000_000_000;
const MS = 1_000_000n;
const START = BigInt(AT) * MS;

async function openAt(engine: (typeof ENGINES)[number]): Promise<TestLedger> {
  const ledger = await openTestLedger({ engine });
  ledger.clock.set(START);
  return ledger;
}

/** Lets time pass until so many milliseconds after the start. */
const pass = (ledger: TestLedger, ms: number) => ledger.clock.set(START + BigInt(ms) * MS);

/** A run: its id, its change, the balance after it, and its printed time in ms after the start. */
type Run = readonly [run: number, change: number, balance: number, at: number];

const changeOf = ([run, change, balance, at]: Run): Change => ({
  run,
  change: String(change),
  balance: String(balance),
  at: AT + at,
});

const hear = (ledger: TestLedger, run: Run) => take(ledger, { body: balanceBody(changeOf(run)) });

const hearFrame = (ledger: TestLedger, run: Run, connection: string, frame: number) =>
  take(ledger, { body: frameBody(changeOf(run)), place: { connection, frame } });

async function connect(ledger: TestLedger, connection: string, continues?: string) {
  const openedAt = ledger.clock.now();
  const before = continues === undefined ? {} : { continues };
  const opening = { provider: "zerohash", connection, multi_chain: true, ...before } as const;
  await ledger.feedOpened({ ...opening, openedAt });
}

type Listed = readonly Readonly<Record<string, string>>[];

async function list(ledger: TestLedger, connection: string, frame: number, listed: Listed) {
  await take(ledger, { body: snapshotBody(listed), place: { connection, frame } });
}

/** A run whose times are printed as so many milliseconds after 1970. */
async function hearDated(
  ledger: TestLedger,
  [run = 0, change = 0, balance = 0]: readonly number[],
  printed: number,
) {
  const body = balanceBody(changeOf([run, change, balance, 0]));
  const movements = body.movements.map((one) => ({ ...one, movement_timestamp: printed }));
  await take(ledger, { body: { ...body, timestamp: printed, movements } });
}

/** Balance, status and open gaps of the account; and every open anomaly, in short. */
async function shown(ledger: TestLedger, id = ACCOUNT_ID) {
  await ledger.catchUp();
  const row = (await ledger.rows("balances", ACCOUNTS)).find((account) => account.id === id);
  const anomalies = (await ledger.rows("balances", ANOMALIES)).filter(
    ({ closed_position, subject }) => closed_position === null && subject === id,
  );
  return [
    row?.balance ?? null,
    row?.status ?? null,
    ...anomalies.map(({ kind, detail }) =>
      kind === "gap" ? `gap ${JSON.parse(String(detail)).missing_amount}` : String(kind),
    ),
  ];
}

async function expectRebuilt(ledger: TestLedger): Promise<void> {
  await ledger.catchUp();
  const { checkpoint } = await refold(ledger.stream, ledger.projections.balances);
  expect(checkpoint).toEqual((await ledger.checkpoints()).balances);
}

async function close(ledger: TestLedger): Promise<void> {
  await expectRebuilt(ledger);
  await ledger.close();
}

describe.each(ENGINES)("a burst on one account, on %s", (engine) => {
  test("nine runs 5 ms apart, the last two dated the wrong way round: no gap, in any order", async () => {
    const runs = Array.from({ length: 9 }, (_, n): Run => [101 + n, 100, 100 * (n + 1), 5 * n]);
    const last = runs.at(-1) as Run;
    const beforeLast = runs.at(-2) as Run;
    runs[7] = [beforeLast[0], beforeLast[1], beforeLast[2], last[3]];
    runs[8] = [last[0], last[1], last[2], last[3] - 3];
    for (const seed of [0, 1, 2, 3]) {
      const ledger = await openAt(engine);
      pass(ledger, 1_000);
      const order = seed === 0 ? runs : shuffled(runs, createRandom(seed, "burst"));
      for (const run of order) {
        await hear(ledger, run);
        if (seed > 1) await ledger.catchUp();
      }
      expect(await shown(ledger)).toEqual(["900", "continuous"]);
      await close(ledger);
    }
  });

  test("a lost debit before a confirmation that adds up to nothing is a gap until it comes", async () => {
    const ledger = await openAt(engine);
    pass(ledger, 1_000);
    await hear(ledger, [1, 100, 100, 0]);
    await hear(ledger, [2, 50, 150, 5]);
    await hear(ledger, [4, 0, 100, 15]);
    expect(await shown(ledger)).toEqual(["100", "gap_open", "gap -50"]);
    await hear(ledger, [3, -50, 100, 10]);
    expect(await shown(ledger)).toEqual(["100", "continuous"]);
    await close(ledger);
  });

  test("a burst of four without its debit: no third report is put between two that are certain", async () => {
    // 100 → 150 → (−50 lost) → 100 → 150: the last could stand before the second, were it not certain.
    const ledger = await openAt(engine);
    pass(ledger, 1_000);
    await hear(ledger, [1, 100, 100, 0]);
    await hear(ledger, [2, 50, 150, 4]);
    await hear(ledger, [5, 50, 150, 12]);
    await hear(ledger, [4, 20, 170, 13]);
    expect(await shown(ledger)).toEqual(expect.arrayContaining(["gap_open"]));
    await close(ledger);
  });

  test("ten runs of one instant, run ids out of order with the balances: the balances decide", async () => {
    const ids = [7, 3, 9, 1, 10, 5, 2, 8, 6, 4];
    const runs = ids.map((id, n): Run => [id, n + 1, ((n + 1) * (n + 2)) / 2, 0]);
    const ledger = await openAt(engine);
    pass(ledger, 1_000);
    for (const run of shuffled(runs, createRandom(5, "instant"))) await hear(ledger, run);
    expect(await shown(ledger)).toEqual(["55", "continuous"]);
    await close(ledger);
  });
});

describe.each(ENGINES)("times that cannot be, on %s", (engine) => {
  test.each([0, 60_000])("a run dated %s ms after 1970 stands where it arrived", async (zero) => {
    const ledger = await openAt(engine);
    pass(ledger, 1_000);
    await hear(ledger, [1, 10, 10, 0]);
    pass(ledger, 10_000);
    await hearDated(ledger, [2, 5, 15], zero);
    expect(await shown(ledger)).toEqual(["15", "continuous", "clock"]);
    pass(ledger, 20_000);
    await hear(ledger, [3, 5, 20, 19_000]);
    expect(await shown(ledger)).toEqual(["20", "continuous", "clock"]);
    await close(ledger);
  });

  test("only the movement's time is 0: the run's own counts", async () => {
    const ledger = await openAt(engine);
    pass(ledger, 60_000);
    await hear(ledger, [1, 10, 10, 50_000]);
    const body = balanceBody(changeOf([2, 5, 15, 40_000]));
    const [movement] = body.movements;
    await take(ledger, { body: { ...body, movements: [{ ...movement, movement_timestamp: 0 }] } });
    // Dated before the other by its run: so it is told, and so it does not connect.
    expect(await shown(ledger)).toEqual(expect.arrayContaining(["clock", "gap_open"]));
    await close(ledger);
  });

  test("without any time, however late: the run's number decides", async () => {
    const ledger = await openAt(engine);
    const runs: [number, number, number][] = [
      [1, 10, 10],
      [3, 5, 17],
      [4, 5, 22],
      [2, 2, 12],
    ];
    for (const [run, change, balance] of runs) {
      pass(ledger, 60_000 * (run === 2 ? 10 : run));
      await hearDated(ledger, [run, change, balance], 0);
    }
    const [balance, status] = await shown(ledger);
    expect([balance, status]).toEqual(["22", "continuous"]);
    await close(ledger);
  });
});

describe.each(ENGINES)("a snapshot, on %s", (engine) => {
  test("that shows what was lost while the feed was down is a gap; a second one too", async () => {
    const ledger = await openAt(engine);
    await connect(ledger, "c1");
    await hearFrame(ledger, [1, 100, 100, 0], "c1", 1);
    pass(ledger, 2_000);
    await hear(ledger, [2, 50, 150, 1_000]);
    pass(ledger, 3_000);
    await connect(ledger, "c2", "c1");
    await list(ledger, "c2", 1, [{ balance: "100" }]);
    expect(await shown(ledger)).toEqual(["100", "gap_open", "gap -50"]);
    pass(ledger, 10_000);
    await connect(ledger, "c3", "c2");
    await list(ledger, "c3", 1, [{ balance: "100" }]);
    expect(await shown(ledger)).toEqual(["100", "gap_open", "gap -50"]);
    // The debit comes after all, in its place.
    await hear(ledger, [3, -50, 100, 2_000]);
    expect(await shown(ledger)).toEqual(["100", "continuous"]);
    await close(ledger);
  });

  test("holds a run that follows it on the socket: no gap", async () => {
    const ledger = await openAt(engine);
    await hear(ledger, [1, 100, 100, 0]);
    pass(ledger, 5_000);
    await connect(ledger, "c1");
    pass(ledger, 5_400);
    await list(ledger, "c1", 1, [{ balance: "130" }]);
    pass(ledger, 5_450);
    await hearFrame(ledger, [2, 30, 130, 5_300], "c1", 2);
    expect(await shown(ledger)).toEqual(["130", "continuous"]);
    await close(ledger);
  });

  test.each(["a restart", "a reconnect"])(
    "leaves out an account that was emptied during %s: unlisted, until it is listed or reported",
    async (how) => {
      const ledger = await openAt(engine);
      await connect(ledger, "c1");
      await list(ledger, "c1", 1, [{ asset: "ETH", account_id: "e", balance: "1" }]);
      await ledger.snapshotCompleted("c1", 1);
      pass(ledger, 1_000);
      // Born on the feed: no snapshot ever listed it.
      await hearFrame(ledger, [1, 40, 40, 900], "c1", 2);
      expect(await shown(ledger)).toEqual(["40", "continuous"]);
      pass(ledger, 60_000);
      await connect(ledger, "c2", how === "a restart" ? undefined : "c1");
      pass(ledger, 60_100);
      await list(ledger, "c2", 1, [{ asset: "ETH", account_id: "e", balance: "1" }]);
      expect(await shown(ledger)).toEqual(["40", "continuous"]);
      await ledger.snapshotCompleted("c2", 1);
      expect(await shown(ledger)).toEqual(["40", "unlisted", "unlisted"]);
      // An older run that comes late says nothing of it.
      await hear(ledger, [0, 5, 5, -60_000]);
      expect((await shown(ledger)).slice(0, 2)).toEqual(["40", "gap_open"]);
      expect(await shown(ledger)).toContain("unlisted");
      await hear(ledger, [2, -40, 0, 30_000]);
      expect(await shown(ledger)).not.toContain("unlisted");
      expect((await shown(ledger))[0]).toBe("0");
      await close(ledger);
    },
  );

  test("of two frames leaves nobody out who is in the other", async () => {
    const ledger = await openAt(engine);
    await connect(ledger, "c1");
    await list(ledger, "c1", 1, [
      { balance: "40" },
      { asset: "ETH", account_id: "e", balance: "1" },
    ]);
    await ledger.snapshotCompleted("c1", 1);
    pass(ledger, 60_000);
    await connect(ledger, "c2", "c1");
    await list(ledger, "c2", 1, [{ asset: "ETH", account_id: "e", balance: "1" }]);
    await list(ledger, "c2", 2, [{ balance: "40" }]);
    await ledger.snapshotCompleted("c2", 2);
    expect(await shown(ledger)).toEqual(["40", "continuous"]);
    await close(ledger);
  });

  test.each([[null], [[]]])("with a body of %j lists nobody", async (body) => {
    const ledger = await openAt(engine);
    await connect(ledger, "c1");
    await list(ledger, "c1", 1, [{ balance: "40" }]);
    await ledger.snapshotCompleted("c1", 1);
    pass(ledger, 60_000);
    await connect(ledger, "c2", "c1");
    const frame = { messageType: "initial-balance", body };
    const receipt = await take(ledger, { body: frame, place: { connection: "c2", frame: 1 } });
    expect(receipt.outcome).toBe("recorded");
    await ledger.snapshotCompleted("c2", 1);
    expect(await shown(ledger)).toEqual(["40", "unlisted", "unlisted"]);
    pass(ledger, 120_000);
    await connect(ledger, "c3", "c2");
    await list(ledger, "c3", 1, [{ balance: "40" }]);
    expect(await shown(ledger)).toEqual(["40", "continuous"]);
    await close(ledger);
  });
});

describe.each(ENGINES)(
  "a confirmation dated a week before the frame before it, on %s",
  (engine) => {
    const pending: Run = [94087, -10, 35, 604_800_000];
    const confirming: Run = [85693, 0, 35, 0];

    test.each([
      ["feed alone", "feed"],
      ["webhook first", "webhook"],
    ])("stands behind it where a socket says so: %s", async (_, first) => {
      const ledger = await openAt(engine);
      pass(ledger, 604_801_000);
      await connect(ledger, "c1");
      await hearFrame(ledger, pending, "c1", 1);
      pass(ledger, 604_802_000);
      if (first === "webhook") await hear(ledger, confirming);
      await hearFrame(ledger, confirming, "c1", 2);
      expect(await shown(ledger)).toEqual(["35", "continuous", "clock"]);
      await close(ledger);
    });

    test("stated once more after a reconnect, it says nothing of the order", async () => {
      const ledger = await openAt(engine);
      await connect(ledger, "c1");
      await hearFrame(ledger, [1, 10, 10, 0], "c1", 1);
      await hearFrame(ledger, [2, 10, 20, 100], "c1", 2);
      pass(ledger, 5_000);
      await connect(ledger, "c2", "c1");
      await hearFrame(ledger, [1, 10, 10, 0], "c2", 1);
      expect(await shown(ledger)).toEqual(["20", "continuous"]);
      expect(await ledger.events(["FactSeen"])).toEqual([]);
      await close(ledger);
    });
  },
);

test("the account's group covers accounts of other participants that it holds", async () => {
  const ledger = await openAt("memory");
  await connect(ledger, "c1");
  const other = { participant_code: "OTHER1", account_id: "o" };
  await list(ledger, "c1", 1, [{ ...other, balance: "7" }]);
  await ledger.snapshotCompleted("c1", 1);
  await hear(ledger, [1, 40, 40, 0]);
  pass(ledger, 60_000);
  await connect(ledger, "c2", "c1");
  await list(ledger, "c2", 1, [{ ...other, balance: "7" }]);
  await ledger.snapshotCompleted("c2", 1);
  expect(await shown(ledger)).toEqual(["40", "unlisted", "unlisted"]);
  expect(ACCOUNT.account_group).toBe("ABC123");
  await close(ledger);
});
