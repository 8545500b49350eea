import type { Delivery, Receipt } from "@counterfoil/processing/ports/ingest";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import type { ScenarioStep } from "@counterfoil/simulator/scenarios/scenario";
import type { TestLedger } from "./support.ts";

type Place = Readonly<{ connection: string; frame: number }>;

type Given = Readonly<{
  body: unknown;
  payloadType?: string;
  provider?: "zerohash" | "layer1";
  place?: Place;
  receivedAt: bigint;
}>;

/** A webhook, or with a place a frame of the feed. Texts go out as they are. */
export function delivery(given: Given): Delivery {
  const { body, provider = "zerohash", place = null, receivedAt } = given;
  const { payloadType = "account_balance.changed" } = given;
  const channel = place === null ? "webhook" : "feed";
  return {
    provider,
    channel,
    payloadType: channel === "feed" ? "feed" : payloadType,
    notificationId: null,
    place,
    verdict: { signature: channel === "feed" ? "none" : "valid" },
    bytes: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
    receivedAt,
    correlationId: null,
  };
}

export function take(ledger: TestLedger, given: Omit<Given, "receivedAt">): Promise<Receipt> {
  return ledger.submit(delivery({ ...given, receivedAt: ledger.clock.now() }));
}

const SECOND = 1_000_000_000n;

/** The documented flow over webhooks and one connection of the feed, a second between two steps. */
export async function playScenario(ledger: TestLedger, name: string): Promise<readonly Receipt[]> {
  const connection = `scenario-${name}`;
  const openedAt = ledger.clock.now();
  await ledger.feedOpened({ provider: "zerohash", connection, multi_chain: true, openedAt });
  const receipts: Receipt[] = [];
  let frame = 0;
  for (const step of SCENARIOS.get(name)?.steps ?? []) {
    ledger.clock.set(ledger.clock.now() + SECOND);
    if (step.kind.startsWith("feed-")) frame += 1;
    receipts.push(await take(ledger, given(step, { connection, frame })));
  }
  return receipts;
}

function given(step: ScenarioStep, place: Place): Omit<Given, "receivedAt"> {
  switch (step.kind) {
    case "layer1-webhook": {
      const payloadType = String(JSON.parse(step.body).event);
      return { body: step.body, provider: "layer1", payloadType };
    }
    case "zerohash-webhook":
      return { body: step.body, payloadType: step.payloadType };
    default:
      return { body: step.text, place };
  }
}

export type Change = Readonly<{
  run: string | number;
  change: string;
  balance: string;
  /** Milliseconds since 1970. */
  at: number;
  account?: Readonly<Record<string, string>>;
}>;

export const ACCOUNT = {
  account_id: "009bbe95-256b-423e-913f-139684017032",
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
};
export const ACCOUNT_ID = "zerohash:DEF456:ABC123:general:available:BTC";

/** The body of `account_balance.changed`: a run of one movement. */
export function balanceBody({ run, change, balance, at, account = {} }: Change) {
  return {
    ...ACCOUNT,
    ...account,
    balance,
    run_id: String(run),
    run_type: "transfer",
    timestamp: at - 60,
    movements: [
      { movement_id: `m-${run}`, movement_type: "transfer", movement_timestamp: at, change },
    ],
  };
}

export const frameBody = (change: Change) => ({
  messageType: "balance-updated",
  body: balanceBody(change),
});

export const snapshotBody = (balances: readonly Readonly<Record<string, string>>[]) => ({
  messageType: "initial-balance",
  body: balances.map((account) => ({ ...ACCOUNT, ...account })),
});
