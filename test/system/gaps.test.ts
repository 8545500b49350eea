import { ACCOUNTS, ENTRIES } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { listEntries } from "@counterfoil/processing/queries/entries";
import { createRandom, shuffled } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ACCOUNT_ID, balanceBody, take } from "./messages.ts";
import {
  ENGINES,
  openTestLedger,
  patience,
  runs,
  stateDifferences,
  type TestLedger,
} from "./support.ts";

const AT = 1_790_000_000_000;

/** Run `number` changes the balance by one more than its number: 100, 101, 103, 106 … */
const balanceAfter = (number: number): number => 100 + (number * (number + 1)) / 2;

async function hear(ledger: TestLedger, number: number): Promise<void> {
  const balance = String(balanceAfter(number));
  const run = 1000 + number;
  const at = AT + number * 10_000;
  await take(ledger, { body: balanceBody({ run, change: String(number), balance, at }) });
  await ledger.catchUp();
}

async function openLedger(engine: (typeof ENGINES)[number] = "memory") {
  const ledger = await openTestLedger({ engine });
  ledger.clock.set(BigInt(AT + 3_600_000) * 1_000_000n);
  return ledger;
}

async function openGaps(ledger: TestLedger): Promise<readonly string[]> {
  const rows = await ledger.rows("balances", ANOMALIES);
  return rows
    .filter(({ kind, closed_position }) => kind === "gap" && closed_position === null)
    .map(({ detail }) => {
      const { missing_amount, after_run_id, before_run_id } = JSON.parse(String(detail));
      return `${after_run_id}..${before_run_id} ${missing_amount}`;
    })
    .sort();
}

async function history(ledger: TestLedger): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const reader = await ledger.catalogue.openForReading("balances", 1);
  const page = await reader.snapshot((rows) =>
    listEntries(rows, ACCOUNT_ID, {
      page: { limit: 100, beyond: null },
      nextTurn: ledger.clock.nextTurn,
    }),
  );
  await reader.close();
  return page.data;
}

const accountOf = async (ledger: TestLedger) => (await ledger.rows("balances", ACCOUNTS))[0];

describe.each(ENGINES)("a lost delivery, on %s", (engine) => {
  test("is a gap of its amount, which closes when it comes late, in its place", async () => {
    const ledger = await openLedger(engine);
    for (const number of [1, 2, 4, 5]) await hear(ledger, number);
    expect(await openGaps(ledger)).toEqual(["1002..1004 3"]);
    expect(await accountOf(ledger)).toMatchObject({ status: "gap_open", open_gaps: 1 });
    const told = (await history(ledger)).map((entry) => [entry.kind, entry.run_id ?? null]);
    expect(told).toEqual([
      ["opening", null],
      ["run", "1001"],
      ["run", "1002"],
      ["gap", null],
      ["run", "1004"],
      ["run", "1005"],
    ]);
    await hear(ledger, 3);
    expect(await openGaps(ledger)).toEqual([]);
    expect(await accountOf(ledger)).toMatchObject({
      status: "continuous",
      open_gaps: 0,
      balance: "115",
      last_run_id: "1005",
    });
    const entries = (await history(ledger)).filter(({ kind }) => kind === "run");
    expect(entries.map((entry) => [entry.run_id, entry.late])).toEqual([
      ["1001", false],
      ["1002", false],
      ["1003", true],
      ["1004", false],
      ["1005", false],
    ]);
    const { position } = await ledger.stream.head();
    const closed = (await history(ledger)).filter(({ kind }) => kind === "gap");
    expect(closed).toMatchObject([
      { missing_amount: "3", after_run_id: "1002", before_run_id: "1004" },
    ]);
    expect(Number(closed[0]?.closed_position)).toBeGreaterThan(position - 4);
    await ledger.close();
  });

  test("splits and moves gaps when several come late", async () => {
    const ledger = await openLedger(engine);
    for (const number of [1, 6]) await hear(ledger, number);
    expect(await openGaps(ledger)).toEqual(["1001..1006 14"]);
    await hear(ledger, 4);
    expect(await openGaps(ledger)).toEqual(["1001..1004 5", "1004..1006 5"]);
    await hear(ledger, 2);
    expect(await openGaps(ledger)).toEqual(["1002..1004 3", "1004..1006 5"]);
    await hear(ledger, 5);
    expect(await openGaps(ledger)).toEqual(["1002..1004 3"]);
    await hear(ledger, 3);
    expect(await openGaps(ledger)).toEqual([]);
    expect(await accountOf(ledger)).toMatchObject({ balance: "121", open_gaps: 0 });
    await ledger.close();
  });
});

describe("late deliveries", () => {
  test(
    "leave, in any order, the gaps of those that are still missing",
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 3, max: 40 }), fc.integer(), async (count, seed) => {
          const random = createRandom(seed, "late");
          const numbers = shuffled(
            Array.from({ length: count }, (_, at) => at + 1),
            random,
          );
          const ledger = await openLedger();
          const heard = new Set<number>();
          for (const number of numbers) {
            await hear(ledger, number);
            heard.add(number);
            if (random.chance(0.3)) expect(await openGaps(ledger)).toEqual(gapsOf(heard));
          }
          expect(await openGaps(ledger)).toEqual([]);
          const inOrder = await openLedger();
          for (let number = 1; number <= count; number += 1) await hear(inOrder, number);
          expect(await stateDifferences(ledger, inOrder)).toEqual([]);
          const rows = await ledger.rows("balances", ENTRIES);
          const late = rows.filter((row) => row.late === 1).map(({ run_id }) => Number(run_id));
          expect(late.sort()).toEqual(overtaken(numbers).sort());
          await ledger.close();
          await inOrder.close();
        }),
        { numRuns: runs(10) },
      );
    },
    patience(60),
  );
});

/** Between each two numbers that were heard, what the numbers between them add up to. */
function gapsOf(heard: ReadonlySet<number>): readonly string[] {
  const numbers = [...heard].sort((a, b) => a - b);
  const gaps: string[] = [];
  for (const [at, number] of numbers.entries()) {
    const before = numbers[at - 1];
    if (before === undefined || number === before + 1) continue;
    const missing = balanceAfter(number - 1) - balanceAfter(before);
    gaps.push(`${1000 + before}..${1000 + number} ${missing}`);
  }
  return gaps.sort();
}

/** Those of which a later one was heard before. */
function overtaken(numbers: readonly number[]): number[] {
  return numbers
    .filter((number, at) => numbers.slice(0, at).some((other) => other > number))
    .map((number) => 1000 + number);
}
