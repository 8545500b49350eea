import type { MovementRecord } from "@counterfoil/contracts/record";
import { agreedTime } from "@counterfoil/core/exact/time";
import { type FactState, inForce, timesOf } from "@counterfoil/core/ingest/fact-state";
import { movementFrom } from "../models/balances/entry-row.ts";
import { MOVEMENTS } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";

/** A run may have any number of movements; an answer shows as many, and says how many there are. */
export const MOVEMENTS_SHOWN = 1000;

/** The movements in force of an entry, in order of their time, then id. */
export async function readMovements(rows: Rows, entry: Row): Promise<readonly FactState[]> {
  if (entry.kind !== "run" || entry.movements === 0) return [];
  const stored = await rows.select(MOVEMENTS, {
    where: [
      { column: "account", is: "=", value: entry.account ?? "" },
      { column: "run_id", is: "=", value: entry.run_id ?? "" },
    ],
    orderBy: ["account", "run_id", "movement_id"],
    limit: MOVEMENTS_SHOWN,
  });
  const known = stored.map(movementFrom).filter(({ withdrawn }) => !withdrawn);
  const timed = known.map((state) => ({ state, at: agreedTime(timesOf(state)) ?? 0n }));
  timed.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return timed.map(({ state }) => state);
}

/** Each with all that copies of it told. */
export function movementRecords(states: readonly FactState[]): MovementRecord[] {
  return states.map((state) => {
    const data = inForce(state);
    const text = (name: keyof MovementRecord) => {
      const value = data[name];
      return typeof value === "string" ? value : null;
    };
    return {
      movement_id: String(data.movement_id),
      movement_type: text("movement_type"),
      change: String(data.change),
      occurred_at: text("occurred_at"),
      deposit_reference_id: text("deposit_reference_id"),
      withdrawal_request_id: text("withdrawal_request_id"),
      trade_id: text("trade_id"),
      transfer_request_id: text("transfer_request_id"),
      transfer_type: text("transfer_type"),
      client_transfer_id: text("client_transfer_id"),
    };
  });
}
