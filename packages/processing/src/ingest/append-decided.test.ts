import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream, KnownEvents } from "../ports/event-stream.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "../testing/memory-event-stream.ts";
import { sampleEvent, sampleEvents, sampleId } from "../testing/sample-event.ts";
import { appendContended, appendDecided, CONTENTION_RETRY } from "./append-decided.ts";

const START = 1_700_000_000_000_000_000n;

let storage = createMemoryStreamStorage();
let stream: EventStream;
let pauses: number[] = [];
let others = 500_000;

/** Records sleeps instead of waiting. */
const clock = {
  ...createManualClock(START),
  sleep: async (ms: number) => void pauses.push(ms),
};

beforeEach(() => {
  storage = createMemoryStreamStorage();
  stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  pauses = [];
});

/** Another writer's append. */
async function overtake(event: NewEvent = sampleEvent(++others)): Promise<void> {
  await stream.append((await stream.head()).position, [event]);
}

type Moments = Readonly<{
  /** During the decision: after the position that it read. */
  deciding?: () => Promise<void>;
  /** Before its append reaches the stream. */
  appending?: (events: readonly NewEvent[]) => Promise<void>;
}>;

/** A stream on which other writers append at these moments. */
const overtaken = ({ deciding, appending }: Moments): EventStream => ({
  ...stream,
  findByIds: async (ids) => {
    const found = await stream.findByIds(ids);
    await deciding?.();
    return found;
  },
  append: async (position, events, bodies) => {
    await appending?.(events);
    return stream.append(position, events, bodies);
  },
});

const idsOf = (events: readonly NewEvent[]) => events.map(({ id }) => id);
const stored = (events: readonly NewEvent[]) => {
  const wanted = new Set(idsOf(events));
  return storage.events.map(({ id }) => id).filter((id) => wanted.has(id));
};

/** Appends the events that are not known yet. @returns also the number of decisions */
async function append(moments: Moments, events: readonly NewEvent[]) {
  let decided = 0;
  const decide = (known: KnownEvents["known"]) => {
    decided += 1;
    return events.filter(({ id }) => !known.has(id));
  };
  const contender = { stream: overtaken(moments), clock, random: () => 1 };
  const appended = await appendDecided(contender, idsOf(events), decide);
  return { appended, decided };
}

describe("a decision that takes longer than another writer's next append", () => {
  test("is made once, and appended after the events in between", async () => {
    const events = sampleEvents(1, 3);
    const { appended, decided } = await append({ deciding: overtake }, events);
    expect(appended).toEqual(events);
    expect(decided).toBe(1);
    expect(storage.events.map(({ id }) => id)).toEqual([sampleId(others), ...idsOf(events)]);
  });

  test("is appended after any number of events in between", async () => {
    const deciding = async () => {
      for (let count = 0; count < 2500; count += 1) await overtake();
    };
    const { decided } = await append({ deciding }, sampleEvents(1, 3));
    expect(decided).toBe(1);
    expect(storage.events).toHaveLength(2503);
  });

  test("is made again if another writer recorded one of its facts", async () => {
    const moments = { deciding: once(() => overtake(sampleEvent(2))) };
    const { appended, decided } = await append(moments, sampleEvents(1, 3));
    expect(decided).toBe(2);
    expect(idsOf(appended)).toEqual([sampleId(1), sampleId(3)]);
  });

  test.each([
    ["says something of one", 1],
    ["is of a newer program, and may say anything", 99],
  ])("is made again where an event %s", async (_, version) => {
    await overtake(sampleEvent(2));
    const data = JSON.stringify({ event_id: sampleId(2), adds: {} });
    const amendment = { type: "FactSeen", about: sampleId(2), data, schema_version: version };
    const moments = { deciding: once(() => overtake(sampleEvent(9, amendment))) };
    const { appended, decided } = await append(moments, sampleEvents(1, 3));
    expect(decided).toBe(2);
    expect(idsOf(appended)).toEqual([sampleId(1), sampleId(3)]);
  });

  test("ends if nothing is left to append", async () => {
    const moments = { deciding: once(() => overtake(sampleEvent(1))) };
    expect(await append(moments, sampleEvents(1, 1))).toEqual({ appended: [], decided: 2 });
  });
});

describe("an append that conflicts with other writers", () => {
  test("succeeds with fewer events at a time, and is complete and in order at the end", async () => {
    const events = sampleEvents(1, 2500);
    const sizes: number[] = [];
    const appending = async ({ length }: readonly NewEvent[]) => {
      sizes.push(length);
      if (length > 100) await overtake();
    };
    const { appended, decided } = await append({ appending }, events);
    expect(sizes.slice(0, 5)).toEqual([1000, 500, 250, 125, 63]);
    expect(appended).toEqual(events);
    expect(stored(events)).toEqual(idsOf(events));
    expect(decided).toBe(1);
  });

  test("continues from where it was interrupted", async () => {
    const events = sampleEvents(1, 1500);
    const moments = { appending: atAppend(2, () => overtake(sampleEvent(1200))) };
    const { appended, decided } = await append(moments, events);
    expect(decided).toBe(2);
    expect(appended).toHaveLength(1499);
    expect(stored(events)).toHaveLength(1500);
  });

  test("backs off, and gives up with an error that says what to do", async () => {
    const failing = append({ appending: () => overtake() }, sampleEvents(1, 1));
    await expect(failing).rejects.toThrow(StreamUnavailable);
    await expect(failing).rejects.toThrow(/1000 times in a row.*running it again/);
    expect(storage.events).toHaveLength(CONTENTION_RETRY.attemptsMax);
    expect(pauses).toHaveLength(CONTENTION_RETRY.attemptsMax - 1);
    expect(pauses.slice(0, 9)).toEqual([1, 2, 4, 8, 16, 32, 64, 100, 100]);
  });

  test("restarts the count of attempts with each part", async () => {
    let attempts = 0;
    const appending = async () => {
      attempts += 1;
      if (attempts % CONTENTION_RETRY.attemptsMax > 0) await overtake();
    };
    const { appended } = await append({ appending }, sampleEvents(1, 2));
    expect(appended).toHaveLength(2);
  });

  test("ends when it is aborted", async () => {
    const stopping = new AbortController();
    const lose = async () => {
      if (pauses.length === 3) stopping.abort();
      return "conflict" as const;
    };
    const asked = { clock, signal: stopping.signal };
    await expect(appendContended(asked, lose)).rejects.toThrow(StreamUnavailable);
    expect(pauses).toHaveLength(3);
  });

  test("fails as the stream fails", async () => {
    const appending = async () => {
      throw new StreamUnavailable("the disk is full");
    };
    await expect(append({ appending }, sampleEvents(1, 1))).rejects.toThrow("the disk is full");
    expect(pauses).toEqual([]);
  });
});

const once = (work: () => Promise<void>) => atAppend(1, work);

/** Calls the function at the n-th call only. */
function atAppend(which: number, work: () => Promise<void>): () => Promise<void> {
  let count = 0;
  return async () => {
    count += 1;
    if (count === which) await work();
  };
}
