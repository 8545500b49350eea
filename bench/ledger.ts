import { systemClock } from "@counterfoil/adapters/node/runtime";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import { zeroHashAccountId } from "@counterfoil/core/account";
import { formatTime, MILLISECOND, SECOND } from "@counterfoil/core/exact/time";
import type { Clock } from "@counterfoil/processing/ports/clock";

/** The facts of one webhook: a run, one movement, the balance after it. */
export type BenchDelivery = Readonly<{ facts: readonly ProviderFact[]; receivedAt: string }>;

/** The time of the first run; each is 37 ms after the previous one. */
export const START = 1_750_000_000n * SECOND;
/**
 * The clock of all benches' streams. It shows a time before all arrivals: deliveries recorded long
 * after their arrival, as by a clock that ran ahead, would add rows to the models.
 */
export const benchClock: Clock = { ...systemClock, now: () => START };

const SATOSHI = 100_000_000n;

/** A consistent history over many accounts, deterministic for given numbers. */
export function* benchDeliveries(deliveries: number, accounts: number): Generator<BenchDelivery> {
  const balances = new Array<bigint>(accounts).fill(0n);
  let state = 42;
  for (let number = 0; number < deliveries; number += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const account = state % accounts;
    const change = BigInt((state >>> 8) % 1_000_000) + 1n;
    const balance = (balances[account] ?? 0n) + change;
    balances[account] = balance;
    yield delivery(number, account, change, balance);
  }
}

function delivery(number: number, account: number, change: bigint, balance: bigint): BenchDelivery {
  const at = START + BigInt(number) * 37n * MILLISECOND;
  const receivedAt = formatTime(at + 120n * MILLISECOND);
  const id = zeroHashAccountId({
    participant_code: `P${String(account).padStart(6, "0")}`,
    account_group: "ABC123",
    account_label: "general",
    account_type: "available",
    asset: "BTC",
  });
  const run = { run_id: String(5_000_000 + number), run_type: "deposit" };
  const common = { provider: "zerohash", translation: 1 } as const;
  const ours = { account: id, account_id: uuid(1, account), received_at: receivedAt };
  const occurred_at = formatTime(at);
  const moved = formatTime(at + 60n * MILLISECOND);
  return {
    receivedAt,
    facts: [
      { type: "RunRecorded", data: { ...common, ...run, occurred_at } },
      {
        type: "MovementRecorded",
        data: {
          ...common,
          ...ours,
          ...run,
          movement_id: uuid(2, number),
          movement_type: "deposit",
          change: decimal(change),
          occurred_at: moved,
          deposit_reference_id: uuid(3, number),
        },
      },
      {
        type: "BalanceReported",
        data: { ...common, ...ours, ...run, balance: decimal(balance), occurred_at },
      },
    ],
  };
}

function uuid(kind: number, number: number): string {
  return `0000000${kind}-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
}

function decimal(units: bigint): string {
  const fraction = String(units % SATOSHI)
    .padStart(8, "0")
    .replace(/0+$/, "");
  return fraction === "" ? String(units / SATOSHI) : `${units / SATOSHI}.${fraction}`;
}
