import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { describe, expect, test } from "@jest/globals";
import { activateGeneration } from "../generations/activations.ts";
import { PROJECTIONS } from "../models/registry.ts";
import { ModelCorrupted, ModelUnavailable } from "../ports/errors.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { createMemoryRoleLocks } from "../testing/memory-role-locks.ts";
import { sampleEvents } from "../testing/sample-event.ts";
import { runProjector } from "./projector.ts";

/** None of these events concerns trades, so the projector only advances past them. */
const projection = PROJECTIONS.trades;
const LAYOUT = { tables: projection.tables, modelVersion: projection.version };

/** A projector on a stream of three events. */
async function start(damage: (catalogue: ModelCatalogue) => ModelCatalogue = (whole) => whole) {
  const clock = createManualClock();
  const stream = createMemoryEventStream({ ledger: "books", hashing, clock });
  await stream.append(0, sampleEvents(1, 3));
  const catalogue = createMemoryModelCatalogue();
  const retries: Readonly<{ error: unknown; pauseMs: number }>[] = [];
  const states: string[] = [];
  const stop = new AbortController();
  const done = runProjector(
    {
      ...{ stream, catalogue: damage(catalogue), locks: createMemoryRoleLocks() },
      ...{ projection, hashing, clock },
      upgrade: () => Promise.reject(new Error("there is one version of it")),
      observer: {
        onRetry: (retry) => void retries.push(retry),
        onState: (state) => void states.push(state),
      },
    },
    stop.signal,
  );
  const isLive = () => states.at(-1) === "live";
  return {
    ...{ clock, stream, catalogue, retries, isLive },
    stop: async () => {
      stop.abort();
      await done;
    },
  };
}

/** A catalogue whose generation 1 cannot be opened. */
const refusing = (error: Error) => (whole: ModelCatalogue) => ({
  ...whole,
  openForWriting: async (...[model, generation]: Parameters<ModelCatalogue["openForWriting"]>) => {
    if (generation === 1) throw error;
    return whole.openForWriting(model, generation);
  },
});

const positions = async (catalogue: ModelCatalogue) =>
  (await catalogue.generations("trades")).map(({ checkpoint }) => checkpoint.position);

describe("a projector that nothing comes for", () => {
  test("builds its generation again where somebody deleted it", async () => {
    const { clock, catalogue, stop } = await start();
    await clock.advance(100);
    expect(await positions(catalogue)).toEqual([3]);
    await catalogue.drop("trades", 1);
    await clock.advance(3_000);
    expect(await positions(catalogue)).toEqual([3]);
    await stop();
  });

  test("goes on from what was put in its generation's place", async () => {
    const { clock, catalogue, stop } = await start();
    await clock.advance(100);
    const other = await catalogue.openForWriting("trades", 1);
    const checkpoint = { ...(await other.checkpoint()), position: 0, hash: "" };
    await other.commit({ inserts: [], puts: [], deletes: [], checkpoint });
    await clock.advance(3_000);
    expect(await positions(catalogue)).toEqual([3]);
    await stop();
  });
});

describe("a projector that fails again and again", () => {
  const HOUR_MS = 3_600_000;

  test("tries what only a person can put right once a minute in the end", async () => {
    const { clock, retries, stop } = await start(refusing(new ModelCorrupted("torn")));
    await clock.advance(HOUR_MS);
    expect(retries.map(({ pauseMs }) => pauseMs).slice(0, 3)).toEqual([500, 1_000, 2_000]);
    expect(retries.at(-1)).toMatchObject({ pauseMs: 60_000, error: new ModelCorrupted("torn") });
    expect(retries.length).toBeLessThan(70);
    await stop();
  });

  test("tries what may pass by itself every five seconds in the end", async () => {
    const { clock, retries, stop } = await start(refusing(new ModelUnavailable("disk full")));
    await clock.advance(HOUR_MS);
    expect(retries.at(-1)?.pauseMs).toBe(5_000);
    await stop();
  });

  test("goes over to what is activated meanwhile without waiting for its next try", async () => {
    const started = await start(refusing(new ModelCorrupted("torn")));
    const { clock, stream, catalogue, retries, isLive, stop } = started;
    await clock.advance(HOUR_MS);
    const tried = retries.length;
    await catalogue.create("trades", LAYOUT);
    const store = await catalogue.openForWriting("trades", 2);
    const rebuilt = await store.checkpoint();
    const options = {
      stream,
      clock,
      hashing,
      projection,
      build: "test",
      cause: "rebuild",
    } as const;
    await activateGeneration(options, { generation: 2, rebuilt, durationMs: 0 });
    await clock.advance(2_000);
    expect(isLive()).toBe(true);
    expect(retries.length).toBeLessThanOrEqual(tried + 1);
    await stop();
  });

  test("begins with short pauses again after it came alive", async () => {
    let isFull = true;
    const full = (whole: ModelCatalogue): ModelCatalogue => ({
      ...whole,
      openForWriting: async (model, generation) => {
        if (isFull) throw new ModelUnavailable("disk full");
        return whole.openForWriting(model, generation);
      },
    });
    const { clock, catalogue, retries, isLive, stop } = await start(full);
    await clock.advance(60_000);
    isFull = false;
    await clock.advance(5_000);
    expect(isLive()).toBe(true);
    retries.length = 0;
    isFull = true;
    await catalogue.drop("trades", 1);
    await clock.advance(1_500);
    expect(retries[0]?.pauseMs).toBe(500);
    await stop();
  });
});
