import type { Nanos } from "@counterfoil/core/exact/time";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import {
  CLUSTER_CHANGES,
  HISTORY,
  having,
  PLACE,
  RECORD_CHANGES,
  RECORDS,
} from "../models/lifecycle/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row, Value } from "../ports/table.ts";
import { HISTORY_VERSIONS, lastChange, type Moment, NAME_VERSIONS, selectAt } from "./moment.ts";
import { beyondPart } from "./page.ts";
import { isRecordAmong, type Platform } from "./platform.ts";
import type { LifecycleModel } from "./stuck.ts";

/**
 * The row of a record as a change left it, as far as readers ask for it; null where the record was
 * gone under this id.
 */
export function changedRecord({ id = null, position = null, row }: Row): Row | null {
  if (typeof row !== "string") return null;
  const { state, opened_at, updated_at, entered_at, cluster, tail } = JSON.parse(row);
  const { provider, stage, asset, ...whose } = JSON.parse(state);
  const { participant_code, beneficiary, account_group } = whose;
  const columns = { provider, stage, asset, participant_code, beneficiary, account_group };
  const texts = Object.entries(columns).map(([name, value]) => [name, textOrNull(value)]);
  return {
    ...{ id, position, state, cluster, tail, ...Object.fromEntries(texts) },
    opened_at: BigInt(opened_at),
    updated_at: BigInt(updated_at),
    entered_at: entered_at === null ? null : BigInt(entered_at),
  };
}

const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** A record, by its id there, as the facts up to a position had made it. */
export async function recordKnownAt(
  rows: Rows,
  id: string,
  position: number | undefined,
): Promise<Row | null> {
  if (position === undefined) return rows.get(RECORDS, [id]);
  const change = await lastChange(rows, RECORD_CHANGES, ["id", id], position);
  return change === null ? null : changedRecord(change);
}

/** The record that a cluster was, or belonged to, at a position. */
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

const LIFECYCLES = { withdrawals: WITHDRAWALS, deposits: DEPOSITS, trades: TRADES } as const;

/**
 * A record as it stood at a time: its stage, its times and its history are those of what had
 * happened by then; what else is known of it is known of it at any time.
 *
 * @param row as the facts of the moment made it
 * @returns null where nothing of it had happened yet
 */
export async function recordAsOf(
  rows: Rows,
  row: Row,
  { model, moment: { as_of, at_position } }: Readonly<{ model: LifecycleModel; moment: Moment }>,
): Promise<Row | null> {
  if (as_of === undefined || BigInt(row.updated_at ?? 0) <= as_of) return row;
  const lastOf = async (values: Readonly<Record<string, Value>>) => {
    const newest = { beyond: behind(as_of), descending: true, limit: 1 };
    const selection = having({ record: row.cluster ?? 0, ...values }, PLACE, newest);
    const [found = null] = await selectAt(rows, HISTORY_VERSIONS, at_position, selection);
    return found;
  };
  const last = await lastOf({});
  if (last === null) return null;
  const entered = await lastOf({ moves: 1 });
  const stage = textOrNull(last.after) ?? LIFECYCLES[model].firstStage;
  const state = {
    ...JSON.parse(String(row.state)),
    stage,
    provider_status: (entered ?? last).word,
    history_length: await countUpTo(rows, row, { as_of, at_position }),
  };
  return {
    ...row,
    stage,
    state: JSON.stringify(state),
    updated_at: last.at ?? 0n,
    entered_at: entered?.at ?? null,
    tail: JSON.stringify(PLACE.map((column) => String(last[column]))),
  };
}

/** Behind all places of a time. */
const behind = (time: Nanos): readonly Value[] => [time + 1n, -1, "", 0];

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

/** Namesakes that are read at once, and how many may be looked at for who sees few of them. */
const NAMESAKES_READ = 100;
const NAMESAKES_SEEN_MAX = 2000;

/** What a text named at a position: clusters, each once, as far as somebody goes on asking. */
export async function* namedAt(
  rows: Rows,
  name: string,
  position: number | undefined,
): AsyncGenerator<number, undefined> {
  const seen = new Set<number>();
  let beyond: readonly Value[] | null = null;
  while (seen.size < NAMESAKES_SEEN_MAX) {
    const page = { ...beyondPart(beyond), limit: NAMESAKES_READ };
    const selection = having({ name }, ["kind", "owner"], page);
    const names = await selectAt(rows, NAME_VERSIONS, position, selection);
    for (const { cluster } of names) {
      if (seen.size < seen.add(Number(cluster)).size) yield Number(cluster);
    }
    const last = names.at(-1);
    if (last === undefined || names.length < NAMESAKES_READ) return;
    beyond = [last.kind ?? null, last.owner ?? null];
  }
}

type Seeing = Readonly<{
  model: LifecycleModel;
  platform: Platform;
  position: number | undefined;
}>;

/**
 * Whether a record exists for who asks: then, and as far as it is still known by this id, now. What
 * was wrongly taken for a platform's is shown to it no longer.
 */
export async function isVisible(
  rows: Rows,
  row: Row,
  { model, platform, position }: Seeing,
): Promise<boolean> {
  if (platform === null) return true;
  if (!isRecordAmong(model, row, platform)) return false;
  if (position === undefined) return true;
  const now = await rows.get(RECORDS, [row.id ?? null]);
  return now === null || isRecordAmong(model, now, platform);
}
