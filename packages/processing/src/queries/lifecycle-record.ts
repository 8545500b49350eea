import {
  type DepositRecord,
  HISTORY_SHOWN,
  type HistoryRecord,
  type TradeRecord,
  type WithdrawalRecord,
} from "@counterfoil/contracts/record";
import { formatTime } from "@counterfoil/core/exact/time";
import { secondsInStage } from "@counterfoil/core/lifecycle/stage-history";
import { having, PLACE, RELINKS } from "../models/lifecycle/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, textIn, timeIn } from "./cell.ts";
import { HISTORY_VERSIONS, type Moment, NOW, selectAt } from "./moment.ts";
import type { LifecycleModel } from "./stuck.ts";

/** The record that each lifecycle model shows. */
export type LifecycleRecords = {
  withdrawals: WithdrawalRecord;
  deposits: DepositRecord;
  trades: TradeRecord;
};

/** `stuck`: null where no clock is asked. `moment`: when the record stood as its row says. */
export type Shown = Readonly<{ stuck: boolean | null; moment?: Moment | undefined }>;

export async function lifecycleRecord<Model extends LifecycleModel>(
  rows: Rows,
  row: Row,
  { stuck, moment = NOW }: Shown,
): Promise<LifecycleRecords[Model]> {
  return {
    id: String(row.id),
    ...JSON.parse(String(row.state)),
    opened_at: formatTime(BigInt(row.opened_at ?? 0)),
    updated_at: formatTime(BigInt(row.updated_at ?? 0)),
    stuck,
    position: positionIn(row.position),
    history: await newestHistory(rows, row, moment),
  } as unknown as LifecycleRecords[Model];
}

/** The newest entries of a record, in order, with the links that were undone among them. */
async function newestHistory(rows: Rows, row: Row, moment: Moment): Promise<HistoryRecord[]> {
  const { cluster = 0, tail } = row;
  const { as_of, at_position: position } = moment;
  const [at, rank, tie, seq] = JSON.parse(String(tail)) as [string, string, string, string];
  const newest = { descending: true, limit: HISTORY_SHOWN };
  const upTo = [BigInt(at), Number(rank), tie, Number(seq) + 1];
  const selection = having({ record: cluster }, PLACE, { beyond: upTo, ...newest });
  const found = await selectAt(rows, HISTORY_VERSIONS, position, selection);
  const behind = position === undefined ? {} : { beyond: [position + 1] };
  const undone = having({ record: cluster }, ["position"], { ...behind, ...newest });
  const relinks = await rows.select(RELINKS, undone);
  const wasUndone = ({ occurred_at }: Row) =>
    as_of === undefined || occurred_at === null || BigInt(occurred_at ?? 0) <= as_of;
  return withRelinks(historyRecords(found.toReversed()), relinks.filter(wasUndone).toReversed());
}

/** @param movedAfter when the stage changed next after these rows. */
export function historyRecords(
  rows: readonly Row[],
  movedAfter: bigint | null = null,
): HistoryRecord[] {
  const steps = rows.map(({ moves, at }) => ({ moves: moves === 1, at: BigInt(at ?? 0) }));
  const next = movedAfter === null ? [] : [{ moves: true, at: movedAfter }];
  const seconds = secondsInStage([...steps, ...next]);
  return rows.map((row, at) => ({
    // Where another stage stood before it, it only fills the history.
    stage: row.mode === "at_least" && row.moves !== 1 ? null : textIn(row.stage),
    provider_status: String(row.word),
    occurred_at: timeIn(row.occurred_at),
    effective_at: timeIn(row.at),
    seconds_in_stage: seconds[at] ?? null,
    late: row.late === 1,
    source: row.source as HistoryRecord["source"],
    delivery_id: textIn(row.delivery_id),
    position: positionIn(row.position),
  }));
}

/** An undone link stands behind everything that was recorded before it. */
function withRelinks(told: HistoryRecord[], relinks: readonly Row[]): HistoryRecord[] {
  let history = told;
  for (const relink of relinks) {
    const after = history.findLastIndex(
      ({ position }) => Number(position) <= Number(relink.position),
    );
    history = history.toSpliced(after + 1, 0, relinkRecord(relink));
  }
  return history;
}

function relinkRecord({ from, stage, occurred_at, position }: Row): HistoryRecord {
  return {
    stage: textIn(stage),
    provider_status: `link undone: ${from ?? "no stage"} → ${stage ?? "no stage"}`,
    occurred_at: timeIn(occurred_at),
    effective_at: null,
    seconds_in_stage: null,
    late: false,
    source: "relink",
    delivery_id: null,
    position: positionIn(position),
  };
}
