import type { ProviderFact } from "@counterfoil/contracts/fact";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { mergeAnomalies, readAnomalies } from "@counterfoil/processing/queries/anomalies";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { listEntries } from "@counterfoil/processing/queries/entries";
import type { Moment } from "@counterfoil/processing/queries/moment";
import { shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, smallScenarioArbitrary } from "./arbitraries.ts";
import { ACCOUNT_ID, balanceBody, take } from "./messages.ts";
import {
  expectRebuilt,
  hashing,
  LEDGER,
  openTestLedger,
  patience,
  runs,
  stateDifferences,
  type TestLedger,
} from "./support.ts";
import {
  FAULTS,
  faulty,
  faultyAgain,
  labelsDropped,
  mended,
  mendedTwice,
  movementIdsCut,
  runIdsCut,
} from "./translation-bugs.ts";

const SPOILS = Object.entries(FAULTS);

/** Runs it, and again: the second time nothing is left to do. */
async function retranslated(ledger: TestLedger, spoil: (typeof SPOILS)[number][1]) {
  const options = { ...ledger, translations: mended(spoil), hashing };
  const result = await retranslate(options);
  expect(result.unreadable).toEqual([]);
  expect((await retranslate(options)).appended).toEqual({});
  return result;
}

async function expectSound(ledger: TestLedger, clean: TestLedger): Promise<void> {
  await ledger.catchUp();
  expect(await stateDifferences(ledger, clean)).toEqual([]);
  await expectRebuilt(ledger);
  const { stream } = ledger;
  const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: true });
  expect(verified.findings).toEqual([]);
  const events = await ledger.events();
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
}

describe.each(SPOILS)("a ledger that was read with %s", (_, spoil) => {
  test(
    "agrees, once retranslated, with one that never was",
    async () => {
      await fc.assert(
        fc.asyncProperty(smallScenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const plan = shuffleDeliveries(planOf(scenario).plan, seed);
          const clean = await openTestLedger({ seed });
          await clean.play(plan);
          await clean.catchUp();
          const ledger = await openTestLedger({ seed, translations: faulty(spoil) });
          await ledger.play(plan);
          await retranslated(ledger, spoil);
          await expectSound(ledger, clean);
          const { position } = await ledger.stream.head();
          await ledger.translateWith(mended(spoil));
          const webhooks = plan.filter(({ kind }) => kind === "webhook");
          await ledger.play(webhooks);
          expect((await ledger.stream.head()).position).toBe(position);
          await ledger.close();
          await clean.close();
        }),
        { numRuns: runs(2) },
      );
    },
    patience(60),
  );

  test(
    "goes on with the mended translation, before it is retranslated or after",
    async () => {
      await fc.assert(
        fc.asyncProperty(smallScenarioArbitrary, fc.boolean(), async (scenario, isFirst) => {
          const { seed } = scenario;
          const plan = shuffleDeliveries(planOf(scenario).plan, seed);
          const half = Math.floor(plan.length / 2);
          const clean = await openTestLedger({ seed });
          await clean.play(plan);
          await clean.catchUp();
          const ledger = await openTestLedger({ seed, translations: faulty(spoil) });
          await ledger.play(plan.slice(0, half));
          await ledger.translateWith(mended(spoil));
          if (isFirst) await retranslated(ledger, spoil);
          await ledger.play(plan.slice(half));
          await retranslated(ledger, spoil);
          await expectSound(ledger, clean);
          await ledger.close();
          await clean.close();
        }),
        { numRuns: runs(2) },
      );
    },
    patience(60),
  );
});

const AT = 1_746_000_000_000;

/** A run of one movement, which the faulty translation cuts down to two characters. */
const says = (movement: string) => {
  const body = balanceBody({ run: 1, change: "1", balance: "1", at: AT });
  return { ...body, movements: body.movements.map((one) => ({ ...one, movement_id: movement })) };
};

