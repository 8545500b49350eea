import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { OpenTestEngine } from "../system/support.ts";
import { printDigests } from "./digest-table.ts";
import { AMENDMENTS, type FlowOptions } from "./flow.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { eventstoreEngine, postgresEngine } from "./server-engines.ts";

type EngineOf = () => NonNullable<FlowOptions["engine"]>;

/** One delivery after the other, so that every engine records the same at the same moment. */
const SAME_ORDER = { order: 1, together: 1 };

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
  test("the same order: the same bytes on the stream, the same rows in every model", async () => {
    const outcome = await outcomeOf({ ...SAME_ORDER, engine: engineOf() });
    outcomes.set(name, outcome);
    expect(outcome).toEqual(reference);
  });

  test("another order, taken by two ingests at once: the same state of every model", async () => {
    const racing = { order: 2, ingests: 2, together: 20 };
    const outcome = await outcomeOf({ ...racing, engine: engineOf() });
    outcomes.set(`${name}, another order`, outcome);
    expect(states(outcome)).toEqual(states(reference));
    expect(outcome.head.hash).not.toBe(reference.head.hash);
  });
}

test("the flow holds every kind of amendment", () => {
  expect([...reference.types]).toEqual(expect.arrayContaining(AMENDMENTS));
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
