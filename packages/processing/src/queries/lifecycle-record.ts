import type {
  DepositRecord,
  HistoryRecord,
  TradeRecord,
  WithdrawalRecord,
} from "@counterfoil/contracts/record";
import type { Relink } from "../models/lifecycle/record-row.ts";
import type { Row } from "../ports/table.ts";
import { positionIn } from "./cell.ts";
import type { LifecycleModel } from "./stuck.ts";

/** The record that each lifecycle model shows. */
export type LifecycleRecords = {
  withdrawals: WithdrawalRecord;
  deposits: DepositRecord;
  trades: TradeRecord;
};

type State = Readonly<{ history: readonly Omit<HistoryRecord, keyof Placed>[] }>;
type Placed = Pick<HistoryRecord, "late" | "delivery_id" | "position">;
type StoredPlace = Readonly<{ late: boolean; delivery_id: string | null; position: number }>;

/** @param stuck null where no clock is asked. */
export function lifecycleRecord<Model extends LifecycleModel>(
  row: Row,
  stuck: boolean | null,
): LifecycleRecords[Model] {
  const { history, ...state } = JSON.parse(String(row.state)) as State;
  const detail = JSON.parse(String(row.detail));
  const told = history.map((entry, at) => historyRecord(entry, detail.history[at]));
  return {
    id: String(row.id),
    ...state,
    stuck,
    position: positionIn(row.position),
    history: withRelinks(told, detail.relinks ?? []),
  } as unknown as LifecycleRecords[Model];
}

function historyRecord(
  entry: State["history"][number],
  { late, delivery_id, position }: StoredPlace,
): HistoryRecord {
  const { stage, provider_status, occurred_at, effective_at, seconds_in_stage, source } = entry;
  const told = { stage, provider_status, occurred_at, effective_at, seconds_in_stage, source };
  return { ...told, late, delivery_id, position: String(position) };
}

/** An undone link stands behind everything that was recorded before it. */
function withRelinks(
  told: readonly HistoryRecord[],
  relinks: readonly Relink[],
): readonly HistoryRecord[] {
  let history = told;
  for (const relink of relinks) {
    const after = history.findLastIndex(({ position }) => Number(position) <= relink.position);
    history = history.toSpliced(after + 1, 0, relinkRecord(relink));
  }
  return history;
}

function relinkRecord({ from, stage, occurred_at, position }: Relink): HistoryRecord {
  return {
    stage,
    provider_status: `link undone: ${from ?? "no stage"} → ${stage ?? "no stage"}`,
    occurred_at,
    effective_at: null,
    seconds_in_stage: null,
    late: false,
    source: "relink",
    delivery_id: null,
    position: String(position),
  };
}
