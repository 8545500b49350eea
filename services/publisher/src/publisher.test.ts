import { systemClock as clock, nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import {
  BrokersDisagree,
  NotAuthorized,
  RecordTooLarge,
  TopicMisconfigured,
  type Topics,
} from "@counterfoil/processing/ports/topics";
import { openProjectionRun } from "@counterfoil/processing/projection/run";
import { readPublished } from "@counterfoil/processing/publish/subject-counts";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { createMemoryEventStream } from "@counterfoil/processing/testing/memory-event-stream";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import {
  createMemoryTopicStorage,
  createMemoryTopics,
} from "@counterfoil/processing/testing/memory-topics";
import { sampleEvent } from "@counterfoil/processing/testing/sample-event";
import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createPublisherMetrics } from "./metrics.ts";
import { type PublisherEvent, startPublisher } from "./publisher.ts";

const LEDGER = { name: "books", environment: "test" };

async function openWorld() {
  const stream = createMemoryEventStream({ ledger: LEDGER.name, hashing, clock });
  await openLedger(stream, LEDGER, hashing);
  const catalogue = createMemoryModelCatalogue();
  const locks = createMemoryRoleLocks();
  return { ledger: LEDGER.name, stream, catalogue, locks, clock };
}

type World = Awaited<ReturnType<typeof openWorld>>;

/** Folds every model up to the head. */
async function foldAll({
  stream,
  catalogue,
}: Readonly<{ stream: EventStream; catalogue: ModelCatalogue }>) {
  for (const model of MODEL_NAMES) {
    const projection = PROJECTIONS[model];
    const { tables, version: modelVersion } = projection;
    await catalogue.create(model, { tables, modelVersion, generation: 1 });
    const store = await catalogue.openForWriting(model, 1);
    const folding = await openProjectionRun({ stream, projection, store, hashing });
    await folding.fold(await stream.read({ after: folding.checkpoint.position, limit: 1000 }));
  }
}

