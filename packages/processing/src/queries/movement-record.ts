import type { MovementRecord } from "@counterfoil/contracts/record";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import { movementsOf } from "../models/balances/entry-row.ts";

/** The movements of an entry in order of their time, each with all that copies of it told. */
export function movementRecords(states: readonly FactState[]): MovementRecord[] {
  return movementsOf(states).map(({ data }) => {
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
