import { formatTime, MILLISECOND } from "@counterfoil/core/exact/time";
import { type ScenarioStep, zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";

/** What a test specifies of a report; the rest has default values. */
export type Report = Readonly<{
  run: number;
  /** When it took effect: milliseconds of 2025-06-01. */
  at: number;
  balance: string;
  change: string;
  account?: Readonly<Record<string, string>>;
  accountId?: string;
  movementId?: string;
}>;

const ACCOUNT = {
  participant_code: "P1",
  account_group: "G1",
  account_label: "general",
  account_type: "available",
  asset: "USD",
};

export const ACCOUNT_ID = "zerohash:P1:G1:general:available:USD";

const DAY_MS = Date.UTC(2025, 5, 1);

/** A moment of 2025-06-01. */
export const timeAt = (ms: number): string => formatTime(BigInt(DAY_MS + ms) * MILLISECOND);

/** A signed webhook that reports one run with one movement on one account. */
export function balanceWebhook(report: Report): ScenarioStep {
  const { run, at, balance, change, account = {}, accountId = "a-1", movementId } = report;
  return zeroHashWebhook("account_balance.changed", {
    ...ACCOUNT,
    ...account,
    balance,
    movements: [
      {
        account_id: accountId,
        change,
        movement_id: movementId ?? `m-${run}-${accountId}`,
        movement_timestamp: DAY_MS + at,
        movement_type: "deposit",
      },
    ],
    run_id: String(run),
    run_type: "deposit",
    timestamp: DAY_MS + at,
  });
}