/** A publisher whose events can be waited for. */
function watch(backends: World, topics: Topics) {
  const events: PublisherEvent[] = [];
  const waiting = new Set<() => void>();
  const lines: string[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const registry = new Registry();
  const count = createPublisherMetrics({ registry, ...backends });
  const publisher = startPublisher({
    backends: { ...backends, hashing },
    topics,
    logger,
    report(event) {
      count(event);
      events.push(event);
      for (const look of waiting) look();
    },
  });
  const when = (isMeant: (event: PublisherEvent) => boolean) =>
    new Promise<PublisherEvent>((resolve) => {
      const look = () => {
        const event = events.find(isMeant);
        if (event !== undefined) resolve(event);
      };
      waiting.add(look);
      look();
    });
  const whenIn = (state: string) =>
    when((event) => event.kind === "state" && event.state === state);
  const whenAt = (position: number) =>
    when((event) => event.kind === "commit" && event.position === position);
  return { publisher, events, lines, registry, whenIn, whenAt };
}

/** Topics that open, and refuse what is published until somebody corrects that. */
function refusingToPublish(topics: Topics, error: Error) {
  let isCorrected = false;
  const refusing: Topics = {
    ...topics,
    open: async () => {
      const open = await topics.open();
      const publish: typeof open.publish = async (transaction) => {
        if (!isCorrected) throw error;
        await open.publish(transaction);
      };
      return { ...open, publish };
    },
  };
  const correct = () => {
    isCorrected = true;
  };
  return { refusing, correct };
}

const TOO_MANY = Array.from({ length: 1001 }, (_, at) => ({ key: `${at}` })) as never;

describe("a publisher", () => {
  test("publishes what the models have folded, and no further", async () => {
    const world = await openWorld();
    const storage = createMemoryTopicStorage();
    const { publisher, registry, whenIn, whenAt } = watch(world, createMemoryTopics({ storage }));
    await whenIn("waiting_for_models");
    expect(storage.records).toEqual([]);
    await foldAll(world);
    await whenAt(1);
    await whenIn("live");
    await world.stream.append(1, [sampleEvent(1), sampleEvent(2)]);
    await foldAll(world);
    await whenAt(3);
    expect(await registry.metrics()).toContain("counterfoil_publisher_lag_events 0");
    expect(await registry.metrics()).toContain("counterfoil_publisher_facts_total 3");
    expect(await registry.metrics()).toContain("counterfoil_publisher_position 3");
    await publisher.stop();
    expect(await registry.metrics()).toContain('counterfoil_publisher_state{state="stopped"} 1');
    expect(storage.records.filter(({ topic }) => topic === "events")).toHaveLength(3);
  });

  test("the lag shows while the broker is away; what comes meanwhile is published afterwards", async () => {
    const world = await openWorld();
    const storage = createMemoryTopicStorage();
    let isAway = false;
    const fault = () => (isAway ? ("lost before it was committed" as const) : null);
    const { publisher, registry, lines, whenIn, whenAt } = watch(
      world,
      createMemoryTopics({ storage, fault }),
    );
    await foldAll(world);
    await whenAt(1);
    isAway = true;
    await world.stream.append(1, [sampleEvent(1), sampleEvent(2)]);
    await foldAll(world);
    await whenIn("unavailable");
    expect(await registry.metrics()).toContain("counterfoil_publisher_lag_events 2");
    isAway = false;
    await whenAt(3);
    await publisher.stop();
    const logged = lines
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === "publishing interrupted, trying again");
    expect(logged[0]).toMatchObject({
      level: 40,
      reason: "lost before it was committed",
      position: 1,
      lag_events: 2,
      pause_ms: 500,
    });
    expect(storage.records.filter(({ topic }) => topic === "events")).toHaveLength(3);
  });

  test("one that fails again and again pauses a second at first, and then longer", async () => {
    const manual = createManualClock();
    const world = { ...(await openWorld()), clock: manual };
    const open = () => Promise.reject(new TypeError("a fault of the program"));
    const topics = createMemoryTopics({ storage: createMemoryTopicStorage() });
    const { publisher, lines } = watch(world, { ...topics, open });
    await manual.advance(5_000);
    const logged = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50);
    expect(logged.map(({ pause_ms }) => pause_ms)).toEqual([1_000, 2_000, 4_000]);
    await publisher.stop();
  });

  test("a second one waits, and goes on where the first one was", async () => {
    const world = await openWorld();
    const storage = createMemoryTopicStorage();
    await foldAll(world);
    const first = watch(world, createMemoryTopics({ storage }));
    await first.whenAt(1);
    const second = watch(world, createMemoryTopics({ storage }));
    await second.whenIn("waiting_for_lock");
    await world.stream.append(1, [sampleEvent(1)]);
    await foldAll(world);
    await first.whenAt(2);
    expect(second.events).toEqual([{ kind: "state", state: "waiting_for_lock" }]);
    await first.publisher.stop();
    await second.whenIn("live");
    await world.stream.append(2, [sampleEvent(2)]);
    await foldAll(world);
    await second.whenAt(3);
    await second.publisher.stop();
    const numbers = storage.records
      .filter(({ topic, key }) => topic === "events" && key === sampleEvent(1).subject)
      .map(({ headers }) =>
        Object.entries(headers).find(([name]) => name.endsWith("key_sequence")),
      );
    expect(numbers.map((header) => header?.[1])).toEqual(["1", "2"]);
  });

  test("one that missed another's opening is fenced, writes nothing, and waits for the lock again", async () => {
    const world = await openWorld();
    const storage = createMemoryTopicStorage();
    const { publisher, whenIn, whenAt } = watch(world, createMemoryTopics({ storage }));
    await foldAll(world);
    await whenAt(1);
    const other = await createMemoryTopics({ storage }).open();
    const { checkpoint } = storage;
    await world.stream.append(1, [sampleEvent(1)]);
    await foldAll(world);
    await whenIn("fenced");
    expect([storage.checkpoint, storage.records.length]).toEqual([checkpoint, 1]);
    await other.close();
    await whenAt(2);
    await publisher.stop();
  });

  test.each([
    ["a limit that nothing fits into", new RecordTooLarge("takes 2000 bytes", TOO_MANY)],
    ["brokers of two clusters", new BrokersDisagree("a:1 is of cluster x, b:1 of cluster y")],
    ["a topic with wrong settings", new TopicMisconfigured("retention.ms=1, expected -1")],
  ])("%s stops it with the full error message, and no record is skipped", async (_, error) => {
    const world = await openWorld();
    const storage = createMemoryTopicStorage();
    const topics = createMemoryTopics({ storage });
    const { refusing, correct } = refusingToPublish(topics, error);
    const { publisher, lines, whenIn, whenAt } = watch(world, refusing);
    await foldAll(world);
    await whenIn("refused");
    expect(lines.join("")).toContain(error.message);
    correct();
    await whenAt(1);
    await publisher.stop();
    expect(storage.records.filter(({ topic }) => topic === "events")).toHaveLength(1);
  });

  test("topics with wrong settings show in the status before anything was published", async () => {
    const world = await openWorld();
    const error = new TopicMisconfigured("retention.ms=1, expected -1");
    const refusing: Topics = { prepare: async () => {}, open: () => Promise.reject(error) };
    const { publisher, whenIn } = watch(world, refusing);
    await whenIn("refused");
    expect(await readPublished(world.catalogue)).toMatchObject({ position: 0, isRefused: true });
    await publisher.stop();
  });

  test("a right that the broker refuses is an error in log and metrics, and tried again", async () => {
    const world = await openWorld();
    const storage = createMemoryTopicStorage();
    const topics = createMemoryTopics({ storage });
    const error = new NotAuthorized("not authorised to write deposits");
    const { refusing, correct } = refusingToPublish(topics, error);
    const { publisher, lines, registry, whenIn, whenAt } = watch(world, refusing);
    await foldAll(world);
    await whenIn("refused");
    const metrics = await registry.metrics();
    expect(metrics).toContain('counterfoil_publisher_state{state="refused"} 1');
    expect(metrics).toContain("counterfoil_publisher_lag_events 1");
    const errors = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50);
    expect(errors[0]).toMatchObject({
      reason: "not authorised to write deposits",
      msg: "publishing is refused until this is put right, trying again",
    });
    expect(await readPublished(world.catalogue)).toMatchObject({ position: 0, isRefused: true });
    correct();
    await whenAt(1);
    await whenIn("live");
    await publisher.stop();
    expect(await readPublished(world.catalogue)).toMatchObject({ position: 1, isRefused: false });
  });

  test("a key whose record is too large is counted and logged once; the rest is published", async () => {
    const world = await openWorld();
    await foldAll(world);
    const storage = createMemoryTopicStorage();
    const topics = createMemoryTopics({ storage, limit: () => 10 });
    const { publisher, registry, lines, whenAt } = watch(world, topics);
    await whenAt(1);
    await publisher.stop();
    expect(await registry.metrics()).toContain("counterfoil_publisher_stopped_keys 1");
    const errors = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50);
    const stop = { topic: "events", key: "ledger", position: 1, sequence: 1 };
    expect(errors).toMatchObject([{ ...stop, msg: expect.stringMatching(/^a key has stopped/) }]);
    expect(JSON.parse(storage.checkpoint ?? "").position).toBe(1);
  });

  test("topics that hold another stream stop it for good", async () => {
    const world = await openWorld();
    const storage = createMemoryTopicStorage();
    const first = watch(world, createMemoryTopics({ storage }));
    await foldAll(world);
    await first.whenAt(1);
    await first.publisher.stop();
    const other = await openWorld();
    const { publisher, lines, whenIn } = watch(other, createMemoryTopics({ storage }));
    await whenIn("forked");
    expect(lines.join("")).toContain("stream_forked");
    await publisher.stop();
  });
});

