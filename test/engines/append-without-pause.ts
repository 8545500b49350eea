/**
 * Run by tests as a worker of its own: takes webhooks in without a pause, or only appends, and tells
 * how many of its appends are durable.
 */
import { parentPort, workerData } from "node:worker_threads";
import { nodeHashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { openEventStream as openPostgres } from "@counterfoil/adapters/postgres/event-stream";
import { openEventStream as openSqlite } from "@counterfoil/adapters/sqlite/event-stream";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { balanceBody, delivery } from "../system/messages.ts";

export type WithoutPause = Readonly<{
  ledger: string;
  /** Of PostgreSQL, or the folder of SQLite. */
  place: Readonly<{ url: string } | { dataDir: string }>;
  writer: "ingestor" | "appender";
}>;

const { ledger, place, writer } = workerData as WithoutPause;

const options = { ledger, hashing: nodeHashing, clock: systemClock };
const stream =
  "url" in place
    ? await openPostgres({ ...options, ...place })
    : await openSqlite({ ...options, ...place, ownThread: true });
let durable = 0;

function tell(): void {
  durable += 1;
  parentPort?.postMessage(durable);
}

/** Customers whose webhooks come all at once, each as soon as the one before is acknowledged. */
const CUSTOMERS = 32;

async function ingestAll(on: EventStream): Promise<void> {
  const ingest = createIngest({ ...options, stream: on, translations: TRANSLATIONS });
  const customer = async (number: number) => {
    for (let run = number; ; run += CUSTOMERS) {
      const account = { participant_code: `P${number}` };
      const body = balanceBody({ run: 1e9 + run, change: "1", balance: `${run}`, at: AT, account });
      await ingest.submit(delivery({ body, receivedAt: systemClock.now() }));
      tell();
    }
  };
  await Promise.all(Array.from({ length: CUSTOMERS }, (_, number) => customer(number)));
}

const AT = 1_746_000_000_000;

/** Nothing but appends, each on top of the one before: nobody can be faster. */
async function appendAll(on: EventStream): Promise<void> {
  let { position } = await on.head();
  for (let first = 1_000_000; ; ) {
    const result = await on.append(position, sampleEvents(first, first + 2));
    if (result.outcome === "appended") {
      first += 3;
      tell();
    }
    position = (result.outcome === "appended" ? result.head : await on.head()).position;
  }
}

await (writer === "ingestor" ? ingestAll(stream) : appendAll(stream));
