import type { ModelName } from "@counterfoil/contracts/fact";
import { liveGeneration } from "@counterfoil/processing/generations/activations";
import {
  rebuildModel,
  rollbackModel,
  rollbackTarget,
} from "@counterfoil/processing/generations/rebuild";
import { verifyModel } from "@counterfoil/processing/generations/refold";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { runProjector } from "@counterfoil/processing/projection/projector";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { createRandom } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ORDINARY, planOf, type Scenario, scenarioArbitrary } from "./arbitraries.ts";
import {
  ENGINES,
  type Engine,
  hashing,
  openTestLedger,
  patience,
  refold,
  runs,
  type TestLedger,
} from "./support.ts";

const deliveriesOf = (scenario: Scenario) =>
  shuffleDeliveries(planOf(scenario).plan, scenario.seed);

/** The projector of a model, as a process runs it until it is stopped. */
function startProjector(ledger: TestLedger, model: ModelName, catalogue = ledger.catalogue) {
  const { stream, clock, projections } = ledger;
  const stop = new AbortController();
  const options = {
    stream,
    catalogue,
    locks: createMemoryRoleLocks(),
    projection: projections[model],
    hashing,
    clock,
    upgrade: () => Promise.reject(new Error("there is one version of each model")),
  };
  const done = runProjector(options, stop.signal);
  return {
    done,
    stop: () => {
      stop.abort();
      return done;
    },
  };
}

async function liveCheckpoint({ stream, catalogue }: TestLedger, model: ModelName) {
  const { generation } = await liveGeneration(stream, model);
  const known = await catalogue.generations(model);
  return known.find((other) => other.generation === generation);
}

async function untilCaughtUp(ledger: TestLedger, model: ModelName): Promise<void> {
  for (;;) {
    const { position } = await ledger.stream.head();
    if ((await liveCheckpoint(ledger, model))?.checkpoint.position === position) return;
    await ledger.clock.advance(100);
  }
}

/** Who loses against others sleeps a little before it tries again. */
async function passingTime<T>({ clock }: TestLedger, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  void work.then(over, over);
  while (!isOver) await clock.advance(1);
  return work;
}

/** The live generation is that of the stream folded anew, up to the head. */
async function expectLive(ledger: TestLedger, model: ModelName, generation: number): Promise<void> {
  const live = await liveCheckpoint(ledger, model);
  expect(live?.generation).toBe(generation);
  const { checkpoint } = await refold(ledger.stream, ledger.projections[model]);
  expect([model, live?.checkpoint]).toEqual([model, checkpoint]);
}

const rebuild = (
  { stream, catalogue, projections, clock }: TestLedger,
  model: ModelName,
  force = false,
) =>
  rebuildModel({
    stream,
    catalogue,
    projection: projections[model],
    hashing,
    clock,
    build: "test",
    force,
  });

async function rollback({ stream, catalogue, projections, clock }: TestLedger, model: ModelName) {
  const options = { stream, catalogue, projection: projections[model], hashing, clock };
  const generation = await rollbackTarget(options);
  return rollbackModel({ ...options, build: "test", generation });
}

const SCENARIO: Scenario = {
  ...ORDINARY,
  seed: 8,
  flows: 6,
  webhookRepeatRate: 0.2,
  webhookLossRate: 0.15,
};

describe.each(ENGINES)("generations, on %s", (engine) => {
  test("a projector goes over to what is activated; a rollback takes it back", async () => {
    const ledger = await openTestLedger({ engine, live: false });
    const deliveries = deliveriesOf(SCENARIO);
    const third = Math.floor(deliveries.length / 3);
    const projectors = MODEL_NAMES.map((model) => startProjector(ledger, model));
    await ledger.play(deliveries.slice(0, third));
    for (const model of MODEL_NAMES) {
      await untilCaughtUp(ledger, model);
      const result = await rebuild(ledger, model);
      expect(result).toMatchObject({ outcome: "activated", generation: 2, differences: [] });
      expect(result.live?.digest).toBe(result.rebuilt.digest);
    }
    await ledger.play(deliveries.slice(third, 2 * third));
    for (const model of MODEL_NAMES) {
      await untilCaughtUp(ledger, model);
      await expectLive(ledger, model, 2);
      expect(await rollback(ledger, model)).toMatchObject({ generation: 1 });
    }
    await ledger.play(deliveries.slice(2 * third));
    for (const model of MODEL_NAMES) {
      await untilCaughtUp(ledger, model);
      await expectLive(ledger, model, 1);
    }
    for (const projector of projectors) await projector.stop();
    await ledger.close();
  });

  test("deleted files are built again under their number, with the same digests", async () => {
    const ledger = await openTestLedger({ engine, live: false });
    await ledger.play(deliveriesOf(SCENARIO));
    for (const model of MODEL_NAMES) {
      const first = startProjector(ledger, model);
      await untilCaughtUp(ledger, model);
      await rebuild(ledger, model);
      await untilCaughtUp(ledger, model);
      await first.stop();
      const before = await liveCheckpoint(ledger, model);
      for (const { generation } of await ledger.catalogue.generations(model)) {
        await ledger.catalogue.drop(model, generation);
      }
      const { position } = await ledger.stream.head();
      const second = startProjector(ledger, model);
      await untilCaughtUp(ledger, model);
      await second.stop();
      expect((await ledger.stream.head()).position).toBe(position);
      expect(await liveCheckpoint(ledger, model)).toEqual(before);
    }
    await ledger.close();
  });

  test("a live model that differs is not replaced, unless forced; the rows are listed", async () => {
    const ledger = await openTestLedger({ engine, live: false });
    await ledger.play(deliveriesOf(SCENARIO));
    await ledger.catchUp();
    await ledger.release();
    const store = await ledger.catalogue.openForWriting("balances", 1);
    const [row] = await store.select(ACCOUNTS, { orderBy: ["id"], limit: 1 });
    const rows = [{ ...row, balance: "1000000" }];
    const checkpoint = { ...(await store.checkpoint()), digest: "f".repeat(64) };
    await store.commit({ inserts: [], puts: [{ table: ACCOUNTS, rows }], deletes: [], checkpoint });
    await store.close();
    const refused = await rebuild(ledger, "balances");
    expect(refused).toMatchObject({ outcome: "refused", generation: 2 });
    expect(refused.differences).toMatchObject([
      { table: "accounts", key: [row?.id], columns: ["balance"], live: { balance: "1000000" } },
    ]);
    expect((await liveGeneration(ledger.stream, "balances")).generation).toBe(1);
    const forced = await rebuild(ledger, "balances", true);
    expect(forced).toMatchObject({ outcome: "activated", generation: 2 });
    const [activated] = await ledger.events(["ModelActivated"]);
    expect(JSON.parse(activated?.data ?? "")).toMatchObject({ generation: 2, forced: true });
    await ledger.catchUp();
    await ledger.release();
    await expectLive(ledger, "balances", 2);
    await ledger.close();
  });
});

