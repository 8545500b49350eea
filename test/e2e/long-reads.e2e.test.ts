import { setTimeout as wait } from "node:timers/promises";
import { systemClock as clock, nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import type { Delivery } from "@counterfoil/processing/ports/ingest";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { runs } from "../system/support.ts";
import {
  addressOf,
  endAllProcesses,
  type LogLine,
  type RunningProcess,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { longestTurns, WATCHED } from "./support/event-loop.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { postWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

jest.setTimeout(900_000);
afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

const QUARANTINED = 40_000;
const GAPS = 20_000;

function delivery(payloadType: string, body: object): Delivery {
  return {
    provider: "zerohash",
    channel: "webhook",
    payloadType,
    notificationId: null,
    place: null,
    verdict: { signature: "valid" },
    bytes: Buffer.from(JSON.stringify(body)),
    receivedAt: clock.now(),
    correlationId: null,
  };
}

const PART = {
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
};
const ACCOUNT = "zerohash:DEF456:ABC123:general:available:BTC";

/** Each run reports one more than it moved: something is missing before it. */
const balance = (run: number) => ({
  ...PART,
  run_id: String(run),
  run_timestamp: Date.UTC(2025, 0, 1) + run,
  balance: String(2 * run),
  movements: [
    { movement_id: `m${run}`, change: "1", movement_timestamp: Date.UTC(2025, 0, 1) + run },
  ],
});

async function fill(dataDir: string): Promise<number> {
  const ledger = "default";
  const stream = await openEventStream({ dataDir, ledger, hashing, clock });
  await openLedger(stream, { name: ledger, environment: "production" }, hashing);
  const ingest = createIngest({ stream, translations: TRANSLATIONS, hashing, clock });
  const submitAll = async (count: number, make: (at: number) => Delivery) => {
    for (let from = 0; from < count; from += 1000) {
      const some = Array.from({ length: 1000 }, (_, at) => ingest.submit(make(from + at + 1)));
      await Promise.all(some);
    }
  };
  await submitAll(QUARANTINED, (at) => delivery("never.heard_of", { at }));
  await submitAll(GAPS, (at) => delivery("account_balance.changed", balance(at)));
  await ingest.stop();
  const { position } = await stream.head();
  await stream.close();
  return position;
}

let service: RunningProcess;
let address: string;
const asked = new Set<LogLine>();

beforeAll(async () => {
  const folder = newFolder();
  const head = await fill(folder);
  service = startRole(["start"], { ...configOf(folder), ...WATCHED });
  address = await addressOf(service);
  const folded = `${address}/v1/balances?min_position=${head}`;
  while ((await fetch(folded)).status !== 200) await wait(100);
});

/** No turn of the event loop that acknowledges may come near what an acknowledgement may take. */
const TURN_MS_MAX = 50;
/** Hundreds of webhooks beside at least a page for each reader. */
const SECONDS = runs(3);

describe("webhooks are acknowledged beside", () => {
  test.each([
    { what: "readers of the quarantine", readers: 8, path: "/v1/quarantine?limit=1000" },
    {
      what: "readers of entries with gaps",
      readers: 8,
      path: `/v1/accounts/${ACCOUNT}/entries?limit=1000`,
    },
    { what: "readers of everything", readers: 64, path: "/v1/events?limit=1000" },
  ])("$readers $what", async ({ readers, path }) => {
    const done = new AbortController();
    let pages = 0;
    const read = async () => {
      for (let cursor: string | null = null; !done.signal.aborted; ) {
        const beyond: string = cursor === null ? "" : `&cursor=${cursor}`;
        const response = await fetch(`${address}${path}${beyond}`);
        expect([path, response.status]).toEqual([path, 200]);
        cursor = ((await response.json()) as { next_cursor: string | null }).next_cursor;
        pages += 1;
      }
    };
    await longestTurns(service, asked);
    const reading = Array.from({ length: readers }, read);
    let sent = 0;
    const until = performance.now() + SECONDS * 1000;
    // On a busy machine a page may take longer than all of this.
    while (performance.now() < until || pages <= readers) {
      sent += 1;
      const body = JSON.stringify({ ...balance(1_000_000 + sent), asset: "ETH" });
      const webhook = {
        provider: "zerohash",
        payloadType: "account_balance.changed",
        body,
      } as const;
      expect((await postWebhook(address, webhook)).status).toBe(200);
      await wait(10);
    }
    const longest = await longestTurns(service, asked);
    done.abort();
    await Promise.all(reading);
    expect(pages).toBeGreaterThan(readers);
    expect(longest[0]).toBeLessThan(TURN_MS_MAX);
  });
});

afterEach(() => expect(service.log()).not.toContain('"level":"error"'));

test("and the service stops in due form", async () => {
  expect(await stopRole(service)).toBe(0);
});
