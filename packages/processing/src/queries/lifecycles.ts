import type { HistoryRecord, LifecycleModel } from "@counterfoil/contracts/record";
import type { Cluster } from "../models/lifecycle/clusters.ts";
import { CLUSTERS, having, PLACE } from "../models/lifecycle/tables.ts";
import {
  type ColumnType,
  type Condition,
  isLastRows,
  type Row,
  type Rows,
  type Selection,
} from "../ports/model-store.ts";
import { isStuck, type StuckRule } from "./anomaly-record.ts";
import {
  beyondPart,
  type Found,
  found,
  foundAmong,
  LIST_BYTES_MAX,
  MISSING,
  type Page,
  type PageRequest,
} from "./answers.ts";
import {
  historyRecords,
  isVisible,
  type LifecycleRecords,
  lifecycleRecord,
  namedAt,
  recordAsOf,
  recordKnownAt,
  recordOfCluster,
} from "./lifecycle-record.ts";
import { HISTORY_VERSIONS, type Moment, NOW, selectAt } from "./moment.ts";
import { type Platform, recordFor } from "./platform.ts";

/** Which record, at which moment, and whose records exist for who asks. */
type RecordQuery = Readonly<{
  model: LifecycleModel;
  id: string;
  platform: Platform;
  moment?: Moment;
}>;

export async function findRecord<Model extends LifecycleModel>(
  rows: Rows,
  query: RecordQuery & Readonly<{ model: Model; rule: StuckRule }>,
): Promise<Found<LifecycleRecords[Model]>> {
  const { model, rule, platform } = query;
  const row = await findRow(rows, query);
  if (row.outcome !== "found") return row;
  const stuck = isStuck(row.record, model, rule);
  const { moment } = query;
  const record = await lifecycleRecord<Model>(rows, row.record, { stuck, moment });
  return found(recordFor(record, model, platform));
}

/** Records that one text may stand for; more are not told apart by listing them. */
const NAMESAKES_MAX = 100;

/**
 * One record by its id, or by any other text that finds it: present and former ids, hashes. At a
 * position, by what named it there.
 */
export async function findRow(
  rows: Rows,
  { model, id, platform, moment = NOW }: RecordQuery,
): Promise<Found<Row>> {
  const { at_position: position } = moment;
  const isOwn = (row: Row) => isVisible(rows, row, { model, platform, position });
  const asked = { rows, position, isMeant: isOwn };
  const own = await recordKnownAt(rows, id, position);
  if (own !== null && (await isOwn(own))) return foundAsOf(rows, own, { model, moment });
  const named = foundAmong(await recordsNamed(asked, id));
  const outcome = named.outcome === "missing" ? foundAmong(await formerOf(asked, id)) : named;
  if (outcome.outcome !== "found") return outcome;
  const row = await recordKnownAt(rows, outcome.record, position);
  return row === null ? MISSING : foundAsOf(rows, row, { model, moment });
}

async function foundAsOf(
  rows: Rows,
  row: Row,
  of: Readonly<{ model: LifecycleModel; moment: Moment }>,
): Promise<Found<Row>> {
  const then = await recordAsOf(rows, row, of);
  return then === null ? MISSING : found(then);
}

/** Ids of the records that one text finds, its own among them. */
export async function idsNamed(
  rows: Rows,
  { model, id, platform, moment = NOW }: RecordQuery,
): Promise<readonly string[]> {
  const { at_position: position } = moment;
  const isMeant = (row: Row) => isVisible(rows, row, { model, platform, position });
  const asked = { rows, position, isMeant };
  const own = await recordKnownAt(rows, id, position);
  const named = await recordsNamed(asked, id);
  const found = own !== null && (await isMeant(own)) ? [id, ...named] : named;
  return found.length > 0 ? found : formerOf(asked, id);
}

type Naming = Readonly<{
  rows: Rows;
  position: number | undefined;
  isMeant: (row: Row) => Promise<boolean>;
}>;

/** `<id>:<participant>:<asset>`: what a record was called while others had its id. */
async function formerOf(asked: Naming, id: string): Promise<string[]> {
  const [, name, participant, asset] = /^(.+):([^:]*):([^:]*)$/.exec(id) ?? [];
  if (name === undefined) return [];
  const code = (row: Row) => {
    const { asset: stored, network } = JSON.parse(String(row.state));
    return stored?.includes(".") || network === null ? stored : `${stored}.${network}`;
  };
  const isMeant = async (row: Row) =>
    (await asked.isMeant(row)) &&
    (row.participant_code ?? "") === participant &&
    [row.asset ?? "", code(row)].includes(asset);
  return recordsNamed({ ...asked, isMeant }, name);
}

async function recordsNamed({ rows, position, isMeant }: Naming, name: string): Promise<string[]> {
  const ids = new Set<string>();
  for await (const cluster of namedAt(rows, name, position)) {
    const record =
      position === undefined
        ? await presentRecordOf(rows, cluster)
        : await recordOfCluster(rows, cluster, position);
    const row = record === null ? null : await recordKnownAt(rows, record, position);
    if (row !== null && (await isMeant(row))) ids.add(String(row.id));
    if (ids.size === NAMESAKES_MAX) break;
  }
  return [...ids];
}

async function presentRecordOf(rows: Rows, cluster: number): Promise<string | null> {
  const base = await clusterIn(rows, cluster);
  return base === null ? null : ((await clusterIn(rows, base.base)) ?? base).record;
}

async function clusterIn(rows: Rows, id: number): Promise<Omit<Cluster, "id"> | null> {
  const row = await rows.get(CLUSTERS, [id]);
  return row === null ? null : JSON.parse(String(row.data));
}

/** A place in a history. */
export const HISTORY_KEY: readonly ColumnType[] = ["nanos", "integer", "text", "integer"];

/** The whole history of one record, page by page, in order; of a past moment, as far as it went. */
export async function listHistory(
  rows: Rows,
  query: RecordQuery,
  { limit, beyond }: PageRequest,
): Promise<Found<Page<HistoryRecord>>> {
  const row = await findRow(rows, query);
  if (row.outcome !== "found") return row;
  const { cluster = null } = row.record;
  const { as_of, at_position } = query.moment ?? NOW;
  const most = { limit: limit + 1, bytesMax: LIST_BYTES_MAX };
  const select = ({ where = [], ...selection }: Selection) => {
    const until: Condition[] =
      as_of === undefined ? [] : [{ column: "at", is: "<=", value: as_of }];
    const asked = { ...selection, where: [...where, ...until] };
    return selectAt(rows, HISTORY_VERSIONS, at_position, asked);
  };
  const entries = await select(
    having({ record: cluster }, PLACE, { ...beyondPart(beyond), ...most }),
  );
  const shown = entries.slice(0, limit);
  const last = shown.at(-1);
  const key = last === undefined ? null : PLACE.map((column) => last[column] ?? null);
  const next = isLastRows(entries, most) ? null : key;
  const behind = having({ record: cluster, moves: 1 }, PLACE, { ...beyondPart(key), limit: 1 });
  const [moved] = key === null ? [] : await select(behind);
  const movedAt = moved === undefined ? null : BigInt(moved.at ?? 0);
  return found({ data: historyRecords(shown, movedAt), next });
}
