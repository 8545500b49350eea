import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import autocannon from "autocannon";
import { inFolder } from "./append.ts";
import { LAYER1_PUBLIC_KEY, layer1Webhooks } from "./layer1-webhooks.ts";
import { alternate, type BenchOptions, type BenchRow } from "./measure.ts";
import { type Signed, ZERO_HASH_SECRET, zeroHashWebhooks } from "./zero-hash-webhooks.ts";

const CONNECTIONS = 64;

type Offer = Readonly<{ webhooks: readonly Signed[]; path: string }>;

/**
 * Durable acknowledgements of distinct, HMAC-signed balance webhooks over 64 connections from
 * another process. The limit parses the same bodies and answers `{"ok":true}`.
 */
export async function benchAcknowledge(options: BenchOptions): Promise<BenchRow> {
  const { facts, accounts, rounds } = options;
  const webhooks = [...zeroHashWebhooks(Math.ceil(facts / 3), accounts)];
  const measured = await measure({ webhooks, path: "/webhooks/zerohash" }, rounds);
  return { name: "durable webhook acknowledgements/s, SQLite", target: 0.5, ...measured };
}

/** The same for Layer1's webhooks, whose ECDSA verification takes a quarter of a millisecond each. */
export async function benchAcknowledgeLayer1(options: BenchOptions): Promise<BenchRow> {
  const { facts, accounts, rounds } = options;
  const webhooks = layer1Webhooks(Math.ceil(facts / 3), accounts);
  const measured = await measure({ webhooks, path: "/webhooks/layer1" }, rounds);
  return { name: "the same for Layer1's ECDSA", target: null, ...measured };
}

/**
 * The same with traces to an endpoint that accepts connections and never answers: the cost of a
 * collector that hangs.
 */
export async function benchAcknowledgeTraced(options: BenchOptions): Promise<BenchRow> {
  const { facts, accounts, rounds } = options;
  const webhooks = [...zeroHashWebhooks(Math.ceil(facts / 3), accounts)];
  const offer = { webhooks, path: "/webhooks/zerohash" };
  const hanging = createServer(() => {}).listen(0, "127.0.0.1");
  await once(hanging, "listening");
  const { port } = hanging.address() as AddressInfo;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  try {
    const traced = () => inFolder((folder) => acknowledged("ours", offer, folder, env));
    const plain = () => inFolder((folder) => acknowledged("ours", offer, folder));
    const measured = await alternate(rounds, traced, plain);
    const name = "the same with traces to an endpoint that hangs";
    const limitName = "the same without traces";
    return { name, unit: "webhooks/s", target: 0.9, limitName, ...measured };
  } finally {
    hanging.closeAllConnections();
    hanging.close();
  }
}

async function measure(offer: Offer, rounds: number) {
  const ours = () => inFolder((folder) => acknowledged("ours", offer, folder));
  const limit = () => inFolder((folder) => acknowledged("bare", offer, folder));
  const measured = await alternate(rounds, ours, limit);
  return { unit: "webhooks/s", limitName: "a bare Fastify POST route", ...measured };
}

async function acknowledged(
  mode: "ours" | "bare",
  { webhooks, path }: Offer,
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const server = fork(join(import.meta.dirname, "acknowledge-server.ts"), [mode, path], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    env: {
      PATH: process.env.PATH,
      ...env,
      COUNTERFOIL_DATA_DIR: dataDir,
      COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: ZERO_HASH_SECRET,
      COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: LAYER1_PUBLIC_KEY,
    },
  });
  try {
    const [{ port }] = (await once(server, "message")) as [{ port: number }];
    return await load(`http://127.0.0.1:${port}${path}`, webhooks);
  } finally {
    await ended(server);
  }
}

/** Sends every webhook once; the connections share the list. */
async function load(url: string, webhooks: readonly Signed[]): Promise<number> {
  let next = 0;
  let lastAnswer = 0;
  const options = {
    url,
    connections: CONNECTIONS,
    amount: webhooks.length,
    requests: [
      {
        method: "POST",
        setupRequest: (request: object) => {
          const webhook = webhooks[next % webhooks.length];
          next += 1;
          return { ...request, ...webhook };
        },
        // The load generator stops only at whole seconds, so the last answer is timed here.
        onResponse: () => {
          lastAnswer = performance.now();
        },
      },
    ],
  };
  const started = performance.now();
  const result = await autocannon(options as never);
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${result.non2xx} refused, ${result.errors} failed`);
  }
  return webhooks.length / ((lastAnswer - started) / 1000);
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const exit = once(server, "exit");
  server.kill("SIGTERM");
  await exit;
}