describe("a fact that is withdrawn", () => {
  test.each(["before", "after"])(
    "is revived by another delivery that states it, taken %s",
    async (when) => {
      const ledger = await openTestLedger({ translations: faulty(movementIdsCut) });
      // The second delivery really says what the first was read to say.
      await take(ledger, { body: says("ab-cd") });
      if (when === "before") await take(ledger, { body: says("ab") });
      await ledger.translateWith(mended(movementIdsCut));
      await retranslated(ledger, movementIdsCut);
      if (when === "after") await take(ledger, { body: says("ab") });
      expect((await ledger.events(["FactWithdrawn"])).length).toBe(1);
      expect((await ledger.events(["FactCorrected"])).length).toBeGreaterThan(0);
      const clean = await openTestLedger();
      for (const movement of ["ab-cd", "ab"]) await take(clean, { body: says(movement) });
      await clean.catchUp();
      await expectSound(ledger, clean);
      await ledger.close();
      await clean.close();
    },
  );

  test("leaves no contradiction behind where the mended translation stated it otherwise", async () => {
    const said = (run: number, balance: string) =>
      balanceBody({ run, change: "1", balance, at: AT + run });
    const ledger = await openTestLedger({ translations: faulty(runIdsCut) });
    await take(ledger, { body: said(112, "2") });
    await ledger.translateWith(mended(runIdsCut));
    // To the ledger, run 11 has stated 2 before: this contradicts it.
    await take(ledger, { body: said(11, "1") });
    expect((await ledger.events(["FactContradicted"])).length).toBe(1);
    await retranslated(ledger, runIdsCut);
    const clean = await openTestLedger();
    await take(clean, { body: said(112, "2") });
    await take(clean, { body: said(11, "1") });
    await clean.catchUp();
    await expectSound(ledger, clean);
    await ledger.close();
    await clean.close();
  });

  test("is found also where an earlier retranslation had recorded it", async () => {
    const plan = [112, 11, 1123].map((run) =>
      balanceBody({ run, change: "1", balance: String(run), at: AT + run }),
    );
    const ledger = await openTestLedger({ translations: faulty(runIdsCut) });
    for (const body of plan) await take(ledger, { body });
    const again = faultyAgain(runIdsCut, movementIdsCut);
    await retranslate({ ...ledger, translations: again, hashing });
    const twice = mendedTwice(runIdsCut, movementIdsCut);
    const options = { ...ledger, translations: twice, hashing };
    const { appended } = await retranslate(options);
    expect(appended.FactWithdrawn).toBeGreaterThan(0);
    expect((await retranslate(options)).appended).toEqual({});
    const clean = await openTestLedger();
    for (const body of plan) await take(clean, { body });
    await clean.catchUp();
    await expectSound(ledger, clean);
    await ledger.close();
    await clean.close();
  });

  test("takes its account with it where nothing else is known of it", async () => {
    const ledger = await openTestLedger({ translations: faulty(labelsDropped) });
    await take(ledger, { body: says("m") });
    await retranslated(ledger, labelsDropped);
    await ledger.catchUp();
    const accounts = await ledger.rows("balances", ACCOUNTS);
    await ledger.close();
    expect(accounts.map(({ id }) => id)).toEqual([ACCOUNT_ID]);
  });
});

/**
 * A run of more movements than one part takes. The faulty translation lets every 26th fall together; the
 * last ones repeat the first ones, one of them with another change.
 */
function longRun() {
  const movement = (at: number, change = "1") => ({
    movement_id: `a${String.fromCharCode(97 + (at % 26))}-${at}`,
    movement_type: "transfer",
    movement_timestamp: AT,
    change,
  });
  const different = Array.from({ length: 1_200 }, (_, at) => movement(at));
  const body = balanceBody({ run: 1, change: "0", balance: "1200", at: AT });
  return { ...body, movements: [...different, movement(0), movement(1, "2")] };
}

