import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { createRandom } from "@counterfoil/simulator/random";
import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { playFlow } from "../engines/flow.ts";
import { planOf, smallScenarioArbitrary } from "./arbitraries.ts";
import { expectRoles, explained } from "./explain-laws.ts";
import { ENGINES, openTestLedger, runs, type TestLedger } from "./support.ts";

jest.setTimeout(600_000);

const KINDS = [
  ["withdrawals", "withdrawal"],
  ["deposits", "deposit"],
  ["trades", "trade"],
] as const;

const idsIn = async (ledger: TestLedger, model: "balances" | (typeof KINDS)[number][0]) =>
  (await ledger.rows(model, model === "balances" ? ACCOUNTS : RECORDS)).map(({ id }) => String(id));

async function expectAllRoles(ledger: TestLedger, seed: number, each: number) {
  const random = createRandom(seed, "explain");
  const seen = new Map<string, number>();
  const note = (roles: readonly string[]) => {
    for (const role of roles) seen.set(role, (seen.get(role) ?? 0) + 1);
  };
  const events = new Map((await ledger.events()).map((event) => [event.id, event]));
  for (const id of await idsIn(ledger, "balances")) {
    const { facts } = await explained(ledger, { kind: "balance", id });
    // Facts of other accounts are never named.
    for (const { event_id } of facts) expect(events.get(event_id)?.subject).toBe(id);
    note(await expectRoles(ledger, "balances", { kind: "balance", id }, { random, count: each }));
  }
  for (const [model, kind] of KINDS) {
    for (const id of await idsIn(ledger, model)) {
      note(await expectRoles(ledger, model, { kind, id }, { random, count: each }));
    }
  }
  return seen;
}

describe("a fact's role is what its absence changes", () => {
  test.each(ENGINES)("in a flow with losses, repeats and corrections, on %s", async (engine) => {
    const ledger = await playFlow({ engine, order: 1 });
    const seen = await expectAllRoles(ledger, 1, 3);
    console.log(Object.fromEntries(seen));
    expect([...seen.keys()].sort()).toEqual(["confirms", "decides", "repeats", "superseded"]);
    await ledger.close();
  });

  test("in random worlds", async () => {
    await fc.assert(
      fc.asyncProperty(smallScenarioArbitrary, async (scenario) => {
        const { plan } = planOf(scenario);
        const ledger = await openTestLedger({ seed: scenario.seed });
        await ledger.play(plan);
        await ledger.catchUp();
        await expectAllRoles(ledger, scenario.seed, 2);
        await ledger.close();
      }),
      { numRuns: runs(4) },
    );
  });
});
