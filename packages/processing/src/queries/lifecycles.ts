import type { HistoryRecord } from "@counterfoil/contracts/record";
import type { Cluster } from "../models/lifecycle/clusters.ts";
import { CLUSTERS, HISTORY, having, NAMES, PLACE, RECORDS } from "../models/lifecycle/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Rows } from "../ports/model-store.ts";
import { type ColumnType, type Condition, isLastRows, type Row } from "../ports/table.ts";
import { type Found, found, foundAmong, MISSING } from "./found.ts";
import { historyRecords, type LifecycleRecords, lifecycleRecord } from "./lifecycle-record.ts";
import {
  beyondPart,
  LIST_BYTES_MAX,
  type Page,
  type PageRequest,
  readPage,
  selectEither,
} from "./page.ts";
import { eitherRecord, isRecordOf, type Platform, recordFor, recordsAmong } from "./platform.ts";
import { isStuck, type LifecycleModel, movingStages, type StuckRule } from "./stuck.ts";

export type LifecycleFilters = Readonly<{
  stage?: string;
  asset?: string;
  /** The owner, or who is paid. */
  participant_code?: string;
  account_group?: string;
  stuck?: boolean;
}>;

/** When it last changed, then its id: newest first. */
export const LIFECYCLE_KEY: readonly ColumnType[] = ["nanos", "text"];

