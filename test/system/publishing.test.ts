import type { TreeHead } from "@counterfoil/contracts/audit";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { StateTopic } from "@counterfoil/contracts/kafka";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import type { Lifecycle } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { liveGeneration } from "@counterfoil/processing/generations/activations";
import {
  pruneGenerations,
  rebuildModel,
  rollbackModel,
  rollbackTarget,
} from "@counterfoil/processing/generations/rebuild";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { lifecycleProjection } from "@counterfoil/processing/models/lifecycle/projection";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import { ModelCorrupted, StreamForked } from "@counterfoil/processing/ports/errors";
import type { ModelCatalogue, Rows } from "@counterfoil/processing/ports/model-store";
import { TopicMisconfigured, TopicsUnavailable } from "@counterfoil/processing/ports/topics";
import type { Projection } from "@counterfoil/processing/projection/projection";
import { openProjectionRun, runTo } from "@counterfoil/processing/projection/run";
import { openSession, type PublishSession } from "@counterfoil/processing/publish/publisher";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import {
  createMemoryTopicStorage,
  createMemoryTopics,
  type MemoryTopicFault,
  type MemoryTopicStorage,
} from "@counterfoil/processing/testing/memory-topics";
import { createRandom, type Random } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ORDINARY, planOf, type Scenario, smallScenarioArbitrary } from "./arbitraries.ts";
import { expectAllFacts, expectRising, lastStates, shownStates } from "./published.ts";
import {
  ENGINES,
  ensureGeneration,
  hashing,
  LEDGER,
  type LedgerOptions,
  openTestLedger,
  type Projections,
  patience,
  runs,
  type TestLedger,
} from "./support.ts";

const SCENARIO: Scenario = {
  ...ORDINARY,
  seed: 8,
  flows: 6,
  webhookRepeatRate: 0.2,
  webhookLossRate: 0.15,
};

type World = Readonly<{ ledger: TestLedger; storage: MemoryTopicStorage; random: Random }>;

const FAULTS: readonly MemoryTopicFault[] = [
  "lost before it was committed",
  "lost after it was committed",
];

/** A publisher that is killed now and then, and whose broker now and then does not answer. */
function dyingPublisher({ ledger, storage, random }: World, troubles: number) {
  const fault = () => (random.chance(troubles) ? random.pick(FAULTS) : null);
  let session: PublishSession | null = null;
  const limits = { count: random.pick([1, 7, 40, 2000]), bytes: random.pick([1, 20_000, 1e7]) };

  async function leave(): Promise<void> {
    await session?.close();
    session = null;
  }

  /** @returns whether something was published, or may have been. */
  async function step(): Promise<boolean> {
    if (random.chance(troubles)) await leave();
    try {
      session ??= await openSession({
        ...ledger,
        ledger: LEDGER,
        hashing,
        limits,
        publisher: await createMemoryTopics({ storage, fault }).open(),
      });
      return (await session.step()) !== null;
    } catch (error) {
      if (!(error instanceof TopicsUnavailable)) throw error;
      await leave();
      return true;
    }
  }

  return { step, leave };
}

/** Until there is nothing left to publish. */
async function publishAll(world: World, troubles = 0): Promise<void> {
  const publisher = dyingPublisher(world, troubles);
  while (await publisher.step());
  await publisher.leave();
}

async function expectPublished({ ledger, storage }: World): Promise<void> {
  const { stream, catalogue } = ledger;
  expectAllFacts(storage.records, (await stream.head()).position);
  expectRising(storage.records);
  const read = async <T>(model: ModelName, work: (rows: Rows) => Promise<T>): Promise<T> => {
    const { generation } = await liveGeneration(stream, model);
    const reader = await catalogue.openForReading(model, generation);
    try {
      return await reader.snapshot(work);
    } finally {
      await reader.close();
    }
  };
  expect(lastStates(storage.records)).toEqual(await shownStates(read));
}

async function openWorld(seed: number, options: LedgerOptions = {}): Promise<World> {
  const ledger = await openTestLedger({ seed, ...options });
  return { ledger, storage: createMemoryTopicStorage(), random: createRandom(seed, "publishing") };
}

