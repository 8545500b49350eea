import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { configSchema } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildProgress } from "@counterfoil/contracts/operations-record";
import { formatTime } from "@counterfoil/core/exact/time";
import { createKey } from "@counterfoil/processing/access/keys";
import type { Rebuilds } from "@counterfoil/processing/generations/rebuild";
import { createMemoryKeyStore } from "@counterfoil/processing/testing/memory-key-store";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { EXAMPLES_FILE } from "../describe.ts";
import { balanceWebhook } from "./balance-webhook.ts";
import { type Answer, createTestGateway, testHeads } from "./test-gateway.ts";
import { createTestLedger, type TestLedger } from "./test-ledger.ts";

/*
 * `pnpm examples` sends requests to a gateway over a ledger with every documented flow, and writes the
 * answers: the examples of the OpenAPI document. The result is deterministic, and real except for the
 * progress of a rebuild, since none is started here.
 */

/** The request for each operation; `{…}` is a field of the first record of the previous list. */
const READ_REQUESTS = [
  ["listBalances", "/v1/balances?limit=1&asset=BTC"],
  ["getAccount", "/v1/accounts/{id}"],
  ["explain", "/v1/explain/balance/{id}?limit=3"],
  ["listEntries", "/v1/accounts/{id}/entries?limit=2"],
  ["getRun", "/v1/runs/{last_run_id}"],
  ["listWithdrawals", "/v1/withdrawals?limit=1"],
  ["getWithdrawal", "/v1/withdrawals/{id}"],
  ["listWithdrawalHistory", "/v1/withdrawals/{id}/history?limit=2"],
  ["listDeposits", "/v1/deposits?limit=1"],
  ["getDeposit", "/v1/deposits/{id}"],
  ["listDepositHistory", "/v1/deposits/{id}/history?limit=2"],
  ["listTrades", "/v1/trades?limit=1"],
  ["getTrade", "/v1/trades/{id}"],
  ["listTradeHistory", "/v1/trades/{id}/history?limit=2"],
  ["listAnomalies", "/v1/anomalies?limit=1&kind=gap"],
  ["getAnomaly", "/v1/anomalies/{id}"],
  ["listQuarantine", "/v1/quarantine?limit=1"],
  ["listEvents", "/v1/events?limit=2&type=MovementRecorded"],
  ["getEvent", "/v1/events/{id}"],
  ["listDeliveries", "/v1/deliveries?limit=2&channel=webhook"],
  ["getDelivery", "/v1/deliveries/{delivery_id}"],

  ["getStatus", "/v1/status"],
  ["listProjections", "/v1/projections"],
  ["listTotals", "/v1/totals?group_by=account_type&asset=BTC&asset=USD"],
  ["search", "/v1/search?q=P1"],
  ["getHead", "/v1/head"],
  ["getInclusionProof", "/v1/proofs/inclusion?position=10"],
  ["getHealth", "/healthz"],
  ["getReadiness", "/readyz"],
] as const;

/** An operator's requests, sent after the others, since they change the answers. */
const OPERATOR_REQUESTS = [
  ["retryQuarantined", "/v1/quarantine/{delivery_id}/retry", undefined],
  ["dismissQuarantined", "/v1/quarantine/{delivery_id}/dismiss", { note: "a test of theirs" }],
  ["acknowledgeAnomaly", "/v1/anomalies/{id}/acknowledge", { note: "asked the provider" }],
  ["startRebuild", "/v1/projections/balances/rebuild", undefined],
  ["rollBackProjection", "/v1/projections/balances/rollback", { generation: 1 }],
] as const;

const ledger = await createTestLedger();
for (const name of SCENARIOS.keys()) await ledger.play(name);
for (const report of [
  { run: 1, at: 1000, balance: "10", change: "10" },
  { run: 3, at: 3000, balance: "16", change: "1" },
]) {
  await ledger.deliver(balanceWebhook(report));
}
await ledger.deliver(zeroHashWebhook("weather.changed", {}));
await ledger.fold();
const folder = mkdtempSync(join(tmpdir(), "counterfoil-examples-"));
const keys = createMemoryKeyStore();
const gateway = await createTestGateway(ledger, {
  config: configSchema.parse({ COUNTERFOIL_HTTP_PORT: "0" }),
  keys,
  heads: testHeads(ledger, exampleKey(folder)),
  rebuilds: exampleRebuilds(ledger),
});
try {
  const examples = { ...(await readAnswers()), ...(await operatorAnswers()) };
  writeFileSync(EXAMPLES_FILE, `${JSON.stringify(examples, null, 2)}\n`);
  console.log(`${Object.keys(examples).length} examples written to ${EXAMPLES_FILE.pathname}`);
} finally {
  await gateway.stop();
  rmSync(folder, { recursive: true });
}