export type LifecycleQuery<Model extends LifecycleModel> = Readonly<{
  model: Model;
  filters: LifecycleFilters;
  page: PageRequest;
  rule: StuckRule;
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

/**
 * Withdrawals, deposits or trades, the one that changed last first. A record that changes while
 * somebody pages moves to the front and is seen there, not among those that were still to come.
 */
export async function listRecords<Model extends LifecycleModel>(
  rows: Rows,
  { model, filters, page, rule, platform, nextTurn }: LifecycleQuery<Model>,
): Promise<Page<LifecycleRecords[Model]>> {
  const where = conditionsOf(model, filters);
  const holders = model === "trades" ? [[]] : holdersOf(filters, platform);
  const either = stagesOf(model, filters).flatMap((stage) =>
    holders.flatMap((holder) =>
      eitherRecord(model, platform).map((owner) => [...stage, ...holder, ...owner]),
    ),
  );
  const among = model === "trades" ? recordsAmong(model, platform) : undefined;
  const isAskedFor = (row: Row, stuck: boolean) =>
    (filters.stuck ?? stuck) === stuck && (model !== "trades" || isTradeAbout(row, filters));
  return readPage(page, {
    read: (beyond, limit) =>
      selectEither(rows, RECORDS, either, {
        where,
        among,
        orderBy: ["updated_at", "id"],
        descending: true,
        ...beyondPart(beyond),
        limit,
        bytesMax: LIST_BYTES_MAX,
      }),
    keyOf: ({ updated_at = null, id }) => [updated_at, String(id)],
    recordOf: async (row) => {
      const stuck = isStuck(row, model, rule);
      if (!isAskedFor(row, stuck)) return null;
      return recordFor(await lifecycleRecord<Model>(rows, row, { stuck }), model, platform);
    },
    nextTurn,
  });
}

/** What indexes answer; a trade's asset and participants stand among its parties. */
function conditionsOf(
  model: LifecycleModel,
  { asset, account_group }: LifecycleFilters,
): Condition[] {
  const columns = model === "trades" ? {} : { asset, account_group };
  return Object.entries(columns).flatMap(([column, value]) =>
    value === undefined ? [] : [{ column, is: "=" as const, value }],
  );
}

/** What is stuck is in one of the stages that are left again: they are few, and rows in them too. */
function stagesOf(model: LifecycleModel, { stage, stuck }: LifecycleFilters): Condition[][] {
  const stages = stuck === true && stage === undefined ? movingStages(model) : [stage];
  return stages.map((value) => (value === undefined ? [] : [{ column: "stage", is: "=", value }]));
}

/**
 * A participant's records are those that it owns, and those by which it is paid; who is paid a
 * platform is not told, where it is somebody else.
 */
function holdersOf(
  { participant_code: value }: LifecycleFilters,
  platform: Platform,
): Condition[][] {
  if (value === undefined) return [[]];
  const isTold = platform === null || platform === value;
  const columns = isTold ? ["participant_code", "beneficiary"] : ["participant_code"];
  return columns.map((column) => [{ column, is: "=", value }]);
}

/** Which record, and whose records exist for who asks. */
export type RecordQuery = Readonly<{ model: LifecycleModel; id: string; platform: Platform }>;

/** Records that one text may stand for; more are not told apart by listing them. */
const NAMESAKES_MAX = 100;

/** One record by its id, or by any other text that finds it: present and former ids, hashes. */
export async function findRow(
  rows: Rows,
  { model, id, platform }: RecordQuery,
): Promise<Found<Row>> {
  const isOwn = (row: Row) => isRecordOf(row, model, platform);
  const own = await rows.get(RECORDS, [id]);
  if (own !== null && isOwn(own)) return found(own);
  const named = foundAmong(await recordsNamed(rows, id, isOwn));
  const outcome = named.outcome === "missing" ? foundAmong(await formerOf(rows, id, isOwn)) : named;
  if (outcome.outcome !== "found") return outcome;
  const row = await rows.get(RECORDS, [outcome.record]);
  return row === null ? MISSING : found(row);
}

/** `<id>:<participant>:<asset>`: what a record was called while others had its id. */
async function formerOf(rows: Rows, id: string, isOwn: (row: Row) => boolean): Promise<string[]> {
  const [, name, participant, asset] = /^(.+):([^:]*):([^:]*)$/.exec(id) ?? [];
  if (name === undefined) return [];
  const code = (row: Row) => {
    const { asset: stored, network } = JSON.parse(String(row.state));
    return stored?.includes(".") || network === null ? stored : `${stored}.${network}`;
  };
  return recordsNamed(
    rows,
    name,
    (row) =>
      isOwn(row) &&
      (row.participant_code ?? "") === participant &&
      [row.asset ?? "", code(row)].includes(asset),
  );
}

async function recordsNamed(
  rows: Rows,
  name: string,
  isMeant: (row: Row) => boolean,
): Promise<string[]> {
  const limit = NAMESAKES_MAX;
  const names = await rows.select(NAMES, having({ name }, ["kind", "owner"], { limit }));
  const ids = new Set<string>();
  for (const cluster of new Set(names.map((row) => Number(row.cluster)))) {
    const base = await clusterIn(rows, cluster);
    const { record } =
      base === null ? { record: null } : ((await clusterIn(rows, base.base)) ?? base);
    const row = record === null ? null : await rows.get(RECORDS, [record]);
    if (row !== null && isMeant(row)) ids.add(String(row.id));
  }
  return [...ids];
}

async function clusterIn(rows: Rows, id: number): Promise<Omit<Cluster, "id"> | null> {
  const row = await rows.get(CLUSTERS, [id]);
  return row === null ? null : JSON.parse(String(row.data));
}

/** A place in a history. */
export const HISTORY_KEY: readonly ColumnType[] = ["nanos", "integer", "text", "integer"];

/** The whole history of one record, page by page, in order. */
export async function listHistory(
  rows: Rows,
  query: RecordQuery,
  { limit, beyond }: PageRequest,
): Promise<Found<Page<HistoryRecord>>> {
  const row = await findRow(rows, query);
  if (row.outcome !== "found") return row;
  const { cluster = null } = row.record;
  const most = { limit: limit + 1, bytesMax: LIST_BYTES_MAX };
  const page = having({ record: cluster }, PLACE, { ...beyondPart(beyond), ...most });
  const entries = await rows.select(HISTORY, page);
  const shown = entries.slice(0, limit);
  const last = shown.at(-1);
  const key = last === undefined ? null : PLACE.map((column) => last[column] ?? null);
  const next = isLastRows(entries, most) ? null : key;
  const behind = having({ record: cluster, moves: 1 }, PLACE, { ...beyondPart(key), limit: 1 });
  const [moved] = key === null ? [] : await rows.select(HISTORY, behind);
  const movedAt = moved === undefined ? null : BigInt(moved.at ?? 0);
  return found({ data: historyRecords(shown, movedAt), next });
}

export async function findRecord<Model extends LifecycleModel>(
  rows: Rows,
  query: RecordQuery & Readonly<{ model: Model; rule: StuckRule }>,
): Promise<Found<LifecycleRecords[Model]>> {
  const { model, rule, platform } = query;
  const row = await findRow(rows, query);
  if (row.outcome !== "found") return row;
  const stuck = isStuck(row.record, model, rule);
  const record = await lifecycleRecord<Model>(rows, row.record, { stuck });
  return found(recordFor(record, model, platform));
}

type Wanted = Readonly<{ asset?: string; participant_code?: string }>;

/** Whether one of the trade's parties, or the trade itself, has what is asked for. */
export function isTradeAbout(row: Row, { asset, participant_code }: Wanted): boolean {
  if (asset === undefined && participant_code === undefined) return true;
  const { fields } = JSON.parse(String(row.state)) as Readonly<{ fields: TradeFields }>;
  const parties = Array.isArray(fields.parties) ? fields.parties : [];
  const assets = [...parties.map((party) => party?.asset), fields.underlying];
  const isParticipant = (party: TradeFields | null) => party?.participant_code === participant_code;
  return (
    (asset === undefined || assets.includes(asset)) &&
    (participant_code === undefined || parties.some(isParticipant))
  );
}

/** Whatever the provider printed. */
type TradeFields = Readonly<Record<string, unknown>>;
