import { WITHDRAWAL_STAGES } from "@counterfoil/contracts/record";
import type { LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { CLUSTERS, QUEUE } from "./tables.ts";
import { movementFacts } from "./testing/lifecycle-facts.ts";
import {
  type Event,
  eventsOf,
  inOrderOf,
  openModel,
  readRecords,
  withdrawalsOf,
} from "./testing/records-of.ts";

/** The messages that a provider documents, in any order of arrival. */

type Plan = Readonly<{ opened: number; takes: number; returned: boolean }>;

const plan: fc.Arbitrary<Plan> = fc.record({
  opened: fc.integer({ min: 0, max: 20 }),
  takes: fc.integer({ min: 1, max: 20 }),
  returned: fc.boolean(),
});

const clock = (minute: number, second: number): string =>
  `10:${String(minute).padStart(2, "0")}:${String(second).padStart(2, "0")}`;

/** The messages of one withdrawal; the facts of each are consecutive, its movements before its report. */
function messagesOf(
  { opened, takes, returned }: Plan,
  at: number,
  request: string,
): LifecycleFact[][] {
  const header = "at run account type change movement request";
  const message = (minute: number, run: string, account: string, ...movements: string[]) =>
    movementFacts(
      [
        header,
        ...movements.map(
          (movement) => `${clock(minute, at)} ${run} ${account} ${movement} ${request}`,
        ),
      ].join("\n"),
    ).sort((a, b) => (a.type < b.type ? 1 : -1));
  const debit = returned ? [] : [`withdrawal -5 d${at}`];
  return [
    message(opened, `1${at}`, "available", `withdrawal_pending -5 p${at}`),
    message(opened, `1${at}`, "collateral", `withdrawal_pending 5 p${at}`),
    message(opened + takes, `2${at}`, "collateral", `withdrawal_confirmed -5 c${at}`),
    message(opened + takes, `2${at}`, "available", `withdrawal_confirmed 5 c${at}`, ...debit),
  ];
}

/** The facts of the messages, in an order determined by the keys. */
function arrived(messages: readonly LifecycleFact[][], keys: Iterator<number>): LifecycleFact[] {
  const keyed = messages.map((message) => ({ message, key: keys.next().value ?? 0 }));
  return keyed.sort((a, b) => a.key - b.key).flatMap(({ message }) => message);
}

const plans = fc.array(plan, { minLength: 1, maxLength: 6 });
const rank = (stage: string): number => WITHDRAWAL_STAGES.indexOf(stage as "requested");

test("with request ids the stage only moves on, fact by fact", async () => {
  await fc.assert(
    fc.asyncProperty(plans, fc.infiniteStream(fc.nat()), async (all, keys) => {
      const facts = arrived(
        all.flatMap((each, at) => messagesOf(each, at, `R${at}`)),
        keys,
      );
      const stages = new Map<string, string>();
      const { store, session, apply } = await openModel(WITHDRAWALS);
      for (const fact of facts) {
        await apply(eventsOf(fact));
        await session.commit();
        for (const { id, state, anomalies } of await readRecords<"withdrawals">(store)) {
          expect(id).toMatch(/^R/);
          expect(anomalies).toEqual([]);
          expect(rank(state.stage)).toBeGreaterThanOrEqual(rank(stages.get(id) ?? "requested"));
          stages.set(id, state.stage);
        }
      }
      all.forEach(({ returned }, at) => {
        expect(stages.get(`R${at}`)).toBe(returned ? "returned" : "settled");
      });
    }),
    { numRuns: 50 },
  );
});

test("without request ids every confirmation ends with a pending before it", async () => {
  await fc.assert(
    fc.asyncProperty(plans, fc.infiniteStream(fc.nat()), async (all, keys) => {
      const facts = arrived(
        all.flatMap((each, at) => messagesOf(each, at, "-")),
        keys,
      );
      const records = await withdrawalsOf(facts);
      expect(records).toHaveLength(all.length);
      for (const { id, state, anomalies } of records) {
        expect(id).toMatch(/^movement:p/);
        expect(state.link).toBe("inferred");
        expect(anomalies).toEqual([]);
      }
      const count = (stage: string) => records.filter(({ state }) => state.stage === stage).length;
      expect(count("returned")).toBe(all.filter(({ returned }) => returned).length);
      expect(count("settled")).toBe(all.length - count("returned"));
    }),
    { numRuns: 100 },
  );
});

/** The messages of both accounts in a run of 80 withdrawals without ids; amounts differ, debits are less by a fee. */
const payroll = ["available withdrawal", "collateral withdrawal_confirmed"].map((side) => {
  const [account, type] = side.split(" ");
  const rows = Array.from({ length: 80 }, (_, at) => {
    const amount = account === "available" ? 10 * at + 9 : 10 * at + 10;
    return `10:00:00 1 ${account} ${type} -${amount} ${type}${at}`;
  });
  const table = ["at run account type change movement", ...rows].join("\n");
  return movementFacts(table).sort((a, b) => (a.type < b.type ? 1 : -1));
});

test.each([
  ["debits first", payroll.flat()],
  ["confirmations first", payroll.toReversed().flat()],
  ["reports first", payroll.flatMap((message) => message.toReversed())],
  ["the last debits first", payroll.flat().toReversed()],
])("each confirmation of a large run is paired with its debit: %s", async (_, facts) => {
  const records = await withdrawalsOf(facts);
  expect(records).toHaveLength(80);
  for (const { id, state } of records) {
    const at = Number(id.match(/\d+$/)?.[0]);
    const { stage, amount, settled_amount } = state;
    expect([stage, amount, settled_amount]).toEqual([
      "settled",
      `${10 * at + 10}`,
      `${10 * at + 9}`,
    ]);
  }
});

test("a large run of which half is withdrawn is paired as if it had never been large", async () => {
  const { store, session, apply } = await openModel(WITHDRAWALS);
  const facts = payroll.flat();
  for (const fact of facts) await apply(eventsOf(fact));
  const number = ({ state }: LifecycleFact) =>
    Number(/\d+$/.exec(String(state.data.movement_id))?.[0]);
  for (const fact of facts.filter((one) => number(one) >= 30)) {
    await apply(eventsOf({ ...fact, state: { ...fact.state, withdrawn: true } }).slice(1));
  }
  await session.commit();
  const few = facts.filter((one) => one.type === "BalanceReported" || number(one) < 30);
  const briefly = (all: Awaited<ReturnType<typeof withdrawalsOf>>) =>
    all.map(({ id, state: { stage, amount, settled_amount } }) => [
      id,
      stage,
      amount,
      settled_amount,
    ]);
  const left = await readRecords<"withdrawals">(store);
  expect(briefly(left)).toEqual(briefly(await withdrawalsOf(few)));
  const waiting = await store.select(QUEUE, { orderBy: QUEUE.key, limit: 10 });
  expect(waiting.filter(({ class: of }) => String(of).startsWith("run "))).toEqual([]);
});

/** One side of a run, as a row of a table, and whether it is withdrawn later. */
type Side = Readonly<{ side: string; isWithdrawn: boolean }>;

/** Movements of one type on one account, with a few amounts; some name a request. */
function sidesOf(type: string, account: string): fc.Arbitrary<readonly Side[]> {
  const change = fc.constantFrom("-4", "-5", "-6");
  const request = fc.constantFrom("-", "-", "-", "R1", "R2", "R3");
  const one = fc.record({ change, request, isWithdrawn: fc.constantFrom(false, false, true) });
  return fc.array(one, { minLength: 60, maxLength: 80, size: "max" }).map((all) =>
    all.map(({ change, request, isWithdrawn }, at) => ({
      side: `10:00:00 1 ${account} ${type} ${change} ${type}${at} ${request}`,
      isWithdrawn,
    })),
  );
}

const REQUESTED = "at run account type change movement request";

test("a large run has one state, whatever comes first and is withdrawn", async () => {
  const run = fc.tuple(
    sidesOf("withdrawal", "available"),
    sidesOf("withdrawal_confirmed", "collateral"),
  );
  await fc.assert(
    fc.asyncProperty(run, fc.infiniteStream(fc.nat()), async (sides, keys) => {
      const all = sides.flat();
      const facts = all.map(({ side }) => movementFacts([REQUESTED, side].join("\n")));
      const digestOf = async (events: Event[]) => {
        const { session, apply } = await openModel(WITHDRAWALS);
        await apply(events);
        return (await session.commit())?.state_digest;
      };
      const withdrawn = all.flatMap(({ isWithdrawn }, at) => {
        const [movement, report] = facts[at] as [LifecycleFact, LifecycleFact];
        return [{ ...movement, state: { ...movement.state, withdrawn: isWithdrawn } }, report];
      });
      const left = facts.filter((_, at) => !all[at]?.isWithdrawn).flat();
      expect(await digestOf(inOrderOf(withdrawn, keys))).toBe(
        await digestOf(left.flatMap(eventsOf)),
      );
    }),
    { numRuns: 4 },
  );
});

const DEBITS = 50;

test("one more debit of a large run changes a few pairs, however many are equal", async () => {
  const written: number[] = [];
  const { session, apply } = await openModel(WITHDRAWALS, (store) => ({
    ...store,
    commit: async (commit) => {
      const clusters = commit.puts.find(({ table }) => table === CLUSTERS);
      written.push(clusters?.rows.length ?? 0);
      return store.commit(commit);
    },
  }));
  const applySide = async (side: string) => {
    const [movement] = movementFacts([REQUESTED, `10:00:00 1 ${side} -`].join("\n"));
    await apply(eventsOf(movement as LifecycleFact));
  };
  for (let at = 0; at < 150; at += 1) {
    await applySide(`collateral withdrawal_confirmed -5 c${at}`);
  }
  await session.commit();
  for (let at = 0; at < DEBITS; at += 1) {
    await applySide(`available withdrawal -5 d${at}`);
    await session.commit();
  }
  const ofDebits = written.slice(-DEBITS).reduce((sum, rows) => sum + rows, 0);
  // The debit itself and the confirmation that it takes, and seldom those of another pair.
  expect(ofDebits / DEBITS).toBeLessThan(5);
});

/** The length of the longest stored cluster after a number of debits of one request. */
async function longestOf(debits: number): Promise<number> {
  const { store, session, apply } = await openModel(WITHDRAWALS);
  const rows = Array.from(
    { length: debits },
    (_, at) => `${clock(at % 60, 0)} ${at} available withdrawal -5 d${1000 + at} R`,
  );
  const table = ["at run account type change movement request", ...rows].join("\n");
  for (const fact of movementFacts(table)) await apply(eventsOf(fact));
  await session.commit();
  const clusters = await store.select(CLUSTERS, { orderBy: ["id"], limit: 10 });
  return Math.max(...clusters.map(({ data }) => String(data).length));
}

test("the stored size of a request does not grow with its movements", async () => {
  expect(await longestOf(240)).toBeLessThanOrEqual((await longestOf(120)) + 10);
});
