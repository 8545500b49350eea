import { nodeHashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { openEventStream as openPostgresStream } from "@counterfoil/adapters/postgres/event-stream";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import type { Environment } from "../../e2e/support/counterfoil.ts";
import { balanceBody } from "../../system/messages.ts";

const AT_ONCE = 500;
const START_MS = 1_746_000_000_000;

/** The account of which 5 USD are missing, among all the others. */
export const PLANTED = 7_342;

export const accountOf = (number: number): string =>
  `zerohash:P${String(number).padStart(6, "0")}:PLAT01:general:available:USD`;

/**
 * Fills a ledger, without a service, with a run for each of this many accounts. One has
 * three, and 5 USD are missing between its second and its third.
 *
 * @returns where it ends
 */
export async function fillAccounts(env: Environment, accounts: number): Promise<number> {
  const { COUNTERFOIL_DATA_DIR: dataDir = "", COUNTERFOIL_POSTGRES_URL: url } = env;
  const ledger = "default";
  const options = { ledger, hashing: nodeHashing, clock: systemClock };
  const stream = await (url === undefined
    ? openEventStream({ ...options, dataDir })
    : openPostgresStream({ ...options, url }));
  await openLedger(stream, { name: ledger, environment: "production" }, nodeHashing);
  const ingest = createIngest({ ...options, stream, translations: TRANSLATIONS });
  let some: Promise<unknown>[] = [];
  for (const body of bodies(accounts)) {
    const bytes = Buffer.from(JSON.stringify(body));
    some.push(ingest.submit({ ...WEBHOOK, bytes, receivedAt: systemClock.now() }));
    if (some.length < AT_ONCE) continue;
    await Promise.all(some);
    some = [];
  }
  await Promise.all(some);
  await ingest.stop();
  const { position } = await stream.head();
  await stream.close();
  return position;
}

function* bodies(accounts: number) {
  const reports = [
    ["100", "100"],
    ["20", "120"],
    ["5", "125"],
  ] as const;
  for (const [round, [change, balance]] of reports.entries()) {
    for (let number = 1; number <= accounts; number += 1) {
      if (round > 0 && number !== PLANTED) continue;
      const run = round * accounts + number;
      const code = `P${String(number).padStart(6, "0")}`;
      const account = {
        account_id: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
        participant_code: code,
        account_group: "PLAT01",
        asset: "USD",
      };
      const isPlanted = number === PLANTED && round === 2;
      const stated = isPlanted ? "130" : balance;
      yield balanceBody({ run, change, balance: stated, at: START_MS + run * 1000, account });
    }
  }
}

const WEBHOOK = {
  provider: "zerohash",
  channel: "webhook",
  payloadType: "account_balance.changed",
  notificationId: null,
  place: null,
  verdict: { signature: "valid", scheme: "hmac-sha256", key: "1" },
  correlationId: null,
} as const;
