import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { retranslate } from "@counterfoil/processing/retranslate";
import { verifyStream } from "@counterfoil/processing/verify";
import { shuffleDeliveries } from "@counterfoil/simulator/delivery/shuffle-deliveries";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, scenarioArbitrary } from "./arbitraries.ts";
import {
  hashing,
  LEDGER,
  openTestLedger,
  patience,
  refold,
  runs,
  stateDifferences,
  type TestLedger,
} from "./support.ts";
import { FAULTS, faulty, mended } from "./translation-bugs.ts";

const SPOILS = Object.entries(FAULTS);

/** Runs it, and again: the second time nothing is left to do. */
async function retranslated(ledger: TestLedger, spoil: (typeof SPOILS)[number][1]) {
  const options = { stream: ledger.stream, translations: mended(spoil), hashing };
  const result = await retranslate(options);
  expect(result.unreadable).toEqual([]);
  expect((await retranslate(options)).appended).toEqual({});
  return result;
}

async function expectSound(ledger: TestLedger, clean: TestLedger): Promise<void> {
  await ledger.catchUp();
  expect(await stateDifferences(ledger, clean)).toEqual([]);
  const checkpoints = await ledger.checkpoints();
  for (const model of MODEL_NAMES) {
    const { checkpoint } = await refold(ledger.stream, ledger.projections[model]);
    expect([model, checkpoint]).toEqual([model, checkpoints[model]]);
  }
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
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
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
        { numRuns: runs(3) },
      );
    },
    patience(60),
  );

  test(
    "goes on with the mended translation, before it is retranslated or after",
    async () => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, fc.boolean(), async (scenario, isFirst) => {
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
        { numRuns: runs(3) },
      );
    },
    patience(60),
  );
});
