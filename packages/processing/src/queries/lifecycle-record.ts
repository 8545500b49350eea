import {
  type DepositRecord,
  HISTORY_SHOWN,
  type HistoryRecord,
  type LifecycleModel,
  type TradeRecord,
  type WithdrawalRecord,
} from "@counterfoil/contracts/record";
import { formatTime, type Nanos } from "@counterfoil/core/exact/time";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import { type Lifecycle, waitsSince } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { secondsInStage } from "@counterfoil/core/lifecycle/stages";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import {
  CLUSTER_CHANGES,
  HISTORY,
  having,
  PLACE,
  RECORD_CHANGES,
  RECORDS,
  RELINKS,
} from "../models/lifecycle/tables.ts";
import type { Row, Rows, Value } from "../ports/model-store.ts";
import { beyondPart, positionIn, textIn, timeIn } from "./answers.ts";
import {
  HISTORY_VERSIONS,
  lastChange,
  type Moment,
  NAME_VERSIONS,
  NOW,
  selectAt,
} from "./moment.ts";
import { isRecordAmong, type Platform } from "./platform.ts";

/** The type of record of each lifecycle model. */
export type LifecycleRecords = {
  withdrawals: WithdrawalRecord;
  deposits: DepositRecord;
  trades: TradeRecord;
};

/** `stuck`: null if not evaluated. `moment`: the moment at which the row was read. */
type Shown = Readonly<{ stuck: boolean | null; moment?: Moment | undefined }>;

/** A record as readers get it, from its row and its newest history. */
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

/** The newest history entries of a record, in order, including links that were undone. */
async function newestHistory(rows: Rows, row: Row, moment: Moment): Promise<HistoryRecord[]> {
  const { cluster = 0, tail } = row;
  const { as_of, at_position: position } = moment;
  const [at, rank, tie, seq] = JSON.parse(String(tail)) as [string, string, string, string];
  const newest = { descending: true, limit: HISTORY_SHOWN };
  const upTo = [BigInt(at), Number(rank), tie, Number(seq) + 1];
  const selection = having({ record: cluster }, PLACE, { beyond: upTo, ...newest });
  const found = await selectAt(rows, HISTORY_VERSIONS, position, selection);
  const upToPosition = position === undefined ? {} : { beyond: [position + 1] };
  const undone = having({ record: cluster }, ["position"], { ...upToPosition, ...newest });
  const relinks = await rows.select(RELINKS, undone);
  const wasUndone = ({ occurred_at }: Row) =>
    as_of === undefined || occurred_at === null || BigInt(occurred_at ?? 0) <= as_of;
  return withRelinks(historyRecords(found.toReversed()), relinks.filter(wasUndone).toReversed());
}