const buildOptions = (
  { stream, catalogue, clock }: TestLedger,
  model: ModelName,
  projections: Projections = PROJECTIONS,
) => ({ stream, catalogue, projection: projections[model], hashing, clock, build: "test" });

/** The first generation of the balances is listed, and cannot be read. */
const damaged = (catalogue: ModelCatalogue): ModelCatalogue => ({
  ...catalogue,
  openForReading: async (model, generation) => {
    const reader = await catalogue.openForReading(model, generation);
    if (model !== "balances" || generation > 1) return reader;
    return { ...reader, snapshot: () => Promise.reject(new ModelCorrupted("page 7 is torn")) };
  },
});

/** As a program that has the projections would do it: folds what is live, up to the head. */
async function foldAll(
  { stream, catalogue }: TestLedger,
  projections: Projections = PROJECTIONS,
): Promise<void> {
  for (const model of MODEL_NAMES) {
    const projection = projections[model];
    const { generation } = await liveGeneration(stream, model);
    await ensureGeneration(catalogue, projection, generation);
    const store = await catalogue.openForWriting(model, generation);
    const folding = await openProjectionRun({ stream, projection, store, hashing });
    await runTo(stream, folding, (await stream.head()).position);
    await store.close();
  }
}

describe.each(ENGINES)("a publisher that dies and a broker that fails, on %s", (engine) => {
  test(
    "facts come in order, each once; states end as the models have them",
    async () => {
      await fc.assert(
        fc.asyncProperty(smallScenarioArbitrary, fc.boolean(), async (scenario, generations) => {
          const world = await openWorld(scenario.seed, { engine });
          const { ledger, random } = world;
          const { plan } = planOf(scenario);
          const publisher = dyingPublisher(world, 0.2);
          const slices = 6;
          for (let at = 0; at < slices; at += 1) {
            const [from, to] = [at, at + 1].map((n) => Math.floor((n * plan.length) / slices));
            await ledger.play(plan.slice(from, to));
            for (let step = random.below(6); step > 0; step -= 1) await publisher.step();
            if (!generations) continue;
            await ledger.catchUp();
            await ledger.release();
            const model = random.pick(MODEL_NAMES);
            const { generation } = await liveGeneration(ledger.stream, model);
            if (generation > 1 && random.chance(0.5)) {
              const options = buildOptions(ledger, model);
              await rollbackModel({ ...options, generation: await rollbackTarget(options) });
            } else await rebuildModel(buildOptions(ledger, model));
          }
          await ledger.catchUp();
          while (await publisher.step());
          await publisher.leave();
          await expectPublished(world);
          await ledger.close();
        }),
        { numRuns: runs(engine === "memory" ? 20 : 3) },
      );
    },
    patience(120),
  );
});

/** The lifecycles as another version of the program might tell them: records by another name. */
const renaming = (lifecycle: Lifecycle, isMeant: (id: string) => boolean): Lifecycle => ({
  ...lifecycle,
  version: lifecycle.version + 1,
  read: (fact) => {
    const reading = lifecycle.read(fact);
    const renamed = reading?.claims.map((claim) =>
      claim.field.startsWith("id:") && isMeant(claim.value)
        ? { ...claim, value: `was:${claim.value}` }
        : claim,
    );
    return reading && { ...reading, claims: renamed ?? [] };
  },
});

const RENAMED: Projections = {
  ...PROJECTIONS,
  withdrawals: lifecycleProjection(renaming(WITHDRAWALS, () => true)),
  deposits: lifecycleProjection(renaming(DEPOSITS, (id) => id.charCodeAt(id.length - 1) % 2 === 0)),
};

