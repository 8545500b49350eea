import { setTimeout as wait } from "node:timers/promises";
import type { EventRecord } from "@counterfoil/contracts/record";
import { createFeedServer } from "@counterfoil/simulator/feed-server";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi } from "./support/api.ts";
import {
  addressOf,
  endAllProcesses,
  type LogLine,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { longestTurns, WATCHED } from "./support/event-loop.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { createMemoryGroup } from "./support/memory-group.ts";
import { postWebhook } from "./support/send.ts";
import { configOf, feedConfigOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

const account = (at: number) => ({
  participant_code: `P${at % 1000}`,
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: `A${at}`,
  account_id: `009bbe95-256b-423e-913f-${String(at).padStart(12, "0")}`,
  balance: "1.25",
});

const snapshotOf = (accounts: number): string =>
  JSON.stringify({
    messageType: "initial-balance",
    body: Array.from({ length: accounts }, (_, at) => account(at)),
  });

/** Every character of it is an escape that the parser reads by itself. */
const escapes = (bytes: number): string =>
  `{"messageType":"initial-balance","body":"${"\\u0041".repeat(bytes / 6)}"}`;

const webhook = (number: number) => ({
  provider: "zerohash" as const,
  payloadType: "account_balance.changed",
  body: JSON.stringify({ ...account(number), run_id: String(number), movements: [] }),
});

const SENDERS = 4;
/** No turn of the event loop may be longer than the answers that wait for it. */
const TURN_MS_MAX = 200;

/** How long each webhook waited for its answer, sent one after the other by some senders. */
async function sendUntil(baseUrl: string, done: AbortSignal): Promise<number[]> {
  const waits: number[] = [];
  let sent = 0;
  const send = async () => {
    while (!done.aborted) {
      sent += 1;
      const begun = performance.now();
      const { status } = await postWebhook(baseUrl, webhook(sent));
      waits.push(performance.now() - begun);
      expect(status).toBe(200);
      await wait(10);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, send));
  return waits.toSorted((a, b) => a - b);
}

test.each([
  { what: "100,000 accounts", frame: () => snapshotOf(100_000), end: "DeliveryCompleted" },
  { what: "250,000 accounts", frame: () => snapshotOf(250_000), end: "DeliveryCompleted" },
  { what: "60 MB of escapes", frame: () => escapes(60_000_000), end: "DeliveryQuarantined" },
])("webhooks are answered while a snapshot comes: $what", async ({ frame, end }) => {
  const feed = await createFeedServer({ waitMsMax: 60_000 });
  const service = startRole(["start"], {
    ...configOf(newFolder()),
    ...feedConfigOf(feed),
    ...WATCHED,
  });
  const address = await addressOf(service);
  await feed.waitForSubscription();
  const text = frame();
  const done = new AbortController();
  const sending = sendUntil(address, done.signal);
  await wait(500);
  const began = performance.now();
  feed.push(text);
  const asked = new Set<LogLine>();
  await longestTurns(service, asked);
  const api = createApi(address);
  const ended = () => api.get<readonly EventRecord[]>("/v1/events", { types: end });
  while ((await ended()).length === 0) await wait(100);
  const longest = await longestTurns(service, asked);
  const tookMs = performance.now() - began;
  done.abort();
  const waits = await sending;
  const [first, second] = longest;
  expect(second).toBeLessThan(TURN_MS_MAX);
  // One may have collected the garbage of all parts, on a machine that has no time for it.
  expect(first).toBeLessThan(2 * TURN_MS_MAX);
  // Whatever else this machine does meanwhile: they wait for parts, never for the whole.
  const p99 = waits[Math.floor(0.99 * waits.length)] ?? 0;
  expect(p99).toBeLessThan(Math.max(TURN_MS_MAX, tookMs / 5));
  expect(await stopRole(service)).toBe(0);
  await feed.stop();
});

/** A hundred thousand by `pnpm test:memory`. */
const ACCOUNTS = Number(process.env.COUNTERFOIL_TEST_SNAPSHOT_ACCOUNTS ?? 50_000);

test("snapshots are taken in 512 MiB, connection after connection, and read again in half of it", async () => {
  const memory = createMemoryGroup(512 * 1024 * 1024);
  const feed = await createFeedServer({ waitMsMax: 60_000 });
  const env = { ...configOf(newFolder()), ...feedConfigOf(feed) };
  const service = startRole(["start"], env, { memory });
  const api = createApi(await addressOf(service));
  const text = snapshotOf(ACCOUNTS);
  for (let connections = 1; connections <= 3; connections += 1) {
    await feed.waitForSubscription(connections);
    feed.push(text);
    const recorded = () =>
      api.get<readonly EventRecord[]>("/v1/events", { types: "DeliveryCompleted" });
    while ((await recorded()).length < connections) await wait(100);
    feed.close();
  }
  expect(await stopRole(service)).toBe(0);
  await feed.stop();
  memory?.remove();
  const half = createMemoryGroup(256 * 1024 * 1024);
  const args = ["retranslate", "--no-rebuild", "--json"];
  const { code, stdout } = await runCommand(args, env, { memory: half });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ deliveries: 3, appended: {}, unreadable: [] });
  half?.remove();
});
