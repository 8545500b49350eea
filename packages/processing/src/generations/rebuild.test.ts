import type { ModelName } from "@counterfoil/contracts/fact";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import { openLedger } from "../ingest/startup.ts";
import { PROJECTIONS } from "../models/registry.ts";
import { ModelUnavailable } from "../ports/errors.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { createMemoryRoleLocks } from "../testing/memory-role-locks.ts";
import {
  keptGenerations,
  lockRebuild,
  pruneGenerations,
  rebuildModel,
  rollbackModel,
  runRebuild,
  upgradeModel,
} from "./rebuild.ts";

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

test("a rebuild that cannot open its generation leaves none behind", async () => {
  const { options, numbers } = await openWorld();
  const openForBuilding = () => Promise.reject(new ModelUnavailable("the disk is full"));
  const catalogue = { ...options.catalogue, openForBuilding };
  await expect(rebuildModel({ ...options, catalogue })).rejects.toThrow("the disk is full");
  expect(await numbers()).toEqual([1]);
});

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

describe("the lock of rebuilds", () => {
  const { signal } = new AbortController();

  test("an upgrade that waited for a rebuild of its version has nothing to build", async () => {
    const { catalogue, ...others } = (await openWorld()).options;
    const { tables, version } = projection;
    await catalogue.drop(MODEL, 1);
    await catalogue.create(MODEL, { tables, modelVersion: version - 1 });
    const backends = { ...others, catalogue, locks: createMemoryRoleLocks() };
    const lock = await lockRebuild(backends, MODEL);
    const upgraded = upgradeModel({ backends, projection, build: "test", signal });
    await rebuildModel({ ...others, catalogue });
    const built = await catalogue.generations(MODEL);
    await lock.release();
    expect(await upgraded).toBeNull();
    expect(await catalogue.generations(MODEL)).toEqual(built);
  });

  test("who lost it activates nothing, and drops nothing of the next holder", async () => {
    const { options, create, numbers } = await openWorld();
    const lost = new AbortController();
    const lock = { lost: lost.signal, release: async () => {} };
    const locks = { acquire: async () => lock, tryAcquire: async () => lock };
    const job = { backends: { ...options, locks }, projection, build: "test" };
    const { outcome } = await runRebuild(job, async () => {
      lost.abort();
      await create();
    });
    expect([outcome, await numbers()]).toEqual(["aborted", [1, 2]]);
    await expect(
      rollbackModel({ ...options, generation: 1, signal: lost.signal }),
    ).rejects.toMatchObject({ name: "ModelUnavailable" });
  });
});
