import type { ModelName } from "@counterfoil/contracts/fact";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import { openLedger } from "../ingest/startup.ts";
import { PROJECTIONS } from "../models/registry.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { keptGenerations, pruneGenerations, rebuildModel, rollbackModel } from "./rebuild.ts";

describe("the generations that are kept", () => {
  test.each([
    { activated: [], kept: [1] },
    { activated: [2], kept: [2, 1] },
    { activated: [2, 3, 4], kept: [4, 3, 2] },
    { activated: [2, 3, 2, 3, 2], kept: [2, 3, 1] },
    { activated: [2, 3, 4, 2], kept: [2, 4, 3] },
  ])("after $activated", ({ activated, kept }) => {
    expect([...keptGenerations(activated)]).toEqual(kept);
  });
});

const MODEL: ModelName = "trades";
const projection = PROJECTIONS[MODEL];

async function openWorld() {
  const clock = createManualClock(0n);
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock });
  await openLedger(stream, { name: "default", environment: "test" }, hashing);
  const catalogue = createMemoryModelCatalogue();
  const { tables, version: modelVersion } = projection;
  const create = () => catalogue.create(MODEL, { tables, modelVersion });
  await create();
  const options = { stream, catalogue, projection, hashing, clock, build: "test" };
  const numbers = async () =>
    (await catalogue.generations(MODEL)).map(({ generation }) => generation);
  const prune = () => pruneGenerations({ stream, catalogue, model: MODEL });
  return { create, options, numbers, prune };
}

describe("pruning", () => {
  test("keeps the live generation and the two before it", async () => {
    const { options, numbers, prune } = await openWorld();
    for (const generation of [2, 3, 4]) {
      expect(await rebuildModel(options)).toMatchObject({ outcome: "activated", generation });
    }
    expect(await prune()).toEqual([1]);
    expect(await numbers()).toEqual([2, 3, 4]);
    expect(await prune()).toEqual([]);
  });

  test("drops the generation of a killed rebuild, and never the one live after a rollback", async () => {
    const { create, options, numbers, prune } = await openWorld();
    await rebuildModel(options);
    await create();
    await rollbackModel({ ...options, generation: 1 });
    expect(await prune()).toEqual([3]);
    expect(await numbers()).toEqual([1, 2]);
    await rollbackModel({ ...options, generation: 2 });
  });
});
