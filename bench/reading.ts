import { once } from "node:events";
import { existsSync } from "node:fs";
import { Agent, createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { formatTime, MILLISECOND } from "@counterfoil/core/exact/time";
import {
  runCommand,
  type ServiceProcess,
  startServiceProcess,
} from "@counterfoil/counterfoil/demo/service";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { Browser, Page, Request } from "playwright-core";
import { CHROMIUM, startBrowser } from "../test/console/support/browser.ts";
import { inFolder, openBenchStream } from "./append.ts";
import { START } from "./ledger.ts";
import { alternate, type BenchOptions, type BenchRow, percentile } from "./measure.ts";
import { inDatabase, openBenchStream as openPostgresStream } from "./postgres-server.ts";
import { fillStream } from "./rebuild.ts";

type Environment = Readonly<Record<string, string>>;

/** How often each query is sent: fewer after a minute, but at least the minimum. */
const TIMES = 300;
const TIMES_MIN = 50;
const ROW_MS = 60_000;
/** So often each query is sent first, until V8 has compiled what answers it. */
const WARM_UPS = 200;

/** Why no browser can be started on this machine; null if one can. */
export const missingForBrowser = (): string | null =>
  existsSync(CHROMIUM) ? null : `no ${CHROMIUM} on this machine`;

/** Interactive queries of a large ledger: sums, a search, the console's start page. */
export function benchReading(options: BenchOptions): Promise<readonly BenchRow[]> {
  return inFolder(async (dataDir) => {
    await fill(await openBenchStream(dataDir), options);
    return readingRows("SQLite", { COUNTERFOIL_DATA_DIR: dataDir }, options);
  });
}

/** The same on a PostgreSQL server. */
export function benchPostgresReading(options: BenchOptions): Promise<readonly BenchRow[]> {
  return inDatabase(({ url }) =>
    inFolder(async (dataDir) => {
      await fill(await openPostgresStream(url), options);
      const env = { COUNTERFOIL_DATA_DIR: dataDir, COUNTERFOIL_POSTGRES_URL: url };
      return readingRows("PostgreSQL", env, options);
    }),
  );
}

async function fill(stream: EventStream, { facts, accounts }: BenchOptions): Promise<void> {
  await openLedger(stream, { name: "default", environment: "production" }, nodeHashing);
  await fillStream(stream, Math.ceil(facts / 3), accounts);
  await stream.close();
}

async function readingRows(
  engine: string,
  ledger: Environment,
  options: BenchOptions,
): Promise<readonly BenchRow[]> {
  const env = { ...ledger, COUNTERFOIL_HTTP_PORT: "0", COUNTERFOIL_RATE_LIMIT: "0" };
  await runCommand(env, ["rebuild", "all"]);
  const size = `${engine}, ${options.accounts.toLocaleString("en")} accounts`;
  const asked = await withService(env, async (service) => [
    await questionRow(service, `GET /v1/totals, ${size}, p99`, 50, totals(options)),
    await questionRow(service, `GET /v1/search, ${size}, p99`, 100, searches(options)),
    await questionRow(
      service,
      `one account of a past moment, ${size}, p99`,
      5,
      pastAccounts(options),
    ),
    await questionRow(service, `a page of a past moment, ${size}, p99`, 20, pastPages(options)),
  ]);
  return [...asked, await firstViewRow(env, size, options.rounds)];
}

async function withService<T>(env: Environment, work: (service: ServiceProcess) => Promise<T>) {
  const service = await startServiceProcess(env);
  try {
    return await work(service);
  } finally {
    await service.stop();
  }
}

/** A kind of query, and the path of its n-th request. */
type Question = readonly [kind: string, path: (number: number) => string];

const totals = ({ facts }: BenchOptions): readonly Question[] => [
  ["asset", () => "/v1/totals"],
  ["all groups", () => "/v1/totals?group_by=account_type&group_by=account_group&group_by=provider"],
  ["at a position", (number) => `/v1/totals?at_position=${1 + ((number * 7919) % facts)}`],
];

/** Different moments all over the ledger. */
function moments({ facts }: BenchOptions): Readonly<Record<string, (number: number) => string>> {
  const delivery = (number: number) => (number * 7919) % Math.ceil(facts / 3);
  const position = (number: number) => `at_position=${2 + 4 * delivery(number)}`;
  const time = (number: number) =>
    `as_of=${formatTime(START + BigInt(delivery(number)) * 37n * MILLISECOND)}`;
  const known = `known_at=${new Date().toISOString()}`;
  return {
    at_position: position,
    as_of: time,
    known_at: () => known,
    "as_of with at_position": (number) => `${time(number)}&${position(number + 1)}`,
    "as_of with known_at": (number) => `${time(number)}&${known}`,
  };
}

const accountPath = (number: number): string =>
  `/v1/accounts/zerohash:P${String(number).padStart(6, "0")}:ABC123:general:available:BTC`;

/** A moment before the account existed is answered with 404, which takes as long. */
const pastAccounts = (options: BenchOptions): readonly Question[] =>
  Object.entries(moments(options)).map(([kind, moment]) => [
    kind,
    (number) => `${accountPath((number * 7919) % options.accounts)}?${moment(number)}`,
  ]);

const pastPages = (options: BenchOptions): readonly Question[] =>
  ["/v1/balances", "/v1/withdrawals", "/v1/anomalies"].flatMap((path) =>
    Object.entries(moments(options))
      .filter(([kind]) => path !== "/v1/anomalies" || !kind.startsWith("as_of"))
      .map(
        ([kind, moment]): Question => [
          `${path} ${kind}`,
          (number) => `${path}?limit=100&${moment(number)}`,
        ],
      ),
  );

/** Identifiers from `benchDeliveries`, each searched once. */
function searches({ facts, accounts }: BenchOptions): readonly Question[] {
  const digits = (value: number) => String(value % accounts).padStart(6, "0");
  const uuid = (kind: number, value: number) =>
    `0000000${kind}-0000-4000-8000-${value.toString(16).padStart(12, "0")}`;
  const delivery = (number: number) => (number * 7919) % Math.ceil(facts / 3);
  const kinds: Readonly<Record<string, (number: number) => string>> = {
    account: (number) => `zerohash:P${digits(number * 7919)}:ABC123:general:available:BTC`,
    "the beginning of an account": (number) => `zerohash:P${digits(number * 7919).slice(0, 3)}`,
    "the provider's account": (number) => uuid(1, (number * 7919) % accounts),
    participant: (number) => `P${digits(number * 7919)}`,
    group: () => "ABC123",
    run: (number) => String(5_000_000 + delivery(number)),
    movement: (number) => uuid(2, delivery(number)),
    reference: (number) => uuid(3, delivery(number)),
    delivery: (number) =>
      `d0000000-0000-5000-8000-${(1 + delivery(number)).toString(16).padStart(12, "0")}`,
    position: (number) => String(2 + delivery(number)),
    nothing: (number) => `nothing-${number}`,
  };
  return Object.entries(kinds).map(([kind, text]) => [
    kind,
    (number) => `/v1/search?q=${encodeURIComponent(text(number))}`,
  ]);
}

/** Sends queries one after the other, each alternating with a request that reads nothing. */
async function questionRow(
  { address }: ServiceProcess,
  name: string,
  target: number,
  questions: readonly Question[],
): Promise<BenchRow> {
  for (let time = 0; time < WARM_UPS; time += 1) {
    for (const [, path] of questions) await askMs(address + path(TIMES + time));
  }
  const bare: number[] = [];
  const byKind = new Map<string, number[]>(questions.map(([kind]) => [kind, []]));
  const started = performance.now();
  const isEnough = (times: number) => times >= TIMES_MIN && performance.now() - started > ROW_MS;
  let times = 0;
  for (; times < TIMES && !isEnough(times); times += 1) {
    for (const [kind, path] of questions) {
      byKind.get(kind)?.push(await askMs(address + path(times)));
      bare.push(await askMs(`${address}/healthz`));
    }
  }
  const worst = [...byKind].map(([kind, times]) => [kind, percentile(times, 0.99)] as const);
  worst.sort(([, a], [, b]) => b - a);
  const [slowest, p99] = worst[0] ?? ["", 0];
  const p50 = percentile([...byKind.values()].flat(), 0.5);
  return {
    name,
    unit: "ms",
    ours: p99,
    limit: percentile(bare, 0.99),
    limitName: "GET /healthz of the same service, in turn",
    ratio: null,
    target,
    isBetterBelow: true,
    note: `of the slowest of ${questions.length} kinds, ${slowest}, asked ${times} times; p50 of all ${p50.toFixed(1)} ms`,
  };
}

/** One connection is kept, and no `fetch`: its garbage would be collected in the time that is measured. */
const CLIENT = new Agent({ keepAlive: true, maxSockets: 1 });

async function askMs(url: string): Promise<number> {
  const started = performance.now();
  const headers = { "accept-encoding": "gzip" };
  const [response] = (await once(get(url, { agent: CLIENT, headers }), "response")) as [
    IncomingMessage,
  ];
  await once(response.resume(), "end");
  const { statusCode = 0 } = response;
  if (statusCode !== 200 && statusCode !== 404) throw new Error(`${url}: ${statusCode}`);
  return performance.now() - started;
}

/** Explains an account of many entries: pages of 100 facts, at present and at an earlier position. */
export function benchExplain({ facts }: BenchOptions): Promise<BenchRow> {
  return inFolder(async (dataDir) => {
    await fill(await openBenchStream(dataDir), { facts, accounts: 1, rounds: 1 });
    const env = {
      COUNTERFOIL_DATA_DIR: dataDir,
      COUNTERFOIL_HTTP_PORT: "0",
      COUNTERFOIL_RATE_LIMIT: "0",
    };
    await runCommand(env, ["rebuild", "all"]);
    return withService(env, async (service) => {
      const path = accountPath(0).replace("accounts", "explain/balance");
      const first = await fetch(`${service.address}${path}`);
      const { next_cursor, position } = (await first.json()) as Record<string, string>;
      const entries = Math.ceil(facts / 3).toLocaleString("en");
      return questionRow(
        service,
        `a page of an explanation, SQLite, ${entries} entries, p99`,
        100,
        [
          ["the newest", () => path],
          ["the one behind it", () => `${path}?cursor=${next_cursor}`],
          ["of 100 events ago", () => `${path}?at_position=${Number(position) - 100}`],
        ],
      );
    });
  });
}

/** The start page of a process that has just started, from the connection until the page is complete. */
async function firstViewRow(env: Environment, size: string, rounds: number): Promise<BenchRow> {
  const browser = await startBrowser();
  try {
    const recorded = await withService(env, ({ address }) => recordView(browser, address));
    const limit = await serveRecorded(recorded);
    const ours = () => withService(env, ({ address }) => view(browser, address));
    const measured = await alternate(rounds, ours, () => view(browser, limit.address));
    limit.close();
    return {
      name: `first view of the console's start page, ${size}`,
      unit: "ms",
      ...measured,
      limitName: "the same files and answers from the memory of a bare server",
      ratio: null,
      target: 1_000,
      isBetterBelow: true,
      note: `ratio ${measured.ratio.toFixed(2)}; a new process, and a browser without a cache`,
    };
  } finally {
    await browser.close();
  }
}

async function view(browser: Browser, address: string): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const started = performance.now();
  await page.goto(address, { waitUntil: "commit" });
  await untilShown(page);
  const ms = performance.now() - started;
  await context.close();
  return ms;
}

