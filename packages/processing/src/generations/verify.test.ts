import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { STOPPED } from "../models/columns.ts";
import { ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import { openSession, type Projection } from "../projection/projection.ts";
import { openProjectionRun, runTo } from "../projection/run.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { sampleEvents } from "../testing/sample-event.ts";
import { verifyModel } from "./refold.ts";

/** A projection that changes nothing: only the number of events matters here. */
const projection: Projection = {
  model: "balances",
  version: 3,
  tables: [STOPPED],
  types: new Set(),
  open: (store, hashes) => openSession(store, hashes, () => ({ apply: () => undefined })),
};
const EVENTS = 25_000;
const LATER = 500;

let stream: EventStream;
let catalogue: ModelCatalogue;
/** Scratch stores and snapshots that are open, and the number of events read while a snapshot was. */
let scratches = 0;
let snapshots = 0;
let readInSnapshots = 0;

/** Appends events and projects them into the live generation. */
async function grow(first: number, last: number): Promise<void> {
  for (let at = first; at <= last; at += 1000) {
    await stream.append(at - 1, sampleEvents(at, Math.min(at + 999, last)));
  }
  const store = await catalogue.openForWriting("balances", 1);
  await runTo(stream, await openProjectionRun({ stream, projection, store, hashing }), last);
}

const watchedStream = (): EventStream => ({
  ...stream,
  read: async (query) => {
    const events = await stream.read(query);
    if (snapshots > 0) readInSnapshots += events.length;
    return events;
  },
});

/** @param commit called before each commit of a scratch store */
const watchedCatalogue = (commit: () => Promise<void> | void = () => {}): ModelCatalogue => ({
  ...catalogue,
  openScratch: async (...asked) => {
    const store = await catalogue.openScratch(...asked);
    scratches += 1;
    return {
      ...store,
      commit: async (changes) => {
        await commit();
        await store.commit(changes);
      },
      close: async () => {
        await store.close();
        scratches -= 1;
      },
    };
  },
  openForReading: async (...asked) => {
    const reader = await catalogue.openForReading(...asked);
    return {
      ...reader,
      snapshot: async (read) => {
        snapshots += 1;
        return reader.snapshot(read).finally(() => {
          snapshots -= 1;
        });
      },
    };
  },
});

const verify = (watched = watchedCatalogue(), asked = {}) =>
  verifyModel({
    stream: watchedStream(),
    catalogue: watched,
    projection,
    hashing,
    refold: true,
    ...asked,
  });

beforeEach(async () => {
  [scratches, snapshots, readInSnapshots] = [0, 0, 0];
  stream = createMemoryEventStream({ ledger: "x", hashing, clock: createManualClock(0n) });
  catalogue = createMemoryModelCatalogue();
  await catalogue.create("balances", { tables: projection.tables, modelVersion: 3 });
  await grow(1, EVENTS);
});

describe("a model that is projected again", () => {
  test("is built in a scratch store, which is removed afterwards", async () => {
    let commits = 0;
    const verified = await verify(watchedCatalogue(() => void commits++));
    expect(verified).toMatchObject({ generation: 1, findings: [] });
    expect(verified?.refolded).toEqual(verified?.live);
    expect(commits).toBeGreaterThan(1);
    expect(scratches).toBe(0);
    expect(await catalogue.generations("balances")).toHaveLength(1);
  });

  test("keeps no snapshot of the live generation open but the last one", async () => {
    let grown = false;
    const commit = async () => {
      if (!grown) await grow(EVENTS + 1, EVENTS + LATER);
      grown = true;
    };
    const verified = await verify(watchedCatalogue(commit));
    expect(verified?.refolded?.position).toBe(EVENTS + LATER);
    expect(verified?.findings).toEqual([]);
    // Only the checkpoints' events and the last events are read.
    expect(readInSnapshots).toBeLessThanOrEqual(LATER + 2);
  });

  test("fails with a clear error if there is no space, and leaves nothing behind", async () => {
    const full = watchedCatalogue(() => {
      throw new ModelUnavailable("the disk is full: free some space");
    });
    await expect(verify(full)).rejects.toThrow(ModelUnavailable);
    await expect(verify(full)).rejects.toThrow(
      "balances could not be folded again to compare with it: the disk is full: free some space; nothing was changed",
    );
    expect([scratches, snapshots]).toEqual([0, 0]);
  });

  test("is discarded when it is stopped", async () => {
    const stopping = new AbortController();
    const watched = watchedCatalogue(() => stopping.abort(new Error("stopped")));
    await expect(verify(watched, { signal: stopping.signal })).rejects.toThrow("stopped");
    expect([scratches, snapshots]).toEqual([0, 0]);
  });

  test("is not compared with one of another version", async () => {
    const verified = await verify(watchedCatalogue(), {
      projection: { ...projection, version: 4 },
    });
    expect(verified).toMatchObject({ refolded: null, findings: [] });
  });

  test("reports its progress", async () => {
    const told: number[] = [];
    await verify(watchedCatalogue(), { onProgress: (position: number) => told.push(position) });
    expect(told).toEqual([10_000, 20_000, EVENTS]);
  });
});
