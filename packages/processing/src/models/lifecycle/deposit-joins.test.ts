import { zeroHashAccountId } from "@counterfoil/core/account";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import type { LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CLUSTERS, LOTS, PART_COUNTS, QUEUE } from "./tables.ts";
import { fact, factOf, statusFact } from "./testing/lifecycle-facts.ts";
import { depositsOf, eventsOf, openModel, readRecords } from "./testing/records-of.ts";

/** Deposits that are equal in everything, the transaction included. */

const OWNER = { participant_code: "DEF456", account_label: "general" };
const timeAt = (second: number): string =>
  new Date(Date.UTC(2024, 4, 1, 10) + second * 1000).toISOString();

const status = (number: number, network = "BASE"): LifecycleFact =>
  statusFact("DepositStatusReported", {
    ...{ ...OWNER, deposit_id: `D${number}`, asset: `USDC.${network}`, amount: "25" },
    ...{ status: "completed", transaction_hash: "aa", occurred_at: timeAt(number) },
  });

const GROUP = "ABC123";

function movement(
  number: number,
  { change = "25", network = "BASE", group = GROUP } = {},
): LifecycleFact {
  const parts = { ...OWNER, account_group: group, account_type: "available" };
  const kind = change.startsWith("-") ? "r" : "m";
  return factOf(
    fact("MovementRecorded", {
      account: zeroHashAccountId({ ...parts, asset: `USDC.${network}` }),
      ...{
        movement_id: `${kind}${group === GROUP ? "" : group}${number}`,
        movement_type: "deposit",
        change,
        run_id: `${number}`,
      },
      ...{ occurred_at: timeAt(30 + number), deposit_reference_id: "0xAA" },
    }),
  );
}

const fund = (number: number): LifecycleFact =>
  statusFact("FundReported", {
    ...{ fund: `f${number}`, success: true, participant_code: "DEF456", account_label: "general" },
    ...{ asset: "USDC", quantity: "25", transaction_hash: "aa", occurred_at: timeAt(60 + number) },
  });

const many = (count: number, of: (number: number) => LifecycleFact[]): LifecycleFact[] =>
  Array.from({ length: count }, (_, number) => of(number)).flat();

/** Counts records by their sources, stage and link: `2 movement status credited inferred`. */
async function kindsOf(facts: readonly LifecycleFact[]): Promise<string[]> {
  const kinds = new Map<string, number>();
  for (const { state, history } of await depositsOf(facts)) {
    const sources = [...new Set(history.map(({ source }) => source))].sort();
    const kind = [...sources, state.stage, state.link].join(" ");
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `${count} ${kind}`).sort();
}

describe("each of many equal deposits is one record", () => {
  test.each([2, 31, 32, 33, 34, 90])("%i of a status and a movement", async (count) => {
    const facts = many(count, (number) => [status(number), movement(number)]);
    expect(await kindsOf(facts)).toEqual([`${count} movement status credited inferred`]);
  });

  test("with fund events and reversals", async () => {
    const facts = [
      ...many(40, (number) => [status(number), fund(number)]),
      ...many(30, (number) => [movement(number)]),
      ...many(7, (number) => [movement(number, { change: "-25" })]),
    ];
    expect(await kindsOf(facts)).toEqual([
      "10 fund status credited inferred",
      "23 fund movement status credited inferred",
      "7 fund movement status returned inferred",
    ]);
  });

  test.each([1, 40])("a reversal undoes one of its own platform's: %i of each", async (count) => {
    const other = { group: "XYZ789" };
    const facts = many(count, (number) => [
      movement(number),
      movement(number, other),
      movement(100 + number, { change: "-25" }),
    ]);
    const records = await depositsOf(facts);
    const stages = records.map(
      ({ state: { account_group, stage } }) => `${account_group} ${stage}`,
    );
    expect(new Set(stages)).toEqual(new Set([`${GROUP} returned`, "XYZ789 credited"]));
    expect(records).toHaveLength(2 * count);
  });

  test("another network is another deposit", async () => {
    const facts = [
      ...many(70, (number) => [status(number, "BASE")]),
      ...many(50, (number) => [movement(number, { network: "SOL" })]),
    ];
    expect(await kindsOf(facts)).toEqual([
      "50 movement credited stated",
      "70 status credited stated",
    ]);
  });
});

