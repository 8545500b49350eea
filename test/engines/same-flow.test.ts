import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID } from "../system/messages.ts";
import type { OpenTestEngine } from "../system/support.ts";
import { printDigests } from "./digest-table.ts";
import { AMENDMENTS, type FlowOptions, GAP_ACCOUNT_ID } from "./flow.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { eventstoreEngine, postgresEngine } from "./server-engines.ts";

type EngineOf = () => NonNullable<FlowOptions["engine"]>;

/** One delivery after the other, so that every engine records the same at the same moment. */
const SAME_ORDER = { order: 1, together: 1 };

/** For a machine that does other things besides. */
const PATIENCE_MS = 300_000;

const outcomes = new Map<string, Outcome>();
let reference: Outcome;

beforeAll(async () => {
  reference = await outcomeOf({ ...SAME_ORDER, engine: "memory" });
  outcomes.set("memory", reference);
});
afterAll(() => printDigests(outcomes));

const states = ({ checkpoints }: Outcome) =>
  MODEL_NAMES.map((model) => [model, checkpoints[model].state_digest]);

/** Both ways of comparing an engine with memory. */
function defineComparisons(name: string, engineOf: EngineOf): void {
  const sameOrder = async () => {
    const outcome = await outcomeOf({ ...SAME_ORDER, engine: engineOf() });
    outcomes.set(name, outcome);
    expect(outcome).toEqual(reference);
  };
  test("the same order: the same bytes, the same rows in every model", sameOrder, PATIENCE_MS);

  const anotherOrder = async () => {
    const racing = { order: 2, ingests: 2, together: 20 };
    const outcome = await outcomeOf({ ...racing, engine: engineOf() });
    outcomes.set(`${name}, another order`, outcome);
    expect(states(outcome)).toEqual(states(reference));
    expect(outcome.head.hash).not.toBe(reference.head.hash);
  };
  test("another order, two ingests at once: the same state", anotherOrder, PATIENCE_MS);
}

test("the flow holds every kind of amendment, its gap, and the documented end", () => {
  const { types, accounts } = reference;
  expect([...types]).toEqual(expect.arrayContaining(AMENDMENTS));
  expect(accounts[GAP_ACCOUNT_ID]).toMatchObject({ balance: "3" });
  expect(Number(accounts[GAP_ACCOUNT_ID]?.gaps)).toBe(1);
  expect(accounts[ACCOUNT_ID]).toMatchObject({ balance: "0.35" });
});

describe("SQLite", () => defineComparisons("sqlite", () => "sqlite"));

const SERVERS: readonly (readonly [string, (url: string) => OpenTestEngine])[] = [
  ["postgres", postgresEngine],
  ["eventstore double + postgres", eventstoreEngine],
];

describeOwnPostgres("on PostgreSQL", (use) => {
  describe.each(SERVERS)("%s", (name, engineOn) =>
    defineComparisons(name, () => engineOn(use().url)),
  );
});
