import { writeFileSync } from "node:fs";
import { SCENARIOS } from "@counterfoil/simulator/scenarios/registry";
import { zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { EXAMPLES_FILE } from "../examples.ts";
import { balanceWebhook } from "./balance-webhook.ts";
import { createTestGateway } from "./test-gateway.ts";
import { createTestLedger } from "./test-ledger.ts";

/*
 * `pnpm examples` asks a ledger with every documented flow on it, and writes what it answers: the
 * examples of the OpenAPI document. Nothing in it is made up, and it comes out the same every time.
 */

/** By operation what is asked; `{…}` is the first record's field of the list before. */
const QUESTIONS = [
  ["listBalances", "/v1/balances?limit=1&asset=BTC"],
  ["getAccount", "/v1/accounts/{id}"],
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
const gateway = await createTestGateway(ledger);

const examples: Record<string, unknown> = {};
let first: Readonly<Record<string, unknown>> = {};
for (const [operation, template] of QUESTIONS) {
  const url = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(first[name])));
  const { status, body } = await gateway.get(url);
  if (status !== 200) throw new Error(`${url} was answered ${status}: ${body.detail}`);
  if (!template.includes("{") && Array.isArray(body.data)) [first = first] = body.data;
  examples[operation] = body;
}
await gateway.stop();
writeFileSync(EXAMPLES_FILE, `${JSON.stringify(examples, null, 2)}\n`);
console.log(`${QUESTIONS.length} examples written to ${EXAMPLES_FILE.pathname}`);
