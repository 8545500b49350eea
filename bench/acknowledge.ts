import { type ChildProcess, fork } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import autocannon from "autocannon";
import { inFolder } from "./append.ts";
import { benchDeliveries } from "./ledger.ts";
import { alternate, type BenchOptions, type BenchRow } from "./measure.ts";

const CONNECTIONS = 64;
const SECRET = "a secret of the bench";

/** A signed webhook, ready to be sent. */
type Signed = Readonly<{ body: string; headers: Readonly<Record<string, string>> }>;

/**
 * Durable acknowledgements of distinct, HMAC-signed balance webhooks over 64 connections from
 * another process. The limit parses the same bodies and answers `{"ok":true}`.
 */
export async function benchAcknowledge({
  facts,
  accounts,
  rounds,
}: BenchOptions): Promise<BenchRow> {
  const webhooks = signedWebhooks(Math.ceil(facts / 3), accounts);
  const ours = () => inFolder((folder) => offer("ours", webhooks, folder));
  const limit = () => inFolder((folder) => offer("bare", webhooks, folder));
  const measured = await alternate(rounds, ours, limit);
  return {
    name: "durable webhook acknowledgements/s, SQLite",
    unit: "webhooks/s",
    limitName: "a bare Fastify POST route",
    target: 0.5,
    ...measured,
  };
}

function signedWebhooks(count: number, accounts: number): readonly Signed[] {
  const timestamp = String(Date.now());
  return [...benchDeliveries(count, accounts)].map(({ facts }, number) => {
    const body = webhookBody(facts.map(({ data }) => data as unknown as Record<string, string>));
    const mac = createHmac("sha256", SECRET).update(body).update(timestamp).digest("hex");
    const headers = {
      "content-type": "application/json",
      "x-zh-hook-payload-type": "account_balance.changed",
      "x-zh-hook-notification-id": `notification-${number}`,
      "x-zh-hook-timestamp": timestamp,
      "x-zh-hook-signature": mac,
    };
    return { body, headers };
  });
}

/** About 600 bytes, keys in the provider's order. */
function webhookBody([, movement = {}, report = {}]: readonly Record<string, string>[]): string {
  const [, participant, group, label, type, asset] = String(report.account).split(":");
  return JSON.stringify({
    account_group: group,
    account_label: label,
    account_type: type,
    asset,
    balance: report.balance,
    movements: [
      {
        account_id: movement.account_id,
        change: movement.change,
        deposit_reference_id: movement.deposit_reference_id,
        movement_id: movement.movement_id,
        movement_timestamp: Date.parse(String(movement.occurred_at)),
        movement_type: movement.movement_type,
      },
    ],
    participant_code: participant,
    run_id: report.run_id,
    run_type: report.run_type,
    timestamp: Date.parse(String(report.occurred_at)),
  });
}

async function offer(
  mode: "ours" | "bare",
  webhooks: readonly Signed[],
  dataDir: string,
): Promise<number> {
  const server = fork(join(import.meta.dirname, "acknowledge-server.ts"), [mode], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    env: {
      PATH: process.env.PATH,
      COUNTERFOIL_DATA_DIR: dataDir,
      COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: SECRET,
    },
  });
  try {
    const [{ port }] = (await once(server, "message")) as [{ port: number }];
    return await load(`http://127.0.0.1:${port}/webhooks/zerohash`, webhooks);
  } finally {
    await ended(server);
  }
}

/** Every webhook once; the connections share the list. */
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
        // The load generator itself ends at whole seconds.
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
