import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, smallScenarioArbitrary } from "./arbitraries.ts";
import { defineExplainLaws, expectAllRoles, explained } from "./explain-laws.ts";
import { ACCOUNT, ACCOUNT_ID, balanceBody, take } from "./messages.ts";
import { ENGINES, openTestLedger, patience, runs } from "./support.ts";

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