describe("a rebuild while deliveries come in", () => {
  test.each<[Engine, number]>([
    ["memory", 4],
    ["sqlite", 2],
  ])(
    "is compared and activated, and loses nothing, on %s",
    async (engine, count) => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const ledger = await openTestLedger({
            engine,
            seed: scenario.seed,
            live: false,
            together: 4,
          });
          const deliveries = deliveriesOf(scenario);
          const half = Math.floor(deliveries.length / 2);
          const projectors = MODEL_NAMES.map((model) => startProjector(ledger, model));
          await ledger.play(deliveries.slice(0, half));
          const playing = ledger.play(deliveries.slice(half));
          const rebuilding = Promise.all(MODEL_NAMES.map((model) => rebuild(ledger, model)));
          const results = await passingTime(ledger, rebuilding);
          await playing;
          expect(results.map(({ outcome }) => outcome)).toEqual(results.map(() => "activated"));
          for (const model of MODEL_NAMES) {
            await untilCaughtUp(ledger, model);
            await expectLive(ledger, model, 2);
          }
          for (const projector of projectors) await projector.stop();
          await ledger.close();
        }),
        { numRuns: runs(count) },
      );
    },
    patience(60),
  );
});

describe.each(ENGINES)("a model that is verified, on %s", (engine) => {
  test("is so beside a rebuild and another verification, which do not notice", async () => {
    const ledger = await openTestLedger({ engine, seed: 7 });
    await ledger.play(deliveriesOf(SCENARIO));
    await ledger.catchUp();
    await ledger.release();
    const { stream, catalogue, projections } = ledger;
    const projection = projections.balances;
    const verify = () => verifyModel({ stream, catalogue, projection, hashing, refold: true });
    const verifying = [verify(), verify()];
    const rebuilt = await rebuild(ledger, "balances");
    expect(rebuilt).toMatchObject({ outcome: "activated", generation: 2 });
    for (const verified of [...(await Promise.all(verifying)), await verify()]) {
      expect(verified?.findings).toEqual([]);
      expect(verified?.refolded).toEqual(verified?.live);
    }
    const numbers = (await catalogue.generations("balances")).map(({ generation }) => generation);
    expect(numbers).toEqual([1, 2]);
    await ledger.close();
  });
});

/** A process that was killed: from some commit on, nothing of it reaches the disk. */
function dyingCatalogue(catalogue: ModelCatalogue, commits: number): ModelCatalogue {
  let left = commits;
  return {
    ...catalogue,
    openForWriting: async (model, generation) => {
      const store = await catalogue.openForWriting(model, generation);
      return {
        ...store,
        commit: async (commit) => {
          left -= 1;
          if (left < 0) throw new Error("killed by the test");
          await store.commit(commit);
        },
      };
    },
  };
}

describe("a projector that is killed", () => {
  test.each<[Engine, number]>([
    ["memory", 6],
    ["sqlite", 2],
  ])(
    "at any commit, or stopped at any moment, goes on where it was, on %s",
    async (engine, count) => {
      await fc.assert(
        fc.asyncProperty(scenarioArbitrary, async (scenario) => {
          const { seed } = scenario;
          const random = createRandom(seed, "kills");
          const ledger = await openTestLedger({ engine, seed, live: false, together: 3 });
          const deliveries = deliveriesOf(scenario);
          for (let at = 0; at < deliveries.length; ) {
            const model = random.pick(MODEL_NAMES);
            const catalogue = dyingCatalogue(ledger.catalogue, random.below(6));
            const projector = startProjector(ledger, model, catalogue);
            const ended = projector.done.catch((error: Error) => error.message);
            const next = at + 1 + random.below(60);
            await ledger.play(deliveries.slice(at, next));
            at = next;
            await projector.stop().catch(() => {});
            expect([undefined, "killed by the test"]).toContain(await ended);
          }
          for (const model of MODEL_NAMES) {
            const projector = startProjector(ledger, model);
            await untilCaughtUp(ledger, model);
            await projector.stop();
            await expectLive(ledger, model, 1);
          }
          await ledger.close();
        }),
        { numRuns: runs(count) },
      );
    },
    patience(60),
  );
});
