import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import { systemClock as clock, nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { unsealed, versionOneLedger } from "@counterfoil/core/stream/testing/version-1";
import { rebuildModel } from "@counterfoil/processing/generations/rebuild";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { ModelCorrupted } from "@counterfoil/processing/ports/errors";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { NO_TRACING } from "@counterfoil/processing/ports/tracing";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "@counterfoil/processing/testing/memory-event-stream";
import { createMemoryKeyStore } from "@counterfoil/processing/testing/memory-key-store";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { describe, expect, test } from "@jest/globals";
import { type Logger, pino } from "pino";
import { Registry } from "prom-client";
import { createProjectorMetrics } from "./metrics.ts";
import { createUpgrade, type ProjectorEvent, startProjector } from "./projector.ts";

const LEDGER = { name: "books", environment: "test" };
const MODELS: readonly ModelName[] = ["balances", "trades"];

async function openWorld() {
  const storage = createMemoryStreamStorage();
  const stream = createMemoryEventStream({ ledger: LEDGER.name, hashing, clock, storage });
  await openLedger(stream, LEDGER, hashing);
  const catalogue = createMemoryModelCatalogue();
  const backends = { stream, catalogue, locks: createMemoryRoleLocks(), clock, hashing };
  return { storage, backends };
}

/** A projector whose events can be waited for. */
function watch(
  backends: Awaited<ReturnType<typeof openWorld>>["backends"],
  logger: Logger = pino({ level: "silent" }),
  warn: NonNullable<Parameters<typeof startProjector>[0]["warn"]> = () => {},
) {
  const events: ProjectorEvent[] = [];
  const waiting = new Set<() => void>();
  const close = async () => {};
  const unused = {
    integrity: async () => [],
    signer: createHeadKeyFile("none"),
    tracing: NO_TRACING,
  };
  const writer = {
    ...{ ...backends, ...unused, keys: createMemoryKeyStore() },
    ...{ ledger: LEDGER.name, environment: "test", close },
  };
  const projector = startProjector({
    backends,
    models: MODELS,
    logger,
    warn,
    upgrade: createUpgrade({
      openForWriting: async () => ({ ...writer, engine: "memory" }),
      build: "test",
      logger,
    }),
    report(event) {
      events.push(event);
      for (const look of waiting) look();
    },
  });
  const when = (isMeant: (event: ProjectorEvent) => boolean) =>
    new Promise<ProjectorEvent>((resolve) => {
      const look = () => {
        const event = events.find(isMeant);
        if (event !== undefined) resolve(event);
      };
      waiting.add(look);
      look();
    });
  const whenIn = (model: ModelName, state: string) =>
    when((event) => event.kind === "state" && event.model === model && event.state === state);
  return { projector, events, when, whenIn };
}

describe("projecting several models", () => {
  test("each commits and comes alive; a stop leaves none running", async () => {
    const { backends } = await openWorld();
    const { projector, events, when, whenIn } = watch(backends);
    for (const model of MODELS) {
      await whenIn(model, "live");
      const commit = await when((event) => event.kind === "commit" && event.model === model);
      expect(commit).toMatchObject({ position: 1, events: 1, commits: 1, stopped: 0 });
    }
    await projector.stop();
    const last = MODELS.map((model) => events.findLast((event) => event.model === model));
    expect(last).toMatchObject([{ state: "stopped" }, { state: "stopped" }]);
  });

  test("a subject that stops is logged once, and counted", async () => {
    const { backends } = await openWorld();
    const trade = versionOneLedger().find(({ type }) => type === "TradeStatusReported");
    if (trade === undefined) throw new Error("there is no trade");
    const [first, second] = ["a", "b"].map((id) => ({ ...unsealed(trade), id, schema_version: 2 }));
    await backends.stream.append(1, [first, second] as NewEvent[]);
    const lines: string[] = [];
    const logger = pino({ level: "error" }, { write: (line) => void lines.push(line) });
    const { projector, when } = watch(backends, logger);
    await when((event) => event.kind === "commit" && event.stopped === 1);
    await projector.stop();
    const stop = { model: "trades", subject: trade.subject, position: 2, type: trade.type };
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { ...stop, msg: expect.stringMatching(/^a subject has stopped/) },
    ]);
  });

  test("an opened anomaly is logged once: not again after a restart or a rebuild", async () => {
    const { backends } = await openWorld();
    const isMeant = ({ type }: NewEvent) => !/^(?:LedgerOpened|ModelActivated)$/.test(type);
    const events = versionOneLedger().map(unsealed).filter(isMeant);
    const end = events.length + 1;
    const warned: string[] = [];
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
    const watchOn = (on: typeof backends) =>
      watch(on, logger, (_kind, _level, fields) => void warned.push(String(fields.anomaly_id)));
    const projectAll = async (on = backends) => {
      const { projector, whenIn } = watchOn(on);
      await whenIn("balances", "live");
      await projector.stop();
    };
    const live = watchOn(backends);
    await live.whenIn("balances", "live");
    await backends.stream.append(1, events);
    await live.when((it) => it.kind === "commit" && it.model === "balances" && it.position === end);
    await live.projector.stop();
    expect(warned.length).toBeGreaterThan(0);
    expect(new Set(warned).size).toBe(warned.length);
    const before = warned.length;
    await projectAll();
    await rebuildModel({ ...backends, projection: PROJECTIONS.balances, build: "test" });
    await projectAll();
    expect([warned.length, lines]).toEqual([before, []]);
    // Its files are lost: the same generation is built again, to its activation and beyond.
    await backends.catalogue.drop("balances", 2);
    await projectAll();
    const [built] = (await backends.catalogue.generations("balances")).slice(-1);
    expect(built).toMatchObject({ generation: 2, checkpoint: { position: end + 1 } });
    expect(warned).toHaveLength(before);
    expect(lines.splice(0)).toHaveLength(1);
  });

  test("models that are built anew, as after a restore, tell of all open anomalies in one line", async () => {
    const { backends } = await openWorld();
    const isMeant = ({ type }: NewEvent) => !/^(?:LedgerOpened|ModelActivated)$/.test(type);
    await backends.stream.append(1, versionOneLedger().map(unsealed).filter(isMeant));
    const { position } = await backends.stream.head();
    const warned: unknown[] = [];
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
    const { projector, whenIn } = watch(backends, logger, (kind) => void warned.push(kind));
    for (const model of MODELS) await whenIn(model, "live");
    await projector.stop();
    expect(warned).toEqual([]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { model: "balances", position, open: { gap: expect.any(Number) } },
    ]);
  });

  test("one that fails does not stop the other", async () => {
    const { backends } = await openWorld();
    const broken: ModelCatalogue = {
      ...backends.catalogue,
      openForWriting: (model, generation) =>
        model === "trades"
          ? Promise.reject(new TypeError("a fault of the program"))
          : backends.catalogue.openForWriting(model, generation),
    };
    const { projector, whenIn } = watch({ ...backends, catalogue: broken });
    await whenIn("trades", "failed");
    await whenIn("balances", "live");
    await projector.stop();
  });

  test("one that fails again and again pauses a second at first, and then longer", async () => {
    const { backends } = await openWorld();
    const manual = createManualClock();
    const broken: ModelCatalogue = {
      ...backends.catalogue,
      openForWriting: () => Promise.reject(new TypeError("a fault of the program")),
    };
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
    const { projector } = watch({ ...backends, catalogue: broken, clock: manual }, logger);
    await manual.advance(5_000);
    const logged = lines.map((line) => JSON.parse(line)).filter(({ model }) => model === "trades");
    expect(logged.map(({ pause_ms }) => pause_ms)).toEqual([1_000, 2_000, 4_000]);
    await projector.stop();
  });

  test("one whose files stay damaged is logged once a minute, and what is new at once", async () => {
    const { backends } = await openWorld();
    const manual = createManualClock();
    let trouble = "torn";
    const broken: ModelCatalogue = {
      ...backends.catalogue,
      openForWriting: (model, generation) =>
        model === "trades"
          ? Promise.reject(new ModelCorrupted(trouble))
          : backends.catalogue.openForWriting(model, generation),
    };
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
    const { projector } = watch({ ...backends, catalogue: broken, clock: manual }, logger);
    await manual.advance(10 * 60_000);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.length).toBeLessThan(12);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ model: "trades", pause_ms: 60_000 });
    const before = lines.length;
    trouble = "torn otherwise";
    await manual.advance(60_000);
    expect(lines.slice(before).map((line) => JSON.parse(line).err.message)).toEqual([trouble]);
    await projector.stop();
  });

  test("one that followed another stream waits for a rebuild, then goes on", async () => {
    const { backends, storage } = await openWorld();
    const before = watch(backends);
    await before.whenIn("trades", "live");
    await before.whenIn("balances", "live");
    await before.projector.stop();
    // Another event at the same position: a restored backup continued differently.
    const [first] = storage.events;
    if (first !== undefined) storage.events[0] = { ...first, hash: "0".repeat(64) };

    const { projector, when, whenIn } = watch(backends);
    await whenIn("trades", "forked");
    await rebuildModel({ ...backends, projection: PROJECTIONS.trades, build: "test" });
    await when((event) => event.kind === "commit" && event.model === "trades");
    await whenIn("trades", "live");
    await projector.stop();
  });

  test("one whose stream is replaced while it runs stops as well", async () => {
    const { backends, storage } = await openWorld();
    const { projector, whenIn } = watch(backends);
    for (const model of MODELS) await whenIn(model, "live");
    const [first] = storage.events;
    if (first !== undefined) storage.events[0] = { ...first, hash: "0".repeat(64) };
    for (const model of MODELS) await whenIn(model, "forked");
    await projector.stop();
  });

  test("a model of an older version is built anew and activated", async () => {
    const { backends } = await openWorld();
    const { tables } = PROJECTIONS.trades;
    await backends.catalogue.create("trades", { tables, modelVersion: 0 });
    const store = await backends.catalogue.openForWriting("trades", 1);
    const { position, hash } = await backends.stream.head();
    const checkpoint = { ...(await store.checkpoint()), position, hash };
    await store.commit({ inserts: [], puts: [], deletes: [], checkpoint });
    await store.close();
    const lines: string[] = [];
    const logger = pino({ level: "info" }, { write: (line) => void lines.push(line) });
    const { projector, whenIn } = watch(backends, logger);
    await whenIn("trades", "upgrading");
    await whenIn("trades", "live");
    await projector.stop();
    const activated = await backends.stream.read({ after: 0, limit: 9, types: ["ModelActivated"] });
    expect(JSON.parse(activated[0]?.data ?? "{}")).toMatchObject({
      model: "trades",
      generation: 2,
      cause: "upgrade",
    });
    const logged = lines.map((line) => JSON.parse(line)).find((line) => line.differing_rows);
    expect(logged).toMatchObject({ model: "trades", position, samples: [] });
    expect(logged.differing_rows).toMatchObject({ records: 0 });
  });
});