/** @param movedAfter the time of the next change of stage after these rows */
export function historyRecords(
  rows: readonly Row[],
  movedAfter: bigint | null = null,
): HistoryRecord[] {
  const steps = rows.map(({ moves, at }) => ({ moves: moves === 1, at: BigInt(at ?? 0) }));
  const next = movedAfter === null ? [] : [{ moves: true, at: movedAfter }];
  const seconds = secondsInStage([...steps, ...next]);
  return rows.map((row, at) => ({
    // After another stage, an `at_least` entry leaves the stage unchanged and shows none.
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

/** Inserts each undone link after the last entry that was recorded before it. */
function withRelinks(entries: HistoryRecord[], relinks: readonly Row[]): HistoryRecord[] {
  let history = entries;
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

/**
 * The row of a record as stored in a change row, with the columns that readers need; null if the
 * record no longer had this id.
 */
export function changedRecord({ id = null, position = null, row }: Row): Row | null {
  if (typeof row !== "string") return null;
  const { state, waits, cluster, tail, ...times } = JSON.parse(row);
  const { provider, stage, asset, ...whose } = JSON.parse(state);
  const { participant_code, beneficiary, account_group } = whose;
  const columns = { provider, stage, asset, participant_code, beneficiary, account_group };
  const texts = Object.entries(columns).map(([name, value]) => [name, textOrNull(value)]);
  return {
    ...{ id, position, state, waits, cluster, tail, ...Object.fromEntries(texts) },
    waits_since: nanosOrNull(times.waits_since),
    opened_at: BigInt(times.opened_at),
    updated_at: BigInt(times.updated_at),
    entered_at: nanosOrNull(times.entered_at),
  };
}

const nanosOrNull = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** A record by its id at a position, as the facts up to there made it. */
export async function recordKnownAt(
  rows: Rows,
  id: string,
  position: number | undefined,
): Promise<Row | null> {
  if (position === undefined) return rows.get(RECORDS, [id]);
  const change = await lastChange(rows, RECORD_CHANGES, ["id", id], position);
  return change === null ? null : changedRecord(change);
}

/** The id of the record that a cluster was, or belonged to, at a position. */
export async function recordOfCluster(
  rows: Rows,
  cluster: number,
  position: number,
): Promise<string | null> {
  const changeOf = (id: number) => lastChange(rows, CLUSTER_CHANGES, ["cluster", id], position);
  const change = await changeOf(cluster);
  if (change === null) return null;
  const base = Number(change.base) === cluster ? change : await changeOf(Number(change.base));
  return textOrNull(base?.record);
}

export const LIFECYCLES: Readonly<Record<LifecycleModel, Lifecycle>> = {
  withdrawals: WITHDRAWALS,
  deposits: DEPOSITS,
  trades: TRADES,
};

/**
 * A record as it was at a time: its stage, times and history are those of entries up to then. Its
 * other fields have no time and are kept.
 *
 * @param row the row of the record by the facts of the moment
 * @returns null if it had no entry yet
 */
export async function recordAsOf(
  rows: Rows,
  row: Row,
  { model, moment: { as_of, at_position } }: Readonly<{ model: LifecycleModel; moment: Moment }>,
): Promise<Row | null> {
  if (as_of === undefined || BigInt(row.updated_at ?? 0) <= as_of) return row;
  const lastOf = async (values: Readonly<Record<string, Value>>) => {
    const newest = { beyond: afterTime(as_of), descending: true, limit: 1 };
    const selection = having({ record: row.cluster ?? 0, ...values }, PLACE, newest);
    const [found = null] = await selectAt(rows, HISTORY_VERSIONS, at_position, selection);
    return found;
  };
  const last = await lastOf({});
  if (last === null) return null;
  const entered = await lastOf({ moves: 1 });
  const stage = textOrNull(last.after) ?? LIFECYCLES[model].firstStage;
  const waits = waitsThen(row, model, stage);
  const state = {
    ...JSON.parse(String(row.state)),
    stage,
    provider_status: (entered ?? last).word,
    history_length: await countUpTo(rows, row, { as_of, at_position }),
  };
  return {
    ...row,
    stage,
    waits,
    waits_since:
      waits === null ? null : (waitsSince(LIFECYCLES[model], waits, { last, entered })?.at ?? null),
    state: JSON.stringify(state),
    updated_at: last.at ?? 0n,
    entered_at: entered?.at ?? null,
    tail: JSON.stringify(PLACE.map((column) => String(last[column]))),
  };
}

/**
 * The stage in which a record waited at a time. Its sums are those of the moment, as its other fields
 * are, so of an ended record they tell what it waits for in the end.
 */
function waitsThen(row: Row, model: LifecycleModel, stage: string | null): string | null {
  const { resting } = LIFECYCLES[model];
  if (stage === null || !resting.includes(stage)) return stage;
  return row.waits !== null && resting.includes(String(row.waits)) ? stage : null;
}

/** The key after all entries of a time. */
const afterTime = (time: Nanos): readonly Value[] => [time + 1n, -1, "", 0];

async function countUpTo(
  rows: Rows,
  { cluster = null }: Row,
  { as_of, at_position }: Moment,
): Promise<number> {
  const until = [
    { column: "record", is: "=", value: cluster },
    { column: "at", is: "<=", value: as_of ?? 0n },
  ] as const;
  if (at_position === undefined) return rows.count(HISTORY, until);
  const known = { column: "since", is: "<=", value: at_position } as const;
  const replaced = { column: "until", is: ">", value: at_position } as const;
  const { present, past } = HISTORY_VERSIONS;
  return (
    (await rows.count(present, [...until, known])) +
    (await rows.count(past, [...until, known, replaced]))
  );
}

/** Owners of one identifier read at once, and scanned at most when few of them are visible. */
const NAMED_PAGE = 100;
const NAMED_SCANNED_MAX = 2000;

/**
 * The clusters that had an identifier at a position, each once, read as far as they are consumed.
 */
export async function* namedAt(
  rows: Rows,
  name: string,
  position: number | undefined,
): AsyncGenerator<number, undefined> {
  const seen = new Set<number>();
  let beyond: readonly Value[] | null = null;
  while (seen.size < NAMED_SCANNED_MAX) {
    const page = { ...beyondPart(beyond), limit: NAMED_PAGE };
    const selection = having({ name }, ["kind", "owner"], page);
    const names = await selectAt(rows, NAME_VERSIONS, position, selection);
    for (const { cluster } of names) {
      if (seen.size < seen.add(Number(cluster)).size) yield Number(cluster);
    }
    const last = names.at(-1);
    if (last === undefined || names.length < NAMED_PAGE) return;
    beyond = [last.kind ?? null, last.owner ?? null];
  }
}

type Visibility = Readonly<{
  model: LifecycleModel;
  platform: Platform;
  position: number | undefined;
}>;

/**
 * Whether a record is visible to a platform: at the position, and now if the id still exists. A
 * record that was wrongly attributed to the platform is no longer shown to it.
 */
export async function isVisible(
  rows: Rows,
  row: Row,
  { model, platform, position }: Visibility,
): Promise<boolean> {
  if (platform === null) return true;
  if (!isRecordAmong(model, row, platform)) return false;
  if (position === undefined) return true;
  const now = await rows.get(RECORDS, [row.id ?? null]);
  return now === null || isRecordAmong(model, now, platform);
}