describe("another generation", () => {
  test(
    "is told by what differs, and by tombstones for what is gone",
    async () => {
      await fc.assert(
        fc.asyncProperty(smallScenarioArbitrary, fc.nat(3), async (scenario, published) => {
          const world = await openWorld(scenario.seed, { live: false });
          const { ledger, storage } = world;
          const { plan } = planOf(scenario);
          const half = Math.floor(plan.length / 2);
          await ledger.play(plan.slice(0, half));
          await foldAll(ledger, RENAMED);
          const publisher = dyingPublisher(world, 0.1);
          // Not at all, by one step, or up to the head before the other generation is live.
          for (let step = 0; step < published; step += 1) await publisher.step();
          if (published === 3) while (await publisher.step());
          const told = lastStates(storage.records);
          for (const model of ["withdrawals", "deposits"] as const) {
            await rebuildModel(buildOptions(ledger, model));
          }
          await foldAll(ledger);
          await ledger.play(plan.slice(half));
          await foldAll(ledger);
          while (await publisher.step());
          await publisher.leave();
          await expectPublished(world);
          const tombstones = storage.records.filter(({ value }) => value === null);
          const gone = Object.keys(told.withdrawals);
          expect(tombstones.map(({ key }) => key)).toEqual(expect.arrayContaining(gone));
          await ledger.close();
        }),
        { numRuns: runs(12) },
      );
    },
    patience(120),
  );

  test.each(["dropped", "damaged"])(
    "where the one before is %s, all records go out",
    async (is) => {
      const world = await openWorld(3, { live: false });
      const { ledger, storage } = world;
      const { plan } = planOf(SCENARIO);
      await ledger.play(plan);
      await foldAll(ledger);
      await publishAll(world);
      const before = storage.records.length;
      await rebuildModel(buildOptions(ledger, "balances"));
      await foldAll(ledger);
      if (is === "dropped") await ledger.catalogue.drop("balances", 1);
      const catalogue = is === "dropped" ? ledger.catalogue : damaged(ledger.catalogue);
      await publishAll({ ...world, ledger: { ...ledger, catalogue } });
      const { position } = await ledger.stream.head();
      const again = storage.records.slice(before).filter(({ topic }) => topic === "balances");
      expect(again.length).toBe(Object.keys(lastStates(storage.records).balances).length);
      expect(new Set(again.map(({ headers }) => JSON.stringify(placeOf(headers))))).toEqual(
        new Set([JSON.stringify([String(position), "2"])]),
      );
      await expectPublished(world);
      await ledger.close();
    },
  );

  test("more than two activations behind, where pruning has dropped what readers were told", async () => {
    const world = await openWorld(3, { live: false });
    const { ledger, storage } = world;
    const { stream, catalogue } = ledger;
    await ledger.play(planOf(SCENARIO).plan);
    await foldAll(ledger, RENAMED);
    await publishAll(world);
    const told = lastStates(storage.records);
    for (const model of ["withdrawals", "deposits"] as const) {
      for (let built = 0; built < 3; built += 1) await rebuildModel(buildOptions(ledger, model));
      expect(await pruneGenerations({ stream, catalogue, model })).toEqual([1]);
    }
    await foldAll(ledger);
    const before = storage.records.length;
    await publishAll(world);
    await expectPublished(world);
    const tombstones = storage.records.slice(before).filter(({ value }) => value === null);
    const gone = Object.keys(told.withdrawals);
    expect(gone.length).toBeGreaterThan(0);
    expect(tombstones.map(({ key }) => key)).toEqual(expect.arrayContaining(gone));
    expect(new Set(tombstones.map(({ topic, key }) => `${topic} ${key}`)).size).toBe(
      tombstones.length,
    );
    await ledger.close();
  });

  test.each(["left behind", "dropped"])(
    "one that is %s before it was folded to its activation is passed by",
    async (fate) => {
      const world = await openWorld(3, { live: false });
      const { ledger, storage } = world;
      const { plan } = planOf(SCENARIO);
      const half = Math.floor(plan.length / 2);
      await ledger.play(plan.slice(0, half));
      await foldAll(ledger, RENAMED);
      await publishAll(world);
      const told = Object.keys(lastStates(storage.records).withdrawals);
      await rebuildModel(buildOptions(ledger, "withdrawals"));
      await ledger.play(plan.slice(half));
      await rebuildModel(buildOptions(ledger, "withdrawals"));
      await rebuildModel(buildOptions(ledger, "deposits"));
      if (fate === "dropped") await ledger.catalogue.drop("withdrawals", 2);
      await publishAll(world);
      expect((await liveGeneration(ledger.stream, "withdrawals")).generation).toBe(3);
      await foldAll(ledger);
      await publishAll(world);
      await expectPublished(world);
      expect(told.filter((id) => id in lastStates(storage.records).withdrawals)).toEqual([]);
      await ledger.close();
    },
  );

  test("a record that differs goes out corrected, those that do not stay as they are", async () => {
    const world = await openWorld(3, { live: false });
    const { ledger, storage } = world;
    await ledger.play(planOf(SCENARIO).plan);
    await foldAll(ledger);
    const store = await ledger.catalogue.openForWriting("balances", 1);
    const [row] = await store.select(ACCOUNTS, { orderBy: ["id"], limit: 1 });
    const rows = [{ ...row, balance: "1000000" }];
    const checkpoint = { ...(await store.checkpoint()), digest: "f".repeat(64) };
    await store.commit({ inserts: [], puts: [{ table: ACCOUNTS, rows }], deletes: [], checkpoint });
    await store.close();
    await publishAll(world);
    const before = storage.records.length;
    await rebuildModel({ ...buildOptions(ledger, "balances"), force: true });
    await foldAll(ledger);
    await publishAll(world);
    const corrected = storage.records.slice(before).filter(({ topic }) => topic === "balances");
    expect(corrected.map(({ key }) => key)).toEqual([row?.id]);
    await expectPublished(world);
    await ledger.close();
  });
});

