import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "@counterfoil/adapters/kafka/client";
import { readCommitted } from "@counterfoil/adapters/kafka/testing/read-committed";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import type { BalanceRecord } from "@counterfoil/contracts/record";
import { balanceWebhook } from "@counterfoil/gateway/testing/balance-webhook";
import { zeroHashHeaders } from "@counterfoil/simulator/webhook-sender";
import { pino } from "pino";
import { type Installation, trialSecret } from "./installation.ts";

const PATIENCE_MS = 120_000;

/** Looks until an answer comes that is wanted; a container that starts again refuses for a while. */
async function eventually<Answer>(
  what: string,
  look: () => Promise<Answer | null>,
): Promise<Answer> {
  const deadline = performance.now() + PATIENCE_MS;
  let last: unknown = null;
  for (;;) {
    try {
      const answer = await look();
      if (answer !== null) return answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`waited in vain for ${what}`, { cause: last });
    await pause(200);
  }
}

/** One deposit of 1 USD: the run with this number leaves this many. */
function balanceChanged(run: number): string {
  const report = { run, at: run * 60_000, balance: String(run), change: "1" };
  const step = balanceWebhook(report);
  if (step.kind !== "zerohash-webhook") throw new Error(`no webhook: ${step.kind}`);
  return step.body;
}

/** Sends one signed webhook, once. @returns the answer's status */
export async function sendRun(port: number, run: number, secret = trialSecret()): Promise<number> {
  const body = balanceChanged(run);
  const envelope = {
    body,
    payloadType: "account_balance.changed",
    notificationId: `notification-${run}`,
    timestampMs: Date.now(),
  };
  const { status } = await fetch(`http://127.0.0.1:${port}/webhooks/zerohash`, {
    method: "POST",
    headers: zeroHashHeaders(envelope, { secret }),
    body,
  });
  return status;
}

/** Sends it again and again until it is acknowledged, as the provider does. */
export async function deliverRun(port: number, run: number): Promise<void> {
  await eventually(`run ${run} to be acknowledged`, async () =>
    (await sendRun(port, run)) === 200 ? true : null,
  );
}

/** The account's balance once a run is in it. */
export function balanceAfter({ ports }: Installation, run: number): Promise<BalanceRecord> {
  return eventually(`run ${run} in the balance`, async () => {
    const [balance] = await read<readonly BalanceRecord[]>(ports.http, "/v1/balances");
    return balance?.last_run_id === String(run) ? balance : null;
  });
}

/** The status once every model has folded the whole stream. */
export function settledStatus({ ports }: Installation): Promise<StatusRecord> {
  return eventually("all models at the head", async () => {
    const status = await read<StatusRecord>(ports.http, "/v1/status");
    return status.projections.every(({ lag, state }) => lag === 0 && state === "live")
      ? status
      : null;
  });
}

async function read<Data>(port: number, path: string): Promise<Data> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return ((await response.json()) as { data: Data }).data;
}

/** The last published balance, once it is that of a run. */
export function publishedAfter(
  { ports }: Installation,
  topic: string,
  run: number,
): Promise<BalanceRecord> {
  const kafka = createClient({
    brokers: [`127.0.0.1:${ports.kafka}`],
    clientId: "containers-test",
    logger: pino({ level: "silent" }),
  });
  return eventually(`run ${run} on ${topic}`, async () => {
    const last = (await readCommitted(kafka, [topic])).at(-1);
    const record = JSON.parse(last?.value ?? "{}") as BalanceRecord;
    return record.last_run_id === String(run) ? record : null;
  });
}