test("a delivery is retranslated in parts, each fact with all that the delivery states of it", async () => {
  const ledger = await openTestLedger({ translations: faulty(movementIdsCut) });
  await take(ledger, { body: longRun() });
  await ledger.translateWith(mended(movementIdsCut));
  const { appended } = await retranslated(ledger, movementIdsCut);
  expect(appended).toMatchObject({ MovementRecorded: 1_200, FactContradicted: 1 });
  const clean = await openTestLedger();
  await take(clean, { body: longRun() });
  await clean.catchUp();
  await expectSound(ledger, clean);
  await ledger.close();
  await clean.close();
});

/** A report and a movement that were read wrong; all others were not. */
const twoMisread = (fact: ProviderFact): ProviderFact => {
  const { run_id } = fact.data as { run_id?: string };
  const misread =
    fact.type === "BalanceReported" && run_id === "1"
      ? { balance: "9" }
      : fact.type === "MovementRecorded" && run_id === "3"
        ? { change: "5" }
        : {};
  return { ...fact, data: { ...fact.data, ...misread } } as ProviderFact;
};

test("a gap that a misread delivery opened, and its correction closes, was open until then", async () => {
  const misread = (fact: ProviderFact): ProviderFact =>
    fact.type === "BalanceReported" && fact.data.balance === "2"
      ? { ...fact, data: { ...fact.data, balance: "20" } }
      : fact;
  const ledger = await openTestLedger({ translations: faulty(misread) });
  const gaps = async (moment: Moment = {}) => {
    const rule = stuckRule(0n, 0);
    const query = { model: "balances", filters: {}, rule, moment } as const;
    const page = { limit: 10, beyond: null };
    const parts = await ledger.read("balances", (rows) =>
      readAnomalies(rows, { ...query, page, platform: null, nextTurn: async () => {} }),
    );
    return mergeAnomalies(parts, 10, moment).data.map((gap) => gap.closed_position);
  };
  for (const run of [1, 2]) {
    await take(ledger, {
      body: balanceBody({ run, change: "1", balance: String(run), at: AT + run * 1000 }),
    });
  }
  await ledger.catchUp();
  const { position } = await ledger.stream.head();
  expect(await gaps()).toEqual([null]);
  await ledger.clock.advance(86_400_000);
  await ledger.translateWith(mended(misread));
  await retranslated(ledger, misread);
  await ledger.catchUp();
  expect(await gaps()).toEqual([expect.any(String)]);
  expect(await gaps({ at_position: position })).toEqual([null]);
  await ledger.close();
});

test("what was corrected is marked, from then on and nothing else", async () => {
  const ledger = await openTestLedger({ translations: faulty(twoMisread) });
  const reports = (run: number) =>
    take(ledger, {
      body: balanceBody({ run, change: "1", balance: String(run), at: AT + run * 1000 }),
    });
  const marks = async (moment: Moment = {}) => {
    const page = { limit: 100, beyond: null };
    const nextTurn = async () => {};
    const { data } = await ledger.read("balances", (rows) =>
      listEntries(rows, ACCOUNT_ID, { page, moment, nextTurn }),
    );
    const found = data.filter((entry) => entry.kind === "run");
    return found.map((run) => [run.run_id, run.corrected, run.movements.map((it) => it.corrected)]);
  };
  const [no, yes] = [false, true];
  const unmarked = ["1", "2", "3"].map((run) => [run, no, [no]]);
  for (const run of [1, 2, 3]) await reports(run);
  await ledger.catchUp();
  const before = await ledger.stream.head();
  expect(await marks()).toEqual(unmarked);
  await ledger.translateWith(mended(twoMisread));
  await retranslated(ledger, twoMisread);
  await reports(4);
  await ledger.catchUp();
  const last = ["4", no, [no]];
  expect(await marks()).toEqual([["1", yes, [no]], ["2", no, [no]], ["3", yes, [yes]], last]);
  expect(await marks({ at_position: before.position })).toEqual(unmarked);
  await expectRebuilt(ledger);
  await ledger.close();
});
