import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { modelName } from "@counterfoil/contracts/fact";
import type { ProjectionRecord, StatusRecord } from "@counterfoil/contracts/operations-record";
import { afterAll, expect, jest, test } from "@jest/globals";
import { tell } from "../engines/tell.ts";
import { createKey } from "./support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { createMemoryGroup } from "./support/memory-group.ts";
import { postWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

/** Five thousand by `pnpm test:memory`, which takes a quarter of an hour. */
const WEBHOOKS = Number(process.env.COUNTERFOIL_TEST_LONG_WEBHOOKS ?? 60);
jest.setTimeout(600_000 + WEBHOOKS * 2_000);
afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

const MEMORY_MAX = 512 * 1024 * 1024;
/** Where the kernel makes no group: each thread has a heap of its own, and ends with the process. */
const SMALL = { NODE_OPTIONS: "--max-old-space-size=192" };
const BODY_BYTES = 256 * 1024;
const SENDERS = 8;
const READERS = 64;
/** What each of the readers at once asks for: lists and records, each reader others. */
const LISTS_EACH = 3;
const RECORDS_EACH = 8;

const PART = { participant_code: "DEF456", account_group: "ABC123", account_label: "general" };
const ACCOUNT = "zerohash:DEF456:ABC123:general:available:BTC";
const at = (number: number) => Date.UTC(2025, 0, 1) + number * 1000;

/** The body with as much text as it may have. */
function filled(body: Readonly<Record<string, unknown>>, text: string): string {
  const bare = Buffer.byteLength(JSON.stringify({ ...body, comment: "" }));
  const comment = text.repeat(Math.floor((BODY_BYTES - bare) / Buffer.byteLength(text)));
  return JSON.stringify({ ...body, comment });
}

function movementsOf(number: number) {
  const movements: object[] = [];
  for (let bytes = 600; bytes < BODY_BYTES - 1000; ) {
    const movement = {
      movement_id: `${number}-${movements.length}-0000-4000-8000-000000000000`,
      movement_timestamp: at(number),
      change: "0.01",
    };
    movements.push(movement);
    bytes += JSON.stringify(movement).length + 1;
  }
  return movements;
}

/** What is long in each is stored, listed and shown in a place of its own. */
const KINDS = {
  "trade.status_changed": (number: number) =>
    filled({ trade_id: `t${number}`, trade_state: "accepted", timestamp: at(number) }, "é"),
  "never.heard_of": (number: number) => filled({ number }, "y"),
  "account_balance.changed": (number: number) => {
    const movements = movementsOf(number);
    const balance = `${(number * movements.length) / 100}`;
    const run = { run_id: String(number), run_timestamp: at(number), balance, movements };
    return JSON.stringify({ ...PART, account_type: "available", asset: "BTC", ...run });
  },
};
type Kind = keyof typeof KINDS;

/** One of fifty moves more than three thousand times, which takes longer than all the others. */
function kindOf(number: number): Kind {
  if (number % 50 === 1) return "account_balance.changed";
  return number % 4 === 0 ? "never.heard_of" : "trade.status_changed";
}

async function sendAll(address: string): Promise<void> {
  let sent = 0;
  const send = async () => {
    while (sent < WEBHOOKS) {
      sent += 1;
      const payloadType = kindOf(sent);
      const webhook = {
        provider: "zerohash",
        payloadType,
        body: KINDS[payloadType](sent),
      } as const;
      const response = await postWebhook(address, webhook);
      expect([payloadType, response.status]).toEqual([payloadType, 200]);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, send));
}

/** Kibibytes of it that belong to nobody else, as the kernel counts them. */
function memoryOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0);
}

type Page = Readonly<{
  data: readonly { id?: string; delivery_id?: string }[];
  next_cursor: string | null;
}>;
type Asked = Readonly<{ address: string; headers: Record<string, string> }>;

/** As a good client: one that is asked to come again later does. */
async function ask({ address, headers }: Asked, path: string): Promise<Response> {
  for (;;) {
    const response = await fetch(`${address}${path}`, { headers });
    if (response.status !== 503) return response;
    await response.arrayBuffer();
    await wait(Number(response.headers.get("retry-after")) * 1000);
  }
}

async function readPage(asked: Asked, path: string): Promise<Page | null> {
  const response = await ask(asked, path);
  const bytes = Buffer.from(await response.arrayBuffer());
  expect([path, response.status, response.ok ? "" : bytes.toString()]).toEqual([path, 200, ""]);
  const isJson = response.headers.get("content-type")?.includes("json");
  return isJson ? (JSON.parse(bytes.toString()) as Page) : null;
}

/** @returns how many records were on so many pages at most */
async function readList(asked: Asked, path: string, pagesMax: number): Promise<number> {
  let count = 0;
  let beyond = "";
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page = await readPage(
      asked,
      `${path}${path.includes("?") ? "&" : "?"}limit=${path.includes("explain") ? 100 : 1000}${beyond}`,
    );
    count += page?.data?.length ?? 1;
    if (!page?.next_cursor) break;
    beyond = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
  return count;
}

/** Reads the changes of all models from the beginning until they are at this position. */
async function readChanges({ address, headers }: Asked, head: string): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  const response = await fetch(`${address}/v1/changes?after=0`, { headers, signal });
  let rest = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + Buffer.from(chunk).toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    const positions = lines.map((line) => Number(/^id: (\d+)/.exec(line)?.[1] ?? 0));
    if (Math.max(...positions) >= Number(head)) break;
  }
  done.abort();
}

