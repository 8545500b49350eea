import type { BalanceRecord, TotalRecord } from "@counterfoil/contracts/record";
import { add, formatMoney, moneyOf, ZERO } from "@counterfoil/core/exact/money";
import { rebuildModel } from "@counterfoil/processing/generations/rebuild";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import { listBalances } from "@counterfoil/processing/queries/balances";
import { readTotals, TOTAL_GROUPS, type TotalsQuery } from "@counterfoil/processing/queries/totals";
import { shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { createRandom, type Random } from "@counterfoil/simulator/random";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { planOf, type Scenario, scenarioArbitrary } from "./arbitraries.ts";
import {
  hashing,
  type LedgerOptions,
  openTestLedger,
  patience,
  runs,
  type TestLedger,
} from "./support.ts";
import { FAULTS, faulty, mended, runIdsCut } from "./translation-bugs.ts";

/** What totals say is what adding up all accounts gives: now, at any position, for any platform. */
export function defineTotals(engine: () => LedgerOptions["engine"], count: number): void {
  test(
    "are the sums over all accounts, whatever was late, lost, corrected or withdrawn",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          scenarioArbitrary,
          fc.constantFrom(...Object.keys(FAULTS)),
          async (scenario, fault) => {
            const ledger = await playCorrected(engine(), scenario, fault);
            const random = createRandom(scenario.seed, "totals");
            await expectTotals(ledger, random);
            await rebuild(ledger);
            await expectTotals(ledger, random);
            await ledger.close();
          },
        ),
        { numRuns: runs(count) },
      );
    },
    patience(120),
  );
}

/** Half of the deliveries is read wrongly at first: facts are corrected, withdrawn and revived. */
async function playCorrected(
  engine: LedgerOptions["engine"],
  scenario: Scenario,
  fault: string,
): Promise<TestLedger> {
  const { seed } = scenario;
  const spoil = FAULTS[fault] ?? runIdsCut;
  const options = { seed, translations: faulty(spoil) };
  const ledger = await openTestLedger(engine === undefined ? options : { ...options, engine });
  const deliveries = shuffleDeliveries(planOf(scenario).plan, seed);
  const half = Math.floor(deliveries.length / 2);
  await ledger.play(deliveries.slice(0, half));
  const translations = mended(spoil);
  await ledger.translateWith(translations);
  await retranslate({ ...ledger, translations, hashing });
  await ledger.play(deliveries.slice(half));
  await ledger.catchUp();
  return ledger;
}

async function rebuild({ stream, catalogue, clock, projections }: TestLedger): Promise<void> {
  const projection = projections.balances;
  const options = { stream, catalogue, projection, hashing, clock, build: "test" };
  const { outcome } = await rebuildModel({ ...options, cause: "rebuild" });
  expect(outcome).toBe("activated");
}

const QUESTIONS = 12;

async function expectTotals(ledger: TestLedger, random: Random): Promise<void> {
  const { position: head } = await ledger.stream.head();
  await ledger.catchUp();
  await ledger.read("balances", async (rows) => {
    const now = await allBalances(rows, null, undefined);
    for (let asked = 0; asked < QUESTIONS; asked += 1) {
      const then = random.chance(0.3) ? head : 1 + random.below(head);
      const position = random.chance(0.3) ? undefined : then;
      const query = { ...questionOf(now, random), position };
      const accounts = await allBalances(rows, query.platform, position);
      expect({ ...query, found: await readTotals(rows, query) }).toEqual({
        ...query,
        found: sumOf(accounts, query),
      });
    }
  });
}

const nextTurn = async () => {};

function questionOf(accounts: readonly BalanceRecord[], random: Random): TotalsQuery {
  const some = () => random.pick(accounts);
  const platforms = [some().participant_code, some().account_group, "nobody"];
  const filters: {
    -readonly [Name in keyof TotalsQuery["filters"]]: TotalsQuery["filters"][Name];
  } = {};
  for (const name of ["asset", ...TOTAL_GROUPS] as const) {
    const values = [some()[name], some()[name], "nothing"].filter((one) => one !== null);
    if (random.chance(0.25)) filters[name] = values.slice(random.below(values.length));
  }
  const groupBy = TOTAL_GROUPS.filter(() => random.chance(0.4));
  return {
    groupBy,
    filters,
    platform: random.chance(0.4) ? null : random.pick(platforms),
    nextTurn,
  };
}

async function allBalances(
  rows: Rows,
  platform: string | null,
  position: number | undefined,
): Promise<readonly BalanceRecord[]> {
  const all: BalanceRecord[] = [];
  for (let beyond: readonly unknown[] | null = []; beyond !== null; ) {
    const page = { limit: 500, beyond: beyond.length === 0 ? null : (beyond as string[]) };
    const moment = position === undefined ? {} : { at_position: position };
    const query = { filters: {}, page, moment, platform, nextTurn };
    const { data, next } = await listBalances(rows, query);
    all.push(...data);
    beyond = next;
  }
  return all;
}

/** The plain way: every account, one after the other. */
function sumOf(
  accounts: readonly BalanceRecord[],
  { groupBy, filters }: TotalsQuery,
): readonly TotalRecord[] {
  const columns = ["asset", ...groupBy] as const;
  const isByType = groupBy.includes("account_type") || filters.account_type !== undefined;
  // Layer1's funds on the chain are its available and its reserved ones.
  const summed = accounts.filter(
    ({ provider, account_type }) =>
      isByType || provider !== "layer1" || account_type !== "blockchain",
  );
  const meant = summed.filter((account) =>
    (["asset", ...TOTAL_GROUPS] as const).every(
      (name) => filters[name]?.includes(account[name] ?? "") ?? true,
    ),
  );
  const groups = Map.groupBy(meant, (account) =>
    columns.map((name) => account[name] ?? "").join("\u0001"),
  );
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([, [first, ...others]]) => {
    const members = [first as BalanceRecord, ...others];
    const known = members.flatMap(({ balance }) => (balance === null ? [] : [moneyOf(balance)]));
    return {
      ...Object.fromEntries(columns.map((name) => [name, (first as BalanceRecord)[name]])),
      total: formatMoney(known.reduce(add, ZERO)),
      accounts: members.length,
      accounts_with_gaps: members.filter(({ open_gaps }) => open_gaps > 0).length,
      accounts_uncertain: members.filter(({ status }) => status !== "continuous").length,
    } as TotalRecord;
  });
}