const placeOf = (headers: Readonly<Record<string, string>>) => [
  headers.counterfoil_position,
  headers.counterfoil_generation,
];

describe("a fact that could not be folded", () => {
  test(
    "is published as it becomes of the records once it can be",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          smallScenarioArbitrary,
          fc.nat(),
          fc.nat(2),
          async (scenario, drawn, published) => {
            const world = await openWorld(scenario.seed, { live: false });
            const { ledger } = world;
            const { plan } = planOf(scenario);
            const half = Math.floor(plan.length / 2);
            await ledger.play(plan.slice(0, half));
            const facts = (await ledger.events()).filter(({ subject }) => subject !== "ledger");
            const poison = facts[drawn % Math.max(1, facts.length)];
            const bad = Object.fromEntries(
              MODEL_NAMES.map((model) => [model, poisoned(PROJECTIONS[model], poison)]),
            ) as unknown as Projections;
            const publisher = dyingPublisher(world, 0.1);
            await foldAll(ledger, bad);
            if (published > 0) while (await publisher.step());
            await ledger.play(plan.slice(half));
            await foldAll(ledger, bad);
            if (published > 1) while (await publisher.step());
            await foldAll(ledger);
            while (await publisher.step());
            await publisher.leave();
            await expectPublished(world);
            await ledger.close();
          },
        ),
        { numRuns: runs(15) },
      );
    },
    patience(120),
  );
});

function poisoned(projection: Projection, poison: RecordedEvent | undefined): Projection {
  return {
    ...projection,
    open: async (store, hashes) => {
      const session = await projection.open(store, hashes);
      const apply = async (event: RecordedEvent) => {
        await session.apply(event);
        const isPoison = projection.types.has(event.type) && event.subject === poison?.subject;
        if (isPoison && event.position >= poison.position) throw new TypeError("planted");
      };
      return Object.create(session, { apply: { value: apply } });
    },
  };
}

describe("signed heads", () => {
  /** No real signatures: what is signed is the processing's, with which key is the adapter's. */
  const signer = {
    publicKey: async () => "ab".repeat(32),
    sign: async (text: string) => hashing.sha256(text).repeat(2),
    successor: () => Promise.reject(new Error("there is no other key")),
    adopt: async () => false,
  };

  test("are published each size once, whatever is lost on the way", async () => {
    const { ledger, storage } = await openWorld(6, { live: false });
    const locks = createMemoryRoleLocks();
    const making = { ...ledger, ledger: LEDGER, hashing, locks, signer };
    const heads = createHeads(making);
    const made: TreeHead[] = [];
    const sign = async () => made.push(await heads.make());
    let fault: MemoryTopicFault | null = null;
    const publish = async () => {
      const publisher = await createMemoryTopics({ storage, fault: () => fault }).open();
      const session = await openSession({ ...ledger, ledger: LEDGER, hashing, publisher });
      try {
        return await session.publishHeads();
      } finally {
        await session.close();
      }
    };
    expect(await publish()).toBeNull();
    await sign();
    for (const each of FAULTS) {
      fault = each;
      await expect(publish()).rejects.toThrow(TopicsUnavailable);
    }
    fault = null;
    expect(await publish()).toBeNull();
    await ledger.play(planOf(SCENARIO).plan);
    await sign();
    await sign();
    await ledger.feedClosed("elsewhere");
    await sign();
    expect(await publish()).toMatchObject({ messages: 2, facts: 0 });
    expect(await publish()).toBeNull();
    const published = storage.records.map(({ topic, key, value }) => [topic, key, value]);
    const expected = [made[0], made[1], made[3]] as readonly TreeHead[];
    expect(published).toEqual(
      expected.map((head) => ["heads", head.tree_size, JSON.stringify(head)]),
    );
    await ledger.close();
  });
});

