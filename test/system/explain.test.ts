import type { ExplainedKind } from "@counterfoil/contracts/audit";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { RECORD_CHANGES } from "@counterfoil/processing/models/lifecycle/tables";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import { openProjectionRun, runTo } from "@counterfoil/processing/projection/run";
import { TooFarBack } from "@counterfoil/processing/queries/explain/unwind";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { createRandom } from "@counterfoil/simulator/random";
import { shuffleBetweenOpenings } from "@counterfoil/simulator/testing/deliveries";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, smallScenarioArbitrary } from "./arbitraries.ts";
import { defineExplainLaws, expectAllRoles, explained, KINDS } from "./explain-laws.ts";
import { ACCOUNT, ACCOUNT_ID, balanceBody, take } from "./messages.ts";
import { ENGINES, hashing, openTestLedger, patience, runs, type TestLedger } from "./support.ts";
import { FAULTS, faulty, mended, signsTurned } from "./translation-bugs.ts";

const NOW_MS = 1_746_000_000_000;

describe.each(ENGINES)("what explanations say on %s", (engine) => {
  defineExplainLaws(() => engine);
});

test("the past of accounts is explained, although later snapshots list them and others no more", async () => {
  const ledger = await openTestLedger();
  const account = (asset: string) => ({ ...ACCOUNT, asset, account_id: `a-${asset}` });
  const connect = async (connection: string, assets: readonly string[]) => {
    const opening = { provider: "zerohash", connection, multi_chain: true } as const;
    await ledger.feedOpened({ ...opening, openedAt: ledger.clock.now() });
    const listed = assets.map((asset) => ({ ...account(asset), balance: "5" }));
    const body = { messageType: "initial-balance", body: listed };
    await take(ledger, { body, place: { connection, frame: 1 } });
    await ledger.snapshotCompleted(connection, 1);
  };
  const hear = (run: number, asset: string) =>
    take(ledger, {
      body: balanceBody({ run, change: "5", balance: "5", at: NOW_MS, account: account(asset) }),
    });
  await hear(1, "BTC");
  await hear(2, "ETH");
  await connect("c1", ["BTC", "ETH"]);
  await hear(3, "SOL");
  const { position } = await ledger.stream.head();
  await connect("c2", ["BTC", "SOL"]);
  await ledger.catchUp();
  const moment = { at_position: position };
  for (const asset of ["BTC", "SOL"]) {
    const id = ACCOUNT_ID.replace(/[^:]+$/, asset);
    const then = await explained(ledger, { kind: "balance", id, moment });
    expect(then.shown).toMatchObject({ balance: "5", status: "continuous" });
  }
  await ledger.close();
});

test(
  "taking a fact out of any world does what its role says",
  async () => {
    await fc.assert(
      fc.asyncProperty(smallScenarioArbitrary, async (scenario) => {
        const { plan } = planOf(scenario);
        const ledger = await openTestLedger({ seed: scenario.seed });
        await ledger.play(plan);
        await ledger.catchUp();
        await expectAllRoles(ledger, scenario.seed, 2);
        await ledger.close();
      }),
      { numRuns: runs(3) },
    );
  },
  patience(300),
);

test("an entry is explained as of a position before its facts were corrected", async () => {
  const ledger = await openTestLedger({ translations: faulty(signsTurned) });
  await take(ledger, { body: balanceBody({ run: 1, change: "5", balance: "5", at: NOW_MS }) });
  const { position: at_position } = await ledger.stream.head();
  const translations = mended(signsTurned);
  await ledger.translateWith(translations);
  await retranslate({ ...ledger, translations, hashing });
  await ledger.catchUp();
  const report = (await ledger.events()).find(({ type }) => type === "BalanceReported");
  const asked = { kind: "entry", id: String(report?.id) } as const;
  const then = await explained(ledger, { ...asked, moment: { at_position } });
  expect(then.shown).toMatchObject({ balance: "-5", corrected: false });
  expect(then.facts.map(({ role }) => role)).toEqual(["decides", "decides"]);
  const now = await explained(ledger, asked);
  expect(now.shown).toMatchObject({ balance: "5", corrected: true });
  await ledger.close();
});

/** The ledger as it was when a position was its head: only its models are read. */
async function cutAt(ledger: TestLedger, position: number): Promise<TestLedger> {
  const catalogue = createMemoryModelCatalogue();
  for (const model of MODEL_NAMES) {
    const projection = PROJECTIONS[model];
    const { tables, version: modelVersion } = projection;
    await catalogue.create(model, { tables, modelVersion });
    const store = await catalogue.openForWriting(model, 1);
    const run = await openProjectionRun({ stream: ledger.stream, projection, store, hashing });
    await runTo(ledger.stream, run, position);
  }
  return { ...ledger, catalogue };
}

type Named = Readonly<{ kind: ExplainedKind; id: string }>;

/** What can be explained at a position: what the events up to it are about. */
async function thingsAt(ledger: TestLedger, position: number): Promise<readonly Named[]> {
  const things: Named[] = [];
  for (const { type, subject, id, ...event } of await ledger.events()) {
    if (event.position > position || !/^(?:Balance|Movement|Funds)/.test(type)) continue;
    things.push({ kind: "balance", id: subject }, { kind: "entry", id });
  }
  for (const [model, kind] of KINDS) {
    for (const { id, position: at } of await ledger.rows(model, RECORD_CHANGES)) {
      if (Number(at) <= position) things.push({ kind, id: String(id) });
    }
  }
  return things;
}

/**
 * What an explanation says of each event, without what would be if the event were missing: of runs that
 * contradict each other, that depends on which of them the rules find first. Null if what was recorded
 * since cannot be taken back.
 */
async function said(ledger: TestLedger, asked: Parameters<typeof explained>[1]) {
  try {
    const { facts } = await explained(ledger, asked);
    return facts.map(({ event_id, role, sentence }) => {
      return { event_id, role, sentence: sentence.slice(0, sentence.lastIndexOf("; without it ")) };
    });
  } catch (error) {
    if (error instanceof TooFarBack) return null;
    return String(error);
  }
}

test(
  "explanations as of a position say what was said when it was the head",
  async () => {
    const fault = fc.constantFrom(null, ...Object.values(FAULTS));
    const property = fc.asyncProperty(smallScenarioArbitrary, fault, async (scenario, spoil) => {
      const { seed } = scenario;
      const random = createRandom(seed, "past");
      const ledger = await openTestLedger({
        ...(spoil === null ? { seed } : { seed, translations: faulty(spoil) }),
      });
      const plan = shuffleBetweenOpenings(planOf(scenario).plan, seed);
      const half = Math.ceil(plan.length / 2);
      await ledger.play(plan.slice(0, half));
      if (spoil !== null) {
        await ledger.translateWith(mended(spoil));
        await retranslate({ ...ledger, translations: mended(spoil), hashing });
      }
      await ledger.play(plan.slice(half));
      await ledger.catchUp();
      const { position: head } = await ledger.stream.head();
      for (let count = 0; count < 5; count += 1) {
        const at_position = random.between(1, head);
        const then = await cutAt(ledger, at_position);
        const things = await thingsAt(ledger, at_position);
        for (let each = 0; each < 4 && things.length > 0; each += 1) {
          const asked = random.pick(things);
          const now = await said(ledger, { ...asked, moment: { at_position } });
          if (now === null) continue;
          const shown = { ...asked, at_position };
          expect({ ...shown, said: now }).toEqual({ ...shown, said: await said(then, asked) });
        }
      }
      await ledger.close();
    });
    await fc.assert(property, { numRuns: runs(5) });
  },
  patience(300),
);
