import { createHmac } from "node:crypto";
import { type BenchDelivery, benchDeliveries } from "./ledger.ts";

/** A signed webhook. */
export type Signed = Readonly<{ body: string; headers: Readonly<Record<string, string>> }>;

export const ZERO_HASH_SECRET = "a secret of the bench";

/** Distinct balance webhooks of one movement each, signed now: they are stale after 5 minutes. */
export function* zeroHashWebhooks(count: number, accounts: number): Generator<Signed> {
  const timestamp = String(Date.now());
  let number = 0;
  for (const delivery of benchDeliveries(count, accounts)) {
    number += 1;
    const body = webhookBody(delivery);
    const mac = createHmac("sha256", ZERO_HASH_SECRET).update(body).update(timestamp);
    const headers = {
      "content-type": "application/json",
      "x-zh-hook-payload-type": "account_balance.changed",
      "x-zh-hook-notification-id": `notification-${number}`,
      "x-zh-hook-timestamp": timestamp,
      "x-zh-hook-signature": mac.digest("hex"),
    };
    yield { body, headers };
  }
}

/** About 600 bytes, keys in the provider's order. */
export function webhookBody({ facts }: BenchDelivery): string {
  const texts = facts.map(({ data }) => data as unknown as Record<string, string>);
  const [, movement = {}, report = {}] = texts;
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
