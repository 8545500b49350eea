import type { ShownReset } from "@counterfoil/processing/changes/channel";
import { createStep, newHub } from "@counterfoil/processing/changes/hub";
import { followActivations } from "@counterfoil/processing/generations/activations";
import { catchUpUnattended, rebuildModel } from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ModelStore } from "@counterfoil/processing/ports/model-store";
import { openProjectionRun } from "@counterfoil/processing/projection/run";
import { serveModels } from "@counterfoil/processing/queries/serving";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { failing } from "./failing.ts";
import { take } from "./messages.ts";
import { ensureGeneration, hashing, openTestLedger, type TestLedger } from "./support.ts";

/* Readers of changes while more subjects stop and go on than anybody compares one by one. */

const trades = PROJECTIONS.trades;
const STOPPED = 150;

type IsFaulty = (subject: string) => boolean;

const nameOf = (number: number): string => `t${String(number).padStart(3, "0")}`;
const subjectOf = (number: number): string => `trade:zerohash:${nameOf(number)}`;

let ledger: TestLedger;
let store: ModelStore;
let resets: ShownReset[];
let step: () => Promise<number | null>;
const stopping = new AbortController();

const trade = (name: string) =>
  take(ledger, {
    payloadType: "trade.status_changed",
    body: { trade_id: name, trade_state: "active" },
  });

/** Projects all events by a program that fails on some subjects, as one does that was just started. */
async function project(isFaulty: IsFaulty): Promise<void> {
  const projection = failing(trades, isFaulty);
  const run = await openProjectionRun({ stream: ledger.stream, projection, store, hashing });
  await run.fold((await ledger.events()).slice(run.checkpoint.position));
}

/** Lets the readers' hub see what is there now. @returns the positions of the resets that it sends */
async function observed(): Promise<readonly number[]> {
  resets = [];
  await step();
  return resets.map(({ position }) => position);
}

beforeEach(async () => {
  ledger = await openTestLedger({ live: false });
  const { stream, catalogue, clock } = ledger;
  await ensureGeneration(catalogue, trades, 1);
  store = await catalogue.openForWriting("trades", 1);
  for (let number = 0; number < STOPPED; number += 1) await trade(nameOf(number));
  const models = serveModels({ stream, catalogue, clock });
  const deps = {
    ...{ models, catalogue, stream, clock, activations: followActivations(stream) },
    ...{ signal: stopping.signal, waitForRoom: async () => {}, onFailure: () => {} },
    limits: { count: 1000, bytes: 1e6 },
  };
  step = createStep(newHub(), deps, {
    platforms: () => [],
    onChanges: () => {},
    onState: () => {},
    onReset: (reset) => void resets.push(reset),
  });
});
afterEach(async () => {
  await store.close();
  await ledger.close();
});

test.each([0, 99, 120, 149])("readers hear that subject %d of 150 goes on", async (number) => {
  await project(() => true);
  expect(await observed()).toEqual([]);
  await project((subject) => subject !== subjectOf(number));
  const end = (await ledger.stream.head()).position;
  expect(await observed()).toEqual([end]);
  // It is said once.
  expect(await observed()).toEqual([]);
  await project((subject) => subject !== subjectOf(number));
  expect(await observed()).toEqual([]);
});

test("readers hear of another subject that goes on at the same position", async () => {
  await project(() => true);
  await observed();
  const end = (await ledger.stream.head()).position;
  for (const on of [[7], [7, 120]]) {
    await project((subject) => !on.map(subjectOf).includes(subject));
    expect(await observed()).toEqual([end]);
  }
});

test("readers hear that a subject went on before further events were projected", async () => {
  await project(() => true);
  await observed();
  await trade("u1");
  await project((subject) => subject !== subjectOf(120));
  expect(await observed()).toEqual([(await ledger.stream.head()).position]);
  await trade("u2");
  await project((subject) => subject !== subjectOf(120));
  expect(await observed()).toEqual([]);
});

test("a subject that stops is no reset, wherever its name comes among the others", async () => {
  await project(() => true);
  await observed();
  for (const name of ["a", "t0500", "z"]) {
    await trade(name);
    await project(() => true);
    expect(await observed()).toEqual([]);
  }
});

test("readers hear that a generation was built again while subjects were stopped", async () => {
  await project((subject) => subject === subjectOf(120));
  await observed();
  const rebuilt = await rebuildModel({ ...ledger, projection: trades, hashing, build: "test" });
  expect(rebuilt).toMatchObject({ outcome: "activated" });
  await catchUpUnattended({ ...ledger, hashing, locks: createMemoryRoleLocks() }, trades);
  expect(await observed()).toHaveLength(1);
  expect(await observed()).toEqual([]);
});

test("a subject that stopped and went on before its events were sent is no reset", async () => {
  await project(() => false);
  await observed();
  await trade("u1");
  await project((subject) => subject === "trade:zerohash:u1");
  await project(() => false);
  expect(await observed()).toEqual([]);
});