test("metrics report state, position and lag", async () => {
  const { backends } = await openWorld();
  const registry = new Registry();
  const report = createProjectorMetrics({ registry, stream: backends.stream, clock });
  report({ kind: "state", model: "trades", state: "catching_up" });
  report({ kind: "commit", model: "trades", commits: 2, events: 5, position: 0, stopped: 1 });
  report({ kind: "state", model: "trades", state: "live" });
  const text = await registry.metrics();
  for (const line of [
    'counterfoil_projection_state{model="trades",state="live"} 1',
    'counterfoil_projection_position{model="trades"} 0',
    'counterfoil_projection_lag_events{model="trades"} 1',
    'counterfoil_projection_commits_total{model="trades"} 2',
    'counterfoil_projection_events_total{model="trades"} 5',
    'counterfoil_projection_stopped_subjects{model="trades"} 1',
  ]) {
    expect(text).toContain(line);
  }
  expect(text).not.toContain("catching_up");
});

test("one scrape reads each model's lag once, and its two figures agree", async () => {
  const { backends } = await openWorld();
  let heads = 0;
  const head = async () => {
    heads += 1;
    // The stream grows by one event with every look at it.
    return { ...(await backends.stream.head()), position: heads - 1 };
  };
  const registry = new Registry();
  const stream = { ...backends.stream, head };
  const report = createProjectorMetrics({ registry, stream, clock });
  report({ kind: "open", model: "trades", position: 0, stopped: 0 });
  const text = await registry.metrics();
  expect(heads).toBe(1);
  expect(text).toContain('counterfoil_projection_lag_events{model="trades"} 0');
  expect(text).toContain('counterfoil_model_lag_seconds{model="trades"} 0');
  expect(await registry.metrics()).toContain('projection_lag_events{model="trades"} 1');
});

