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

/** The record, the moment, and the platform whose records are visible. */
type RecordQuery = Readonly<{
  model: LifecycleModel;
  id: string;
  platform: Platform;
  moment?: Moment;
}>;

/** Finds a record by one of its ids, as a platform sees it. */
export async function findRecord<Model extends LifecycleModel>(
  rows: Rows,
  query: RecordQuery & Readonly<{ model: Model; rule: StuckRule }>,
): Promise<Found<LifecycleRecords[Model]>> {
  const { model, rule, platform } = query;
  const row = await findRow(rows, query);
  if (row.outcome !== "found") return row;
  const stuck = isStuck(row.record, rule);
  const { moment } = query;
  const record = await lifecycleRecord<Model>(rows, row.record, { stuck, moment });
  return found(recordFor(record, model, platform));
}

/** Records that one text may match: a longer list would not help to choose. */
const CANDIDATES_MAX = 100;

/**
 * One record by its id or by another identifier: present and former ids, hashes. At a position, by
 * the identifiers that it had there.
 */
export async function findRow(
  rows: Rows,
  { model, id, platform, moment = NOW }: RecordQuery,
): Promise<Found<Row>> {
  const { at_position: position } = moment;
  const isVisibleRecord = (row: Row) => isVisible(rows, row, { model, platform, position });
  const asked = { rows, position, isMatch: isVisibleRecord };
  const own = await recordKnownAt(rows, id, position);
  if (own !== null && (await isVisibleRecord(own))) return foundAsOf(rows, own, { model, moment });
  const named = foundAmong(await recordsWithIdentifier(asked, id));
  const outcome =
    named.outcome === "missing" ? foundAmong(await recordsWithFormerId(asked, id)) : named;
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

/** Ids of the records that have this id or identifier. */
export async function idsNamed(
  rows: Rows,
  { model, id, platform, moment = NOW }: RecordQuery,
): Promise<readonly string[]> {
  const { at_position: position } = moment;
  const isMatch = (row: Row) => isVisible(rows, row, { model, platform, position });
  const asked = { rows, position, isMatch };
  const own = await recordKnownAt(rows, id, position);
  const named = await recordsWithIdentifier(asked, id);
  const found = own !== null && (await isMatch(own)) ? [id, ...named] : named;
  return found.length > 0 ? found : recordsWithFormerId(asked, id);
}

type IdentifierSearch = Readonly<{
  rows: Rows;
  position: number | undefined;
  isMatch: (row: Row) => Promise<boolean>;
}>;

/**
 * Finds records by `<id>:<participant>:<asset>`, a record's former id while others had the same id.
 */
async function recordsWithFormerId(asked: IdentifierSearch, id: string): Promise<string[]> {
  const [, name, participant, asset] = /^(.+):([^:]*):([^:]*)$/.exec(id) ?? [];
  if (name === undefined) return [];
  const code = (row: Row) => {
    const { asset: stored, network } = JSON.parse(String(row.state));
    return stored?.includes(".") || network === null ? stored : `${stored}.${network}`;
  };
  const isMatch = async (row: Row) =>
    (await asked.isMatch(row)) &&
    (row.participant_code ?? "") === participant &&
    [row.asset ?? "", code(row)].includes(asset);
  return recordsWithIdentifier({ ...asked, isMatch }, name);
}

async function recordsWithIdentifier(
  { rows, position, isMatch }: IdentifierSearch,
  name: string,
): Promise<string[]> {
  const ids = new Set<string>();
  for await (const cluster of namedAt(rows, name, position)) {
    const record =
      position === undefined
        ? await presentRecordOf(rows, cluster)
        : await recordOfCluster(rows, cluster, position);
    const row = record === null ? null : await recordKnownAt(rows, record, position);
    if (row !== null && (await isMatch(row))) ids.add(String(row.id));
    if (ids.size === CANDIDATES_MAX) break;
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

/** The key of an entry in a history. */
export const HISTORY_KEY: readonly ColumnType[] = ["nanos", "integer", "text", "integer"];

/**
 * The whole history of one record, in order and page by page; at a past moment, up to that moment.
 */
export async function listHistory(
  rows: Rows,
  query: RecordQuery,
  { limit, beyond }: PageRequest,
): Promise<Found<Page<HistoryRecord>>> {
  const row = await findRow(rows, query);
  if (row.outcome !== "found") return row;
  const { cluster = null } = row.record;
  const { as_of, at_position } = query.moment ?? NOW;
  const bounds = { limit: limit + 1, bytesMax: LIST_BYTES_MAX };
  const select = ({ where = [], ...selection }: Selection) => {
    const until: Condition[] =
      as_of === undefined ? [] : [{ column: "at", is: "<=", value: as_of }];
    const asked = { ...selection, where: [...where, ...until] };
    return selectAt(rows, HISTORY_VERSIONS, at_position, asked);
  };
  const entries = await select(
    having({ record: cluster }, PLACE, { ...beyondPart(beyond), ...bounds }),
  );
  const shown = entries.slice(0, limit);
  const last = shown.at(-1);
  const key = last === undefined ? null : PLACE.map((column) => last[column] ?? null);
  const next = isLastRows(entries, bounds) ? null : key;
  const behind = having({ record: cluster, moves: 1 }, PLACE, { ...beyondPart(key), limit: 1 });
  const [moved] = key === null ? [] : await select(behind);
  const movedAt = moved === undefined ? null : BigInt(moved.at ?? 0);
  return found({ data: historyRecords(shown, movedAt), next });
}