test("one scrape reads the lag once, and its two figures agree", async () => {
  const { stream } = await openWorld();
  let heads = 0;
  const head = async () => {
    heads += 1;
    // The stream grows by one event with every look at it.
    return { ...(await stream.head()), position: heads - 1 };
  };
  const registry = new Registry();
  const report = createPublisherMetrics({ registry, stream: { ...stream, head }, clock });
  report({ kind: "open", position: 0, stoppedKeys: 0 });
  const text = await registry.metrics();
  expect(heads).toBe(1);
  expect(text).toContain("counterfoil_publisher_lag_events 0");
  expect(text).toContain("counterfoil_publisher_lag_seconds 0");
});

test("one that waits for the lead exports no lag: it does not know what is published meanwhile", async () => {
  const { stream } = await openWorld();
  const registry = new Registry();
  const report = createPublisherMetrics({ registry, stream, clock });
  report({ kind: "open", position: 0, stoppedKeys: 1 });
  const known = ["position 0", "lag_events 1", "lag_seconds ", "stopped_keys 1"];
  const leading = await registry.metrics();
  for (const line of known) expect(leading).toContain(`\ncounterfoil_publisher_${line}`);
  for (const state of ["waiting_for_lock", "fenced"] as const) {
    report({ kind: "open", position: 0, stoppedKeys: 1 });
    report({ kind: "state", state });
    const waiting = await registry.metrics();
    expect(waiting).toContain(`counterfoil_publisher_state{state="${state}"} 1`);
    expect(waiting).not.toMatch(/^counterfoil_publisher_(?:position|lag_\w+|stopped_keys) /m);
  }
  report({ kind: "open", position: 1, stoppedKeys: 0 });
  expect(await registry.metrics()).toContain("counterfoil_publisher_lag_events 0");
});
