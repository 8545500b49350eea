import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { createRandom } from "@counterfoil/simulator/random";
import type { HardKnobs } from "@counterfoil/simulator/testing/hard-knobs";
import { createHardWorld } from "@counterfoil/simulator/testing/hard-world";
import { afterAll, expect, test } from "@jest/globals";
import { oldLedger, recordOrder } from "../system/socket-order-cases.ts";
import { hashing, openTestLedger, patience, runs, type TestLedger } from "../system/support.ts";
import { FAULTS, faulty, mended } from "../system/translation-bugs.ts";
import { startCheckers } from "./checkers.ts";
import { auditor } from "./proofs.ts";

const checkers = startCheckers(20);

afterAll(async () => {
  await checkers.end();
});

const WORLDS = runs(40);

/** What makes an order, or what a snapshot says, hard to tell; each world has one of them. */
const HARDSHIPS: readonly Partial<HardKnobs>[] = [
  { feeds: 2, dropRate: 0.3, feedsFromStart: false },
  { feeds: 1, webhookLossRate: 0.3, losesEnd: true, dropRate: 0.2 },
  { feeds: 1, nearIdSwapRate: 0.3, farIdSwapRate: 0.15, jitterMs: 9, burstRate: 0.6 },
  { feeds: 1, noTimeRate: 0.15, emptyRate: 0.2, netZeroRate: 0.3 },
  { feeds: 1, secondsRate: 0.3, meanGapMs: 400, instantRate: 0.3, lateRate: 0.2 },
  { feeds: 1, noTimeRate: 0.1, secondsRate: 0.2, wildTimeRate: 0.15, meanGapMs: 60 },
  {},
];

/** What a checker says against the proofs of all accounts, as they are now. */
async function refusals(ledger: TestLedger): Promise<readonly string[]> {
  await ledger.catchUp();
  const its = auditor(ledger);
  const key = await its.signer.publicKey();
  const refused: string[] = [];
  for (const { id, balance } of await ledger.rows("balances", ACCOUNTS)) {
    const proof = await its.prove(String(id));
    if (proof.balance !== balance) refused.push(`${id}: ${balance}, and ${proof.balance} proven`);
    const file = its.file("proof.json", proof.text);
    const [first, ...others] = await checkers.askAll([file, "--key", key]);
    if (first?.[0] !== 0) refused.push(`${id}: ${first?.[1].join()}`);
    for (const other of others) expect(other).toEqual(first);
  }
  its.end();
  return refused;
}

test(
  "in hard worlds every proof is accepted, in the middle and at the end",
  async () => {
    const refused: unknown[] = [];
    for (let seed = 1; seed <= WORLDS; seed += 1) {
      const world = createHardWorld(`proof ${seed}`, HARDSHIPS[seed % HARDSHIPS.length]);
      const ledger = await openTestLedger({ seed, live: false });
      const middle = createRandom(seed, "middle").below(world.plan.length);
      await ledger.play(world.plan.slice(0, middle));
      refused.push(...(await refusals(ledger)).map((why) => [seed, "middle", why]));
      await ledger.play(world.plan.slice(middle));
      refused.push(...(await refusals(ledger)).map((why) => [seed, "end", why]));
      await ledger.close();
    }
    expect(refused).toEqual([]);
  },
  patience(120),
);

test.each(Object.entries(FAULTS))(
  "every proof is accepted of a ledger that was read with %s, and retranslated",
  async (_, spoil) => {
    const refused: unknown[] = [];
    for (let seed = 1; seed <= runs(3); seed += 1) {
      const world = createHardWorld(`retranslated ${seed}`, HARDSHIPS[seed % HARDSHIPS.length]);
      const ledger = await openTestLedger({ seed, live: false, translations: faulty(spoil) });
      const middle = createRandom(seed, "middle").below(world.plan.length);
      await ledger.play(world.plan.slice(0, middle));
      await ledger.translateWith(mended(spoil));
      await retranslate({ ...ledger, translations: mended(spoil), hashing });
      await ledger.play(world.plan.slice(middle));
      refused.push(...(await refusals(ledger)).map((why) => [seed, why]));
      await ledger.close();
    }
    expect(refused).toEqual([]);
  },
  patience(60),
);

test("every proof is accepted of an old ledger that got the order of its sockets later", async () => {
  const ledger = await oldLedger("memory");
  expect(await recordOrder(ledger)).toBe(2);
  expect(await refusals(ledger)).toEqual([]);
  await ledger.close();
});
