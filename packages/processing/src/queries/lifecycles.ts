import type { HistoryRecord } from "@counterfoil/contracts/record";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Cluster } from "../models/lifecycle/clusters.ts";
import { CLUSTERS, HISTORY, having, NAMES, PLACE, RECORDS } from "../models/lifecycle/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Rows } from "../ports/model-store.ts";
import { type ColumnType, type Condition, isLastRows, type Row } from "../ports/table.ts";
import { type Found, found, foundAmong, MISSING } from "./found.ts";
import { historyRecords, type LifecycleRecords, lifecycleRecord } from "./lifecycle-record.ts";
import {
  beyondPart,
  eachOf,
  isOneOf,
  LIST_BYTES_MAX,
  type Page,
  type PageRequest,
  readPage,
  selectEither,
} from "./page.ts";
import { eitherRecord, isRecordOf, type Platform, recordFor, recordsAmong } from "./platform.ts";
import { isStuck, type LifecycleModel, movingStages, type StuckRule } from "./stuck.ts";

/** Exact matches with any of some values. */
export type LifecycleFilters = Readonly<{
  stage?: readonly string[];
  provider?: readonly string[];
  asset?: readonly string[];
  /** The owner, or who is paid. */
  participant_code?: readonly string[];
  account_group?: readonly string[];
  /** Any text that finds a record: present and former ids, hashes, references. */
  identifier?: readonly string[];
  /** When it last changed: at this time or later. */
  updated_since?: Nanos;
  /** Before this time. */
  updated_until?: Nanos;
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
  const where = [
    ...conditionsOf(model, filters),
    ...(await namedIn(rows, model, filters, platform)),
  ];
  const either = eitherOf(model, filters, platform).flatMap((each) =>
    eitherRecord(model, platform).map((owner) => [...each, ...owner]),
  );
  const among = model === "trades" ? recordsAmong(model, platform) : undefined;
  const isAskedFor = (row: Row, stuck: boolean) =>
    (filters.stuck ?? stuck) === stuck &&
    (filters.provider?.includes(String(row.provider)) ?? true) &&
    (model !== "trades" || isTradeAbout(row, filters));
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
  { asset, account_group, stage, updated_since, updated_until }: LifecycleFilters,
): Condition[] {
  const columns = model === "trades" ? { stage } : { stage, asset, account_group };
  const where = Object.entries(columns).flatMap(([column, values]) =>
    values === undefined ? [] : [isOneOf(column, values)],
  );
  if (updated_since !== undefined) {
    where.push({ column: "updated_at", is: ">=", value: updated_since });
  }
  if (updated_until !== undefined) {
    where.push({ column: "updated_at", is: "<", value: updated_until });
  }
  return where;
}

/** Those that a text finds, as few as one text may stand for. */
async function namedIn(
  rows: Rows,
  model: LifecycleModel,
  { identifier }: LifecycleFilters,
  platform: Platform,
): Promise<Condition[]> {
  if (identifier === undefined) return [];
  const ids = new Set<string>();
  for (const id of identifier) {
    for (const each of await idsNamed(rows, { model, id, platform })) ids.add(each);
  }
  return [{ column: "id", is: "in", value: [...ids] }];
}

/** More ways to be of a participant than this are not each asked for every stage. */
const HOLDERS_EACH_MAX = 2;

/**
 * Each by itself in its index, in the order of the list: the participants, or else the first of the
 * others of which there are several.
 */
function eitherOf(
  model: LifecycleModel,
  filters: LifecycleFilters,
  platform: Platform,
): Condition[][] {
  if (model === "trades") return stagesOf(model, filters);
  const holders = holdersOf(filters, platform);
  if (holders.length > HOLDERS_EACH_MAX) return holders;
  const { account_group = [], asset = [] } = filters;
  const several = Object.entries({ account_group, asset }).find(([, values]) => values.length > 1);
  if (several !== undefined && filters.participant_code === undefined) return eachOf(...several);
  return stagesOf(model, filters).flatMap((stage) =>
    holders.map((holder) => [...stage, ...holder]),
  );
}

/** What is stuck is in one of the stages that are left again: they are few, and rows in them too. */
function stagesOf(model: LifecycleModel, { stage, stuck }: LifecycleFilters): Condition[][] {
  const stages = stuck === true && stage === undefined ? movingStages(model) : stage;
  return stages === undefined ? [[]] : eachOf("stage", stages);
}

/**
 * A participant's records are those that it owns, and those by which it is paid; who is paid a
 * platform is not told, where it is somebody else.
 */
function holdersOf(
  { participant_code: codes }: LifecycleFilters,
  platform: Platform,
): Condition[][] {
  if (codes === undefined) return [[]];
  const told = platform === null ? codes : codes.filter((code) => code === platform);
  return [...eachOf("participant_code", codes), ...eachOf("beneficiary", told)];
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

/** Ids of the records that one text finds, its own among them. */
async function idsNamed(
  rows: Rows,
  { model, id, platform }: RecordQuery,
): Promise<readonly string[]> {
  const isOwn = (row: Row) => isRecordOf(row, model, platform);
  const own = await rows.get(RECORDS, [id]);
  const named = await recordsNamed(rows, id, isOwn);
  const found = own !== null && isOwn(own) ? [id, ...named] : named;
  return found.length > 0 ? found : formerOf(rows, id, isOwn);
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

type Wanted = Pick<LifecycleFilters, "asset" | "participant_code">;

/** Whether one of the trade's parties, or the trade itself, has what is asked for. */
export function isTradeAbout(row: Row, { asset, participant_code }: Wanted): boolean {
  if (asset === undefined && participant_code === undefined) return true;
  const { fields } = JSON.parse(String(row.state)) as Readonly<{ fields: TradeFields }>;
  const parties = Array.isArray(fields.parties) ? fields.parties : [];
  const assets = [...parties.map((party) => party?.asset), fields.underlying];
  const codes = parties.map((party) => party?.participant_code);
  const holdsAny = (found: readonly unknown[], wanted: readonly string[] | undefined) =>
    wanted === undefined || wanted.some((each) => found.includes(each));
  return holdsAny(assets, asset) && holdsAny(codes, participant_code);
}

/** Whatever the provider printed. */
type TradeFields = Readonly<Record<string, unknown>>;
