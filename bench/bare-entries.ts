import { timeOf } from "@counterfoil/core/exact/time";
import { ENTRIES } from "@counterfoil/processing/models/balances/tables";
import { Decimal } from "decimal.js";

export const ENTRY_COLUMNS = Object.keys(ENTRIES.columns);

/** The fields of an event that the limit reads. */
export type BareEvent = Readonly<{ position: unknown; type: unknown; data: unknown }>;
export type BareRow = readonly (string | number | bigint | null)[];

/**
 * The limit's fold: it parses every event, adds up balances with decimal.js, and creates the same
 * entry row for each report. No order, no gaps, no digests, no change rows.
 */
export function createBareFold(): (event: BareEvent) => BareRow | null {
  const balances = new Map<string, Decimal>();
  let movement: Record<string, string> = {};
  return (event) => {
    const data = JSON.parse(String(event.data));
    if (event.type === "MovementRecorded") movement = data;
    if (event.type !== "BalanceReported") return null;
    const change = new Decimal(String(movement.change));
    const balance = (balances.get(data.account) ?? new Decimal(data.balance).minus(change)).plus(
      change,
    );
    balances.set(data.account, balance);
    const at = timeOf(String(movement.occurred_at));
    return entryValues({ data, event, balance, change, at });
  };
}

type Bare = Readonly<{
  data: Record<string, string>;
  event: BareEvent;
  balance: Decimal;
  change: Decimal;
  at: bigint;
}>;

/** The values in the order of the table's columns. */
function entryValues({ data, event, balance, change, at }: Bare): BareRow {
  const [shown, moved] = [balance.toFixed(), change.toFixed()];
  const row: Record<string, string | number | bigint | null> = {
    account: data.account ?? null,
    id: `run:${data.run_id}`,
    kind: "run",
    run_id: data.run_id ?? null,
    run_type: data.run_type ?? null,
    occurred_at: at,
    dated_at: at,
    effective_at: at,
    placed_at: at,
    rank: 0,
    mark: `${data.run_id}`,
    joined: 0,
    change: moved,
    balance: shown,
    running: shown,
    contradictions: 0,
    report: `{"data":${event.data},"position":${event.position},"deliveryId":null}`,
    movements: 1,
    movement_sum: moved,
    arrived_at: at,
    recorded_at: Number(event.position),
    late: 0,
    delivery_id: "d0000000-0000-5000-8000-000000000000",
    position: Number(event.position),
  };
  return ENTRY_COLUMNS.map((column) => row[column] ?? null);
}
