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
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { factStateFrom, factStateText } from "../fact-state-text.ts";
import { RUNS } from "./tables.ts";

/** Folds `RunRecorded`, or what is said of one, into the run's row. */
export function foldRun(buffer: RowBuffer, event: StreamEvent): Work {
  const { data, position, deliveryId, type } = event;
  if (type !== "RunRecorded") return amendRun(buffer, event);
  // The stream holds one `RunRecorded` of each run: there is no row yet.
  const run = initialFactState(data, position, deliveryId);
  buffer.put(RUNS, runRow(run, position), null);
  return undefined;
}

async function amendRun(buffer: RowBuffer, event: StreamEvent): Promise<void> {
  const { data, position, type } = event;
  const { provider, run_id } = data.key as DataOf<"RunRecorded">;
  const stored = await buffer.get(RUNS, [`${provider}:${run_id}`]);
  if (stored === null && type !== "FactCorrected") return;
  const state = runState(stored, event);
  if (!state.withdrawn) buffer.put(RUNS, runRow(state, position), stored);
  else if (stored !== null) buffer.remove(RUNS, stored, stored);
}

function runRow(state: FactState, position: number): Row {
  const { provider, run_id, run_type, occurred_at } = inForce(state) as DataOf<"RunRecorded">;
  return {
    id: `${provider}:${run_id}`,
    provider,
    run_id,
    run_type: run_type ?? null,
    occurred_at: occurred_at === undefined ? null : timeOf(occurred_at),
    facts: factStateText(state),
    position,
  };
}

function runState(stored: Row | null, event: StreamEvent): FactState {
  const { data, position, deliveryId } = event;
  if (stored === null) {
    return initialFactState((data as DataOf<"FactCorrected">).data, position, deliveryId);
  }
  const state = factStateFrom(JSON.parse(String(stored.facts)));
  return evolveFactState(state, event as unknown as Amendment);
}
