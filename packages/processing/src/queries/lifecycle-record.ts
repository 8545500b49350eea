import {
  type DepositRecord,
  HISTORY_SHOWN,
  type HistoryRecord,
  type TradeRecord,
  type WithdrawalRecord,
} from "@counterfoil/contracts/record";
import { formatTime } from "@counterfoil/core/exact/time";
import { secondsInStage } from "@counterfoil/core/lifecycle/stage-history";
import { HISTORY, HISTORY_PAST, having, PLACE, RELINKS } from "../models/lifecycle/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row, Table } from "../ports/table.ts";
import { everyRow, inOrderOf } from "../projection/selection.ts";
import { positionIn, textIn, timeIn } from "./cell.ts";
import type { LifecycleModel } from "./stuck.ts";

/** The record that each lifecycle model shows. */
export type LifecycleRecords = {
  withdrawals: WithdrawalRecord;
  deposits: DepositRecord;
  trades: TradeRecord;
};

/** `stuck`: null where no clock is asked. `asOf`: a record as the events up to there had made it. */
export type Shown = Readonly<{ stuck: boolean | null; asOf?: number }>;

export async function lifecycleRecord<Model extends LifecycleModel>(
  rows: Rows,
  row: Row,
  { stuck, asOf = PRESENT }: Shown,
): Promise<LifecycleRecords[Model]> {
  return {
    id: String(row.id),
    ...JSON.parse(String(row.state)),
    opened_at: formatTime(BigInt(row.opened_at ?? 0)),
    updated_at: formatTime(BigInt(row.updated_at ?? 0)),
    stuck,
    position: positionIn(row.position),
    history: await newestHistory(rows, row, asOf),
  } as unknown as LifecycleRecords[Model];
}

const PRESENT = Number.MAX_SAFE_INTEGER - 1;

/** The newest entries of a record, in order, with the links that were undone among them. */
async function newestHistory(rows: Rows, row: Row, asOf: number): Promise<HistoryRecord[]> {
  const live = await newest(rows, HISTORY, row, ({ since }) => Number(since) <= asOf);
  const wasMeant = ({ since, until }: Row) => Number(since) <= asOf && Number(until) > asOf;
  const past = asOf === PRESENT ? [] : await newest(rows, HISTORY_PAST, row, wasMeant);
  const all = [...live, ...past]
    .sort(inOrderOf({ orderBy: PLACE, limit: 0 }))
    .slice(-HISTORY_SHOWN);
  const newestFirst = { beyond: [asOf + 1], descending: true, limit: HISTORY_SHOWN };
  const undone = having({ record: row.cluster ?? 0 }, ["position"], newestFirst);
  const relinks = await rows.select(RELINKS, undone);
  return withRelinks(historyRecords(all), relinks.toReversed());
}

/** Rows up to the last one of the record, newest first. */
async function newest(
  rows: Rows,
  table: Table,
  { cluster = null, tail }: Row,
  isMeant: (row: Row) => boolean,
): Promise<Row[]> {
  const [at, rank, tie, seq] = JSON.parse(String(tail)) as [string, string, string, string];
  const found: Row[] = [];
  const order = table.key.slice(1);
  const beyond = [BigInt(at), Number(rank), tie, Number(seq) + 1, 0].slice(0, order.length);
  const options = { beyond, descending: true, limit: HISTORY_SHOWN };
  const newestFirst = everyRow(rows, table, having({ record: cluster }, order, options));
  for await (const one of newestFirst) {
    if (isMeant(one)) found.push(one);
    if (found.length === HISTORY_SHOWN) break;
  }
  return found;
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
