import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { systemClock } from "@counterfoil/adapters/node/runtime";
import { openEventStream } from "@counterfoil/adapters/postgres/event-stream";
import { openModelCatalogue } from "@counterfoil/adapters/postgres/model-catalogue";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import type { Translate, Translations } from "@counterfoil/core/translate/translation";
import {
  activateGeneration,
  liveGeneration,
} from "@counterfoil/processing/generations/activations";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { retryQuarantined } from "@counterfoil/processing/ingest/retry-quarantined";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { readQuarantine } from "@counterfoil/processing/queries/quarantine";
import { describe, expect, test } from "@jest/globals";
import { balanceBody, snapshotBody, take } from "../system/messages.ts";
import { hashing, LEDGER, openTestLedger, type TestLedger } from "../system/support.ts";
import { faulty, labelsDropped, mended } from "../system/translation-bugs.ts";
import type { WithoutPause } from "./append-without-pause.ts";

const AT = 1_746_000_000_000;
/** What takes long to look up, to decide and to append: several of the others' appends. */
const MOVEMENTS = 2000;
const ACCOUNTS = 1200;
const SMALL = 5;
/** In a row: what came in between is looked at where nobody can come first, unless it is very much. */
const REFUSED_MAX = 10;

const blind: Translate = () => ({ ok: false, reason: "shape", detail: "not yet" });
const BEFORE = faulty(labelsDropped);
const AFTER = mended(labelsDropped);
/** As the faulty one, and it cannot read snapshots. */
const HALF_BLIND: Translations = {
  present: 1,
  versions: {
    1: (source, hashes) =>
      (source.channel === "feed" ? blind : (BEFORE.versions[1] as Translate))(source, hashes),
  },
};

/** Deliveries that are to be corrected, and one that is to be read again. */
async function playMisread(ledger: TestLedger): Promise<void> {
  for (let run = 1; run <= SMALL; run += 1) {
    await take(ledger, {
      body: balanceBody({ run, change: "1", balance: `${run}`, at: AT + run }),
    });
  }
  const large = balanceBody({ run: 999, change: "1", balance: "1", at: AT });
  const movements = Array.from({ length: MOVEMENTS }, (_, at) => ({
    ...large.movements[0],
    movement_id: `large-${at}`,
  }));
  await take(ledger, { body: { ...large, movements } });
  const accounts = Array.from({ length: ACCOUNTS }, (_, at) => ({ asset: `A${at}`, balance: "1" }));
  await take(ledger, { body: snapshotBody(accounts), place: { connection: "c1", frame: 1 } });
}

/** The stream, and how many appends in a row it refused at most. */
function counted(stream: EventStream) {
  let [row, most] = [0, 0];
  const append: EventStream["append"] = async (...asked) => {
    const result = await stream.append(...asked);
    row = result.outcome === "conflict" ? row + 1 : 0;
    most = Math.max(most, row);
    return result;
  };
  return { stream: { ...stream, append }, refusedMost: () => most };
}

async function startWriter(data: WithoutPause) {
  const worker = new Worker(new URL("append-without-pause.ts", import.meta.url), {
    workerData: data,
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  let durable = 0;
  worker.on("message", (count: number) => {
    durable = count;
  });
  const appendsOn = async () => {
    const before = durable;
    while (durable <= before) await once(worker, "message");
  };
  await appendsOn();
  return { appendsOn, stop: () => worker.terminate() };
}

async function expectToFinish(ledger: TestLedger, data: WithoutPause): Promise<void> {
  await playMisread(ledger);
  const writer = await startWriter(data);
  const { stream, refusedMost } = counted(ledger.stream);
  const options = { stream, clock: systemClock, hashing, translations: AFTER };
  try {
    const { appended } = await retranslate(options);
    const MovementRecorded = MOVEMENTS + SMALL;
    const BalanceReported = SMALL + 1;
    const FactWithdrawn = MovementRecorded + BalanceReported;
    expect(appended).toEqual({ MovementRecorded, BalanceReported, FactWithdrawn });
    await writer.appendsOn();
    const [quarantined] = await Array.fromAsync(readQuarantine(stream, options));
    if (quarantined === undefined) throw new Error("nothing is in quarantine");
    expect((await retryQuarantined(quarantined, options)).outcome).toBe("resolved");
    await writer.appendsOn();
    const rebuilt = { position: 1, hash: "", digest: "d", state_digest: "s" };
    const activation = { projection: ledger.projections.balances, build: "test" };
    await activateGeneration(
      { ...options, ...activation, cause: "rebuild" },
      { generation: 7, rebuilt, durationMs: 1 },
    );
    await writer.appendsOn();
    for (let run = 1; run <= SMALL; run += 1) {
      const body = balanceBody({ run: 2000 + run, change: "1", balance: `${run}`, at: AT + run });
      expect(await take(ledger, { body })).toMatchObject({ outcome: "recorded" });
    }
  } finally {
    await writer.stop();
  }
  expect(refusedMost()).toBeLessThan(REFUSED_MAX);
  expect(await liveGeneration(stream, "balances")).toMatchObject({ generation: 7 });
  const events = await ledger.events();
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: false });
  expect(verified.findings.filter(({ what }) => what !== "data")).toEqual([]);
}

const WRITERS = ["ingestor", "appender"] as const;

describe.each(WRITERS)("beside an %s that never pauses, on SQLite", (writer) => {
  test("a retry, a retranslation and an activation finish", async () => {
    const ledger = await openTestLedger({ engine: "sqlite", translations: HALF_BLIND });
    const { dataDir } = ledger;
    await expectToFinish(ledger, { ledger: LEDGER, place: { dataDir }, writer });
    await ledger.close();
  });
});

describePostgres("on PostgreSQL", (use) => {
  test.each(WRITERS)(
    "beside an %s that never pauses, a retry, a retranslation and an activation finish",
    async (writer) => {
      const url = await newDatabase(use().url);
      const ledger = await openTestLedger({
        translations: HALF_BLIND,
        engine: async (clock) => ({
          openStream: () => openEventStream({ url, ledger: LEDGER, hashing, clock }),
          catalogue: openModelCatalogue({ url, ledger: LEDGER }),
          dispose: async () => {},
        }),
      });
      await expectToFinish(ledger, { ledger: LEDGER, place: { url }, writer });
      await ledger.close();
    },
  );
});