describe("the stream that was published", () => {
  test("is told from another one", async () => {
    const world = await openWorld(5, { live: false });
    await world.ledger.play(planOf(SCENARIO).plan);
    await foldAll(world.ledger);
    await publishAll(world);
    const other = await openTestLedger({ seed: 5, live: false });
    const publisher = await createMemoryTopics(world).open();
    const options = { ...other, ledger: LEDGER, hashing, publisher };
    await expect(openSession(options)).rejects.toThrow(StreamForked);
    await other.play(planOf({ ...SCENARIO, seed: 77 }).plan);
    await expect(openSession(options)).rejects.toThrow("publish this stream under another topic");
    await other.close();
    await world.ledger.close();
  });
});

/** As a broker has it after the topic was deleted and created anew. */
function deleteTopic({ records }: MemoryTopicStorage, deleted: string): void {
  records.splice(0, records.length, ...records.filter(({ topic }) => topic !== deleted));
}

describe("a topic that was deleted, and that opening created anew", () => {
  test.each([0, 0.3])(
    "has every state again, also where the publisher dies meanwhile (%d)",
    async (troubles) => {
      const { plan } = planOf(SCENARIO);
      const half = Math.floor(plan.length / 2);
      const tested: string[] = [];
      for (const topic of Object.keys(lastStates([])) as StateTopic[]) {
        const world = await openWorld(3, { live: false });
        const { ledger, storage } = world;
        await ledger.play(plan.slice(0, half));
        await foldAll(ledger);
        await publishAll(world);
        if (Object.keys(lastStates(storage.records)[topic]).length > 0) tested.push(topic);
        deleteTopic(storage, topic);
        await ledger.play(plan.slice(half));
        await foldAll(ledger);
        await publishAll(world, troubles);
        await expectPublished(world);
        await ledger.close();
      }
      expect(tested).toEqual(["balances", "withdrawals", "deposits", "trades"]);
    },
    patience(60),
  );

  test("has the states of another generation that became live meanwhile", async () => {
    const world = await openWorld(3, { live: false });
    const { ledger, storage } = world;
    await ledger.play(planOf(SCENARIO).plan);
    await foldAll(ledger);
    await publishAll(world);
    deleteTopic(storage, "withdrawals");
    await rebuildModel(buildOptions(ledger, "withdrawals"));
    await foldAll(ledger);
    await publishAll(world);
    await expectPublished(world);
    await ledger.close();
  });

  test("is not published again at every start, and neither is one that was never used", async () => {
    const world = await openWorld(3, { live: false });
    const { ledger, storage } = world;
    const { plan } = planOf({ ...SCENARIO, flows: 1 });
    await ledger.play(plan.slice(0, 2));
    await foldAll(ledger);
    await publishAll(world);
    deleteTopic(storage, "balances");
    await publishAll(world);
    const { length } = storage.records;
    await publishAll(world);
    expect(storage.records).toHaveLength(length);
    await ledger.close();
  });

  test("is refused if it was that of the facts, which have numbers and an order", async () => {
    const world = await openWorld(3, { live: false });
    const { ledger, storage } = world;
    await ledger.play(planOf(SCENARIO).plan);
    await foldAll(ledger);
    await publishAll(world);
    deleteTopic(storage, "events");
    await expect(publishAll(world)).rejects.toThrow(TopicMisconfigured);
    await expect(publishAll(world)).rejects.toThrow(/was deleted. Delete all topics/);
    storage.records.length = 0;
    storage.checkpoint = null;
    await publishAll(world);
    await expectPublished(world);
    await ledger.close();
  });
});
