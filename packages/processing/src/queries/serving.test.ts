import { createHash } from "node:crypto";
import type { ModelName } from "@counterfoil/contracts/fact";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { STOPPED } from "../models/columns.ts";
import { GenerationMissing, ModelUnavailable, StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import { createManualClock, type ManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { ModelNotServed, type ServedModels, serveModels } from "./serving.ts";

const hashing = {
  sha1: (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex"),
  sha256: (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex"),
};

const MODEL = "deposits";

let clock: ManualClock;
let stream: EventStream;
let catalogue: ModelCatalogue;
let models: ServedModels;

beforeEach(() => {
  clock = createManualClock();
  stream = createMemoryEventStream({ ledger: "default", hashing, clock });
  catalogue = createMemoryModelCatalogue();
  models = serveModels({ catalogue, stream, clock });
});

/** Lays out a generation, or moves its checkpoint. */
async function fold(generation: number, position: number, modelVersion = 1): Promise<void> {
  await catalogue.create(MODEL, { tables: [STOPPED], modelVersion, generation });
  const store = await catalogue.openForWriting(MODEL, generation);
  const checkpoint = { ...(await store.checkpoint()), position, hash: "f".repeat(64) };
  await store.commit({ inserts: [], puts: [], deletes: [], checkpoint });
}

/** @returns the activation's position. */
async function activate(generation: number, model: ModelName = MODEL): Promise<number> {
  const { position } = await stream.head();
  const data = JSON.stringify({ model, generation, model_version: generation });
  await stream.append(position, [{ ...sampleEvent(position + 1), type: "ModelActivated", data }]);
  return position + 1;
}

const served = () => models.snapshot(MODEL, async (_rows, _at, { generation }) => generation);

describe("served generation", () => {
  test("is the first without an activation", async () => {
    await fold(1, 0);
    expect(await served()).toBe(1);
  });

  test("is none before any was built", async () => {
    await expect(served()).rejects.toThrow(ModelNotServed);
    await expect(served()).rejects.toThrow("generation 1 of deposits is not built here yet");
    await fold(1, 0);
    expect(await served()).toBe(1);
  });

  test("is the activated one once it has reached the activation", async () => {
    await fold(1, 5);
    await fold(2, 0);
    expect(await served()).toBe(1);
    const position = await activate(2);
    expect(await served()).toBe(1);
    await fold(2, position);
    expect(await served()).toBe(2);
  });

  test("is the previous one while the activated one does not exist here", async () => {
    await fold(1, 5);
    await activate(7);
    expect(await served()).toBe(1);
  });

  test("goes back at a rollback, once that generation has caught up", async () => {
    await fold(1, 1);
    const first = await activate(2);
    await fold(2, first);
    expect(await served()).toBe(2);
    const second = await activate(1);
    expect(await served()).toBe(2);
    await fold(1, second);
    expect(await served()).toBe(1);
  });

  test("is an older one if the newer was dropped", async () => {
    await fold(1, 9);
    await fold(2, await activate(2));
    await catalogue.drop(MODEL, 2);
    expect(await served()).toBe(1);
    await catalogue.drop(MODEL, 1);
    await expect(serveModels({ catalogue, stream, clock }).snapshot(MODEL, served)).rejects.toThrow(
      ModelNotServed,
    );
  });

  test("is each model's own", async () => {
    await fold(1, 5);
    await fold(2, 9);
    await activate(2, "trades");
    expect(await served()).toBe(1);
  });
});

describe("an error", () => {
  test("of the stream does not stop readers that know the live generation", async () => {
    await fold(1, 1);
    let isDown = false;
    const shaky: EventStream = {
      ...stream,
      read: async (query) => {
        if (isDown) throw new StreamUnavailable("connection lost");
        return stream.read(query);
      },
    };
    isDown = true;
    const models = serveModels({ catalogue, stream: shaky, clock });
    const read = () => models.snapshot(MODEL, async (_rows, _at, { generation }) => generation);
    await expect(read()).rejects.toThrow(StreamUnavailable);
    isDown = false;
    expect(await read()).toBe(1);
    isDown = true;
    expect(await read()).toBe(1);
  });

  test("of a reader makes the next one reopen it", async () => {
    await fold(1, 1);
    let opened = 0;
    const closed: number[] = [];
    const shaky: ModelCatalogue = {
      ...catalogue,
      openForReading: async (model, generation) => {
        opened += 1;
        const turn = opened;
        const reader = await catalogue.openForReading(model, generation);
        return {
          ...reader,
          snapshot: async (read) => {
            if (turn === 1) throw new ModelUnavailable("file is locked");
            return reader.snapshot(read);
          },
          close: async () => void closed.push(turn),
        };
      },
    };
    const models = serveModels({ catalogue: shaky, stream, clock });
    const read = () => models.snapshot(MODEL, async (_rows, _at, { generation }) => generation);
    await expect(read()).rejects.toThrow(ModelUnavailable);
    expect(await read()).toBe(1);
    expect(await read()).toBe(1);
    await models.close();
    await clock.nextTurn();
    expect([opened, closed]).toEqual([2, [1, 2]]);
  });

  test("of the caller is passed on to the caller", async () => {
    await fold(1, 1);
    const failing = models.snapshot(MODEL, async () => {
      throw new RangeError("mine");
    });
    await expect(failing).rejects.toThrow(RangeError);
  });
});

describe("a reader of a generation that is live no longer", () => {
  test("is closed when its last snapshot is done, and not before", async () => {
    const closed: number[] = [];
    const watched: ModelCatalogue = {
      ...catalogue,
      openForReading: async (model, generation) => ({
        ...(await catalogue.openForReading(model, generation)),
        close: async () => void closed.push(generation),
      }),
    };
    models = serveModels({ catalogue: watched, stream, clock });
    await fold(1, 9);
    let finish = () => {};
    const slow = models.snapshot(MODEL, () => new Promise<void>((done) => (finish = done)));
    await clock.nextTurn();
    await fold(2, await activate(2));
    expect(await served()).toBe(2);
    await clock.nextTurn();
    expect(closed).toEqual([]);
    finish();
    await slow;
    await clock.nextTurn();
    expect(closed).toEqual([1]);
  });
});

describe("waiting for a position", () => {
  const waiting = (position: number, signal: AbortSignal) =>
    models.waitFor(MODEL, position, signal);
  const never = new AbortController().signal;

  test("ends at once where it was reached", async () => {
    await fold(1, 5);
    expect(await waiting(5, never)).toBe(true);
  });

  test("ends when it is reached", async () => {
    await fold(1, 5);
    const reached = waiting(6, never);
    await clock.advance(10_000);
    await fold(1, 6);
    await clock.advance(100);
    expect(await reached).toBe(true);
  });

  test("reads the model once per round, however many wait", async () => {
    await fold(1, 5);
    let asked = 0;
    const counted: ModelCatalogue = {
      ...catalogue,
      openForReading: async (model, generation) => {
        const reader = await catalogue.openForReading(model, generation);
        const snapshot: typeof reader.snapshot = (read) => {
          asked += 1;
          return reader.snapshot(read);
        };
        return { ...reader, snapshot };
      },
    };
    models = serveModels({ catalogue: counted, stream, clock });
    const reached = Array.from({ length: 100 }, () => waiting(6, never));
    await clock.nextTurn();
    const before = asked;
    await clock.advance(50);
    expect(asked - before).toBeLessThanOrEqual(10);
    await fold(1, 6);
    await clock.advance(10);
    expect(await Promise.all(reached)).toEqual(reached.map(() => true));
  });

  test("fails as reading fails", async () => {
    await expect(waiting(1, never)).rejects.toThrow(ModelNotServed);
  });

  test("ends without it when the signal aborts", async () => {
    await fold(1, 5);
    const patience = new AbortController();
    const reached = waiting(6, patience.signal);
    await clock.advance(10_000);
    patience.abort();
    expect(await reached).toBe(false);
  });
});

describe("the information on a model", () => {
  test("is null if nothing is served", async () => {
    expect(await models.info(MODEL)).toBeNull();
  });

  test("is its generation, version, place and stopped subjects", async () => {
    await fold(1, 5, 3);
    const store = await catalogue.openForWriting(MODEL, 1);
    const rows = [{ subject: "a", position: 3, type: "X", error: "broken", waiting: 1 }];
    const checkpoint = await store.checkpoint();
    await store.commit({ inserts: [], puts: [{ table: STOPPED, rows }], deletes: [], checkpoint });
    expect(await models.info(MODEL)).toEqual({
      generation: 1,
      modelVersion: 3,
      checkpoint,
      stoppedKeys: 1,
    });
  });

  test("is an error if the engine fails otherwise", async () => {
    const broken: ModelCatalogue = {
      ...catalogue,
      openForReading: async () => {
        throw new GenerationMissing("gone");
      },
    };
    expect(await serveModels({ catalogue: broken, stream, clock }).info(MODEL)).toBeNull();
  });
});
