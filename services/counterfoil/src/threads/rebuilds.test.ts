import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@counterfoil/adapters/connect";
import { configSchema } from "@counterfoil/contracts/config";
import { rebuildProgress } from "@counterfoil/contracts/operations-record";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { describe, expect, test } from "@jest/globals";
import type { Logger } from "pino";
import {
  createRebuildProgress,
  createRebuildThreads,
  isRunning,
  type RebuildMessage,
} from "./rebuilds.ts";

const FIRST = {
  model: "trades",
  generation: 2,
  state: "building",
  position: "0",
  target: "200",
  events_per_second: 0,
  started_at: "1970-01-01T00:00:00Z",
  finished_at: null,
  detail: null,
} as const;

const STEP: RebuildMessage = {
  kind: "step",
  step: { state: "comparing", generation: 2, position: 100, target: 200 },
};

describe("a rebuild's progress", () => {
  test("follows its thread", async () => {
    const clock = createManualClock();
    const progress = createRebuildProgress(FIRST, clock);
    await clock.advance(500);
    expect(progress.apply(STEP)).toMatchObject({
      state: "comparing",
      position: "100",
      target: "200",
      events_per_second: 200,
    });
    expect(isRunning(progress.current())).toBe(true);
  });

  test.each<Readonly<{ message: RebuildMessage; state: string; detail: string | null }>>([
    {
      message: { kind: "done", outcome: "activated", position: 200, detail: null },
      state: "activated",
      detail: null,
    },
    {
      message: { kind: "done", outcome: "refused", position: 200, detail: "rows differ" },
      state: "refused",
      detail: "rows differ",
    },
    {
      message: { kind: "done", outcome: "aborted", position: 50, detail: null },
      state: "failed",
      detail: "the service was stopped",
    },
    { message: { kind: "failed", detail: "disk full" }, state: "failed", detail: "disk full" },
  ])("ends as $state: $detail", ({ message, state, detail }) => {
    const progress = createRebuildProgress(FIRST, createManualClock());
    const ended = progress.apply(message);
    expect(ended).toMatchObject({ state, detail });
    expect(isRunning(ended)).toBe(false);
    expect(rebuildProgress.parse(ended)).toEqual(ended);
  });
});

test("a rebuild whose lock was lost while it waited builds nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rebuilds-"));
  const config = configSchema.parse({ COUNTERFOIL_DATA_DIR: folder });
  const connected = await connect(config, "write");
  const names = { name: connected.ledger, environment: connected.environment };
  await openLedger(connected.stream, names, connected.hashing);
  const held = { lost: AbortSignal.abort(), release: async () => {} };
  const locks = { acquire: async () => held, tryAcquire: async () => held };
  const backends = { ...connected, locks };
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const logger = { info: () => end() } as unknown as Logger;
  const rebuilds = createRebuildThreads({ config, backends, logger });
  await rebuilds.start("trades", "a test");
  await ended;
  expect(rebuilds.progress("trades")).toMatchObject({
    state: "failed",
    detail: expect.stringContaining("the lock of the rebuild was lost"),
  });
  expect(await connected.catalogue.generations("trades")).toEqual([]);
  await rebuilds.stop();
  await connected.close();
  rmSync(folder, { recursive: true });
});