type Fields = Readonly<Record<string, unknown>>;

function filled(template: string, fields: Fields): string {
  return template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(fields[name])));
}

async function readAnswers(): Promise<Fields> {
  const examples: Record<string, unknown> = {};
  let first: Fields = {};
  for (const [operation, template] of READ_REQUESTS) {
    const url = filled(template, first);
    const body = bodyOf(url, await gateway.get(url));
    if (!template.includes("{") && Array.isArray(body.data)) [first = first] = body.data;
    examples[operation] = body;
  }
  examples.streamChanges = await firstChange(await gateway.start());
  const { tree_size: from } = examples.getHead as Fields;
  await ledger.deliver(balanceWebhook({ run: 4, at: 4000, balance: "17", change: "1" }));
  await ledger.fold();
  const to = (await gateway.get("/v1/head")).body.tree_size;
  const consistency = `/v1/proofs/consistency?from=${from}&to=${to}`;
  examples.getConsistencyProof = bodyOf(consistency, await gateway.get(consistency));
  examples.listHeads = (await gateway.get("/v1/heads?limit=1")).body;
  return examples;
}

/** The text of the first change, with its id. */
async function firstChange(address: string): Promise<string> {
  const response = await fetch(`${address}/v1/changes?after=0&model=anomalies`);
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes);
    const [change] = /^id: .+\nevent: .+\ndata: .+\n\n/m.exec(text) ?? [];
    if (change !== undefined) return change;
  }
  throw new Error(`no change came: ${text}`);
}

async function operatorAnswers(): Promise<Fields> {
  const headers = await operatorHeaders();
  const [unread] = (await gateway.send("GET", "/v1/quarantine?limit=1", { headers })).body.data;
  const gaps = await gateway.send("GET", "/v1/anomalies?limit=1&kind=gap", { headers });
  const [gap] = gaps.body.data;
  const examples: Record<string, unknown> = {};
  for (const [operation, template, payload] of OPERATOR_REQUESTS) {
    const url = filled(template, { ...unread, ...gap });
    const options = payload === undefined ? { headers } : { headers, payload };
    examples[operation] = bodyOf(url, await gateway.send("POST", url, options));
    if (operation === "startRebuild") {
      const rebuildUrl = "/v1/projections/balances/rebuild";
      examples.getRebuild = bodyOf(rebuildUrl, await gateway.send("GET", rebuildUrl, { headers }));
    }
  }
  return examples;
}

/** A key for this ledger alone, which exists only in this process. */
async function operatorHeaders(): Promise<Readonly<{ authorization: string }>> {
  const prefix = "cf_5d1c0b0e";
  const secret = {
    id: "5d1c0b0e-0000-4000-8000-000000000000",
    prefix,
    secret: `${prefix}_${"example".repeat(6)}0`,
  };
  const request = { role: "operator", platform: null, name: "ada", expiresAt: null } as const;
  const keeping = { ...ledger, keys, hashing: nodeHashing };
  await createKey(keeping, { request, secret, actor: "an example" });
  await ledger.clock.advance(1000);
  return { authorization: `Bearer ${secret.secret}` };
}

function bodyOf(url: string, { status, body }: Answer) {
  if (status >= 200 && status < 300) return body;
  throw new Error(`${url} was answered ${status}: ${body.detail}`);
}

/** A fixed key, so that the examples are the same every time. */
function exampleKey(folder: string): string {
  const seed = `302e020100300506032b657004220420${"5d".repeat(32)}`;
  const key = createPrivateKey({ key: Buffer.from(seed, "hex"), format: "der", type: "pkcs8" });
  const file = join(folder, "head.key");
  writeFileSync(file, key.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  return file;
}

/** Answers like a service that has just started a rebuild, without starting one. */
function exampleRebuilds({ catalogue, stream, clock }: TestLedger): Rebuilds {
  let latest: RebuildProgress | null = null;
  const start = async (model: ModelName, generation: number): Promise<RebuildProgress> => {
    latest = {
      model,
      generation,
      state: "building",
      position: "0",
      target: String((await stream.head()).position),
      events_per_second: 0,
      started_at: formatTime(clock.now()),
      finished_at: null,
      detail: null,
    };
    return latest;
  };
  return {
    start: (model) => start(model, 2),
    rollBack: (model, _actor, generation) => start(model, generation),
    generations: (model) => catalogue.generations(model),
    progress: () => latest,
  };
}
