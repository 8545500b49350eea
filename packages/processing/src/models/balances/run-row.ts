import type { DataOf } from "@counterfoil/contracts/fact";
import type { StreamEvent } from "@counterfoil/core/balances/fold";
import { timeOf } from "@counterfoil/core/exact/time";
import {
  type Amendment,
  evolveFactState,
  type FactState,
  inForce,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { factStateFrom, factStateText } from "../fact-state-text.ts";
import { RUNS } from "./tables.ts";

/** Folds `RunRecorded`, or what is said of one, into the run's row. */
export async function foldRun(buffer: RowBuffer, event: StreamEvent): Promise<void> {
  const isNew = event.type === "RunRecorded";
  const { provider, run_id } = (isNew ? event.data : event.data.key) as DataOf<"RunRecorded">;
  const id = `${provider}:${run_id}`;
  const stored = await buffer.get(RUNS, [id]);
  if (stored === null && !isNew && event.type !== "FactCorrected") return;
  const state = runState(stored, event);
  if (state.withdrawn && stored !== null) return buffer.remove(RUNS, stored);
  const { run_type, occurred_at } = inForce(state) as DataOf<"RunRecorded">;
  const row = {
    id,
    provider,
    run_id,
    run_type: run_type ?? null,
    occurred_at: occurred_at === undefined ? null : timeOf(occurred_at),
    facts: factStateText(state),
    position: event.position,
  };
  buffer.put(RUNS, row, stored);
}

function runState(stored: Row | null, event: StreamEvent): FactState {
  const { data, position, deliveryId, type } = event;
  if (type === "RunRecorded") return initialFactState(data, position, deliveryId);
  if (stored === null) {
    return initialFactState((data as DataOf<"FactCorrected">).data, position, deliveryId);
  }
  const state = factStateFrom(JSON.parse(String(stored.facts)));
  return evolveFactState(state, event as unknown as Amendment);
}