async function untilShown(page: Page): Promise<void> {
  await page.locator(".verdict .answer").waitFor();
  await page.locator(".loading").first().waitFor({ state: "detached" });
}

type Recorded = ReadonlyMap<string, Readonly<{ type: string; body: Buffer }>>;

/** The answers to the browser, by path. */
async function recordView(browser: Browser, address: string): Promise<Recorded> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const recorded = new Map<string, Readonly<{ type: string; body: Buffer }>>();
  const answers: Promise<void>[] = [];
  const record = async (request: Request) => {
    const response = await request.response();
    const { pathname, search } = new URL(request.url());
    const type = response?.headers()["content-type"] ?? "";
    if (response !== null) recorded.set(pathname + search, { type, body: await response.body() });
  };
  page.on("requestfinished", (request) => answers.push(record(request)));
  await page.goto(address);
  await untilShown(page);
  await page.waitForLoadState("load");
  page.removeAllListeners("requestfinished");
  await Promise.all(answers);
  await context.close();
  return recorded;
}

async function serveRecorded(recorded: Recorded) {
  const server = createServer(({ url = "" }, response) => {
    const answer = recorded.get(url);
    // The change stream stays open without an event.
    if (answer === undefined) response.writeHead(200, { "content-type": "text/event-stream" });
    else response.writeHead(200, { "content-type": answer.type }).end(answer.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    close: () => server.close().closeAllConnections(),
  };
}