const SHAPE = fc.record({
  statuses: fc.integer({ min: 10, max: 40 }),
  movements: fc.integer({ min: 10, max: 40 }),
  reversals: fc.integer({ min: 0, max: 5 }),
  funds: fc.integer({ min: 0, max: 20 }),
  others: fc.integer({ min: 0, max: 3 }),
  withdrawn: fc.integer({ min: 1, max: 6 }),
  seeds: fc.tuple(fc.integer(), fc.integer()),
});

type Shape = typeof SHAPE extends fc.Arbitrary<infer Drawn> ? Drawn : never;

function factsOf({ statuses, movements, reversals, funds, others, withdrawn }: Shape) {
  const facts = [
    ...many(statuses, (number) => [status(number)]),
    ...many(movements, (number) => [movement(number)]),
    ...many(reversals, (number) => [movement(number, { change: "-25" })]),
    ...many(funds, (number) => [fund(number)]),
    ...many(others, (number) => [
      movement(1000 + number, { network: "ALGO" }),
      movement(2000 + number, { group: "XYZ789" }),
      movement(2000 + number, { group: "XYZ789", change: "-25" }),
    ]),
  ];
  return facts.map((one, at) => (at % withdrawn === 1 ? gone(one) : one));
}

const gone = (one: LifecycleFact): LifecycleFact => ({
  ...one,
  state: { ...one.state, withdrawn: true },
});

/** Projects the events of facts in an order that depends on the seed, each fact before its withdrawal. */
async function projectShuffled(facts: readonly LifecycleFact[], seed: number) {
  const { store, session, apply } = await openModel(DEPOSITS);
  const placed = facts.flatMap((one) => {
    const events = eventsOf(one);
    const keys = events.map((_, at) => noise(seed, `${one.id}${at}`)).sort((a, b) => a - b);
    return events.map((event, at) => ({ event, key: keys[at] ?? 0 }));
  });
  const events = placed.sort((a, b) => a.key - b.key).map(({ event }) => event);
  for (let at = 0; at < events.length; at += 23) {
    await apply(events.slice(at, at + 23));
    await session.commit();
  }
  return { store, checkpoint: await session.commit() };
}

function noise(seed: number, text: string): number {
  let number = seed | 0;
  for (const unit of text) number = Math.imul(number ^ unit.charCodeAt(0), 0x01000193);
  return (number ^ (number >>> 15)) >>> 0;
}

test("the joins depend neither on the order of arrival nor on withdrawn facts", async () => {
  await fc.assert(
    fc.asyncProperty(SHAPE, async (shape) => {
      const facts = factsOf(shape);
      const one = await projectShuffled(facts, shape.seeds[0]);
      const other = await projectShuffled(
        facts.filter(({ state }) => !state.withdrawn),
        shape.seeds[1],
      );
      const [records, others] = [await readRecords(one.store), await readRecords(other.store)];
      expect(records.map(({ id }) => id)).toEqual(others.map(({ id }) => id));
      expect(one.checkpoint.state_digest).toBe(other.checkpoint.state_digest);
    }),
    { numRuns: Number(process.env.N ?? 8) },
  );
});

test("withdrawn deposits leave no rows", async () => {
  const facts = many(30, (number) => [status(number), movement(number), fund(number)]).map(gone);
  const { store } = await projectShuffled(facts, 7);
  for (const table of [CLUSTERS, QUEUE, PART_COUNTS, LOTS]) {
    const rows = await store.select(table, { orderBy: [...table.key], limit: 1000 });
    expect([table.name, rows.filter(({ id }) => id !== 0)]).toEqual([table.name, []]);
  }
});