test("one that waits for its lock exports no lag: it does not know how far the other one is", async () => {
  const { backends } = await openWorld();
  const registry = new Registry();
  const report = createProjectorMetrics({ registry, stream: backends.stream, clock });
  const known =
    /^counterfoil_(?:projection_(?:position|lag_events|stopped_subjects)|model_lag_seconds)\{model="(\w+)"\}/gm;
  const exported = async () =>
    [...(await registry.metrics()).matchAll(known)].map(([, model]) => model);
  for (const model of MODELS) report({ kind: "open", model, position: 0, stopped: 1 });
  expect(await exported()).toHaveLength(8);
  report({ kind: "state", model: "trades", state: "waiting_for_lock" });
  expect(await exported()).toEqual(Array(4).fill("balances"));
  report({ kind: "state", model: "balances", state: "waiting_for_lock" });
  expect(await exported()).toEqual([]);
  report({ kind: "open", model: "trades", position: 1, stopped: 0 });
  const text = await registry.metrics();
  expect(text).toContain('counterfoil_projection_lag_events{model="trades"} 0');
  expect(text).toContain('counterfoil_model_lag_seconds{model="trades"} 0');
});

test("a projector that takes over reports its position before anything arrives", async () => {
  const { backends } = await openWorld();
  const first = watch(backends);
  for (const model of MODELS) await first.whenIn(model, "live");
  await first.projector.stop();
  const { projector, events, whenIn } = watch(backends);
  for (const model of MODELS) await whenIn(model, "live");
  await projector.stop();
  const opened = events.filter(({ kind }) => kind === "open");
  expect(opened).toMatchObject(MODELS.map(() => ({ position: 1, stopped: 0 })));
});