const LISTS = [
  ...["/v1/balances", "/v1/withdrawals", "/v1/deposits", "/v1/trades", "/v1/anomalies"],
  ...[
    "/v1/quarantine",
    "/v1/deliveries",
    "/v1/events",
    "/v1/heads",
    "/v1/trades?known_at=2090-01-01T00:00:00Z",
  ],
  ...[`/v1/accounts/${ACCOUNT}/entries`, "/v1/trades/t2/history", "/v1/explain/trade/t2"],
  ...[`/v1/explain/balance/${ACCOUNT}`, "/v1/events?order=desc"],
];

async function pathsOf(asked: Asked): Promise<readonly string[]> {
  const first = async (path: string) => (await readPage(asked, `${path}?limit=10`))?.data ?? [];
  const deliveries = (await first("/v1/deliveries")).map(
    ({ delivery_id }) => `/v1/deliveries/${delivery_id}`,
  );
  const events = (await first("/v1/events")).map(({ id }) => `/v1/events/${id}`);
  const anomalies = (await first("/v1/anomalies")).map(({ id }) => `/v1/anomalies/${id}`);
  return [
    ...[...deliveries, ...deliveries.map((path) => `${path}/body`), ...events, ...anomalies],
    ...[`/v1/accounts/${ACCOUNT}`, "/v1/runs/1", "/v1/trades/t2", "/v1/search?q=t2", "/v1/totals"],
    ...["/v1/status", "/v1/projections", "/v1/head", "/v1/proofs/inclusion?position=5", "/metrics"],
    ...["/openapi.json"],
  ];
}

test("webhooks of the largest size are taken, read, rebuilt, verified and exported in 512 MiB", async () => {
  const memory = createMemoryGroup(MEMORY_MAX);
  const env: Environment = { ...configOf(newFolder()), ...(memory === null ? SMALL : {}) };
  const service = startRole(["start"], env, { memory });
  const address = await addressOf(service);
  const done = (what: string) =>
    tell(`${WEBHOOKS} long webhooks`, { [what]: `${memoryOf(service.pid) >> 10} MiB` });
  await sendAll(address);
  done("sent");
  const { secret } = await createKey(env, "--role", "operator");
  const asked = { address, headers: { authorization: `Bearer ${secret}` } };
  const { head } = await whenStatus(asked, ({ state }) => state === "live");
  const counts = new Map<string, number>();
  for (const path of LISTS) counts.set(path, await readList(asked, path, Number.POSITIVE_INFINITY));
  expect(counts.get("/v1/deliveries")).toBe(WEBHOOKS);
  const kinds = Array.from({ length: WEBHOOKS }, (_, at) => kindOf(at + 1));
  const countOf = (kind: Kind) => kinds.filter((one) => one === kind).length;
  expect(counts.get("/v1/trades")).toBe(countOf("trade.status_changed"));
  expect(counts.get("/v1/quarantine")).toBe(countOf("never.heard_of"));
  done("lists");
  const paths = await pathsOf(asked);
  for (const path of paths) await readPage(asked, path);
  await readChanges(asked, head);
  done("records and changes");
  const each = async (reader: number) => {
    for (const path of turned(LISTS, reader).slice(0, LISTS_EACH)) await readList(asked, path, 1);
    const some = turned(paths, reader * RECORDS_EACH).slice(0, RECORDS_EACH);
    for (const path of some) await readPage(asked, path);
  };
  await Promise.all(Array.from({ length: READERS }, (_, reader) => each(reader)));
  done("readers at once");
  for (const model of modelName.options) {
    const url = `${address}/v1/projections/${model}/rebuild`;
    expect((await fetch(url, { ...asked, method: "POST" })).status).toBe(202);
  }
  await whenRebuilt(asked);
  done("rebuilt by the service");
  expect(await stopRole(service)).toBe(0);
  const file = join(newFolder(), "export.jsonl");
  for (const args of [
    ["rebuild", "all"],
    ["verify", "--models"],
    ["export", "--format", "jsonl", "--out", file],
  ]) {
    const { code, stdout, stderr } = await runCommand(args, env, { memory });
    expect([args, code, code === 0 ? "" : stdout + stderr]).toEqual([args, 0, ""]);
  }
  memory?.remove();
});

const turned = <T>(all: readonly T[], by: number): readonly T[] => {
  const from = by % all.length;
  return [...all.slice(from), ...all.slice(0, from)];
};

/** All are activated, and never two at work at once: each takes the memory that one may take. */
async function whenRebuilt({ address, headers }: Asked): Promise<void> {
  for (;;) {
    const response = await fetch(`${address}/v1/projections`, { headers });
    const { data } = (await response.json()) as { data: readonly ProjectionRecord[] };
    const states = data.map(({ rebuild }) => rebuild?.state);
    // Such a rebuild ends in no other state.
    for (const end of ["refused", "failed"]) expect(states).not.toContain(end);
    if (states.every((state) => state === "activated")) return;
    const atWork = states.filter((state) => state === "building" || state === "comparing");
    expect(atWork.length).toBeLessThanOrEqual(1);
    await wait(50);
  }
}

/** The status once it is so of every projection. */
async function whenStatus(
  { address, headers }: Asked,
  isReached: (projection: StatusRecord["projections"][number]) => boolean,
): Promise<StatusRecord> {
  for (;;) {
    const response = await fetch(`${address}/v1/status`, { headers });
    const { data } = (await response.json()) as { data: StatusRecord };
    if (data.projections.every(isReached)) return data;
    await wait(50);
  }
}
