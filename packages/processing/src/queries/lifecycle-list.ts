import type { LifecycleModel } from "@counterfoil/contracts/record";
import type { Nanos } from "@counterfoil/core/exact/time";
import { RECORD_CHANGES } from "../models/lifecycle/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { ColumnType, Condition, Row, Rows, Value } from "../ports/model-store.ts";
import { isStuck, movingStages, type StuckRule } from "./anomaly-record.ts";
import {
  beyondPart,
  eachOf,
  isOneOf,
  LIST_BYTES_MAX,
  type Page,
  type PageRequest,
  readPage,
} from "./answers.ts";
import {
  changedRecord,
  isVisible,
  type LifecycleRecords,
  lifecycleRecord,
  recordAsOf,
} from "./lifecycle-record.ts";
import { idsNamed } from "./lifecycles.ts";
import { isPast, lastChange, type Moment, NOW } from "./moment.ts";
import { type Platform, recordFor, selectChanges, selectRecords } from "./platform.ts";

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

type LifecycleQuery<Model extends LifecycleModel> = Readonly<{
  model: Model;
  filters: LifecycleFilters;
  page: PageRequest;
  /** Of a past moment: as that moment's clock has it. */
  rule: StuckRule;
  moment?: Moment;
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

type Wanted = Pick<LifecycleFilters, "asset" | "participant_code">;

/** Whether one of the trade's parties, or the trade itself, has what is asked for. */
function isTradeAbout(row: Row, { asset, participant_code }: Wanted): boolean {
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

/** When it last changed, then its id: newest first. */
export const LIFECYCLE_KEY: readonly ColumnType[] = ["nanos", "text"];

/**
 * Withdrawals, deposits or trades, the one that changed last first. A record that changes while
 * somebody pages moves to the front and is seen there, not among those that were still to come.
 * Those of a past moment stand in another order, see `listRecordsAt`.
 */
export async function listRecords<Model extends LifecycleModel>(
  rows: Rows,
  query: LifecycleQuery<Model>,
): Promise<Page<LifecycleRecords[Model]>> {
  const { model, filters, page, rule, moment = NOW, platform, nextTurn } = query;
  const named = await namedIn(rows, query);
  if (isPast(moment)) return listRecordsAt(rows, { ...query, moment, named });
  const where = [...conditionsOf(model, filters), ...named];
  const either = eitherOf(model, filters, platform);
  const asked = { model, platform, parties: filters.participant_code, either };
  const isAskedFor = (row: Row, stuck: boolean) =>
    (filters.stuck ?? stuck) === stuck &&
    (filters.provider?.includes(String(row.provider)) ?? true) &&
    (model !== "trades" || isTradeAbout(row, filters));
  return readPage(page, {
    read: (beyond, limit) =>
      selectRecords(rows, asked, {
        where,
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
async function namedIn<Model extends LifecycleModel>(
  rows: Rows,
  { model, filters: { identifier }, platform, moment = NOW }: LifecycleQuery<Model>,
): Promise<readonly Condition[]> {
  if (identifier === undefined) return [];
  const ids = new Set<string>();
  for (const id of identifier) {
    for (const each of await idsNamed(rows, { model, id, platform, moment })) ids.add(each);
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

type ListQuery<Model extends LifecycleModel> = LifecycleQuery<Model> &
  Readonly<{
    moment: Moment;
    /** Where identifiers are asked for: that the record is one of those that they found then. */
    named: readonly Condition[];
  }>;

/**
 * Records of a past moment. At a position, the one that had changed last before it comes first:
 * change rows are read backward from there, and one that is followed by another of its record is
 * passed by. As of a time alone, the one that was opened last comes first. Filters that no index
 * answers are looked at row by row.
 */
function listRecordsAt<Model extends LifecycleModel>(
  rows: Rows,
  query: ListQuery<Model>,
): Promise<Page<LifecycleRecords[Model]>> {
  const { model, page, moment, platform, rule, nextTurn } = query;
  const { at_position: position } = moment;
  const source = position === undefined ? openedBy(rows, query) : changedBy(rows, query, position);
  const recordOf = async (found: Row) => {
    const known = await source.rowOf(found);
    const row = known && (await recordAsOf(rows, known, query));
    if (row === null || !isAskedFor(row, query)) return null;
    if (!(await isVisible(rows, row, { model, platform, position }))) return null;
    const shown = { stuck: isStuck(row, model, rule), moment };
    return recordFor(await lifecycleRecord<Model>(rows, row, shown), model, platform);
  };
  const keyOf = (row: Row) => [BigInt(row[source.order] ?? 0), String(row.id)];
  return readPage(page, { read: source.read, keyOf, recordOf, nextTurn });
}

type PastSource = Readonly<{
  /** The column that the list's order begins with. */
  order: "opened_at" | "position";
  read: (beyond: readonly Value[] | null, limit: number) => Promise<readonly Row[]>;
  rowOf: (found: Row) => Promise<Row | null>;
}>;

const whoseOf = <Model extends LifecycleModel>(query: ListQuery<Model>) => {
  const { model, platform, filters } = query;
  return { model, platform, parties: filters.participant_code, either: [[]] };
};

const newestFirst = (order: PastSource["order"], limit: number) =>
  ({ orderBy: [order, "id"], descending: true, limit, bytesMax: LIST_BYTES_MAX }) as const;

function openedBy<Model extends LifecycleModel>(rows: Rows, query: ListQuery<Model>): PastSource {
  const { moment, named } = query;
  const opened = { column: "opened_at", is: "<=", value: moment.as_of ?? 0n } as const;
  const where = [opened, ...named];
  return {
    order: "opened_at",
    read: (beyond, limit) => {
      const selection = { where, ...newestFirst("opened_at", limit), ...beyondPart(beyond) };
      return selectRecords(rows, whoseOf(query), selection);
    },
    rowOf: async (row) => row,
  };
}

function changedBy<Model extends LifecycleModel>(
  rows: Rows,
  query: ListQuery<Model>,
  position: number,
): PastSource {
  const known = { column: "position", is: "<=", value: position } as const;
  const where = [known, ...query.named];
  return {
    order: "position",
    read: (beyond, limit) => {
      const key = beyond === null ? null : [Number(beyond[0]), ...beyond.slice(1)];
      const selection = { where, ...newestFirst("position", limit), ...beyondPart(key) };
      return selectChanges(rows, whoseOf(query), selection);
    },
    rowOf: async (change) => {
      const last = await lastChange(rows, RECORD_CHANGES, ["id", String(change.id)], position);
      return last !== null && last.position === change.position ? changedRecord(last) : null;
    },
  };
}

function isAskedFor<Model extends LifecycleModel>(
  row: Row,
  { model, filters, rule, platform }: ListQuery<Model>,
): boolean {
  const { updated_since, updated_until, stuck, participant_code: codes } = filters;
  const updated = BigInt(row.updated_at ?? 0);
  if (updated_since !== undefined && updated < updated_since) return false;
  if (updated_until !== undefined && updated >= updated_until) return false;
  if (stuck !== undefined && isStuck(row, model, rule) !== stuck) return false;
  // What has none is never asked for, whatever text stands for it.
  const isIn = (column: "stage" | "provider" | "asset" | "account_group") =>
    filters[column]?.some((value) => value === row[column]) ?? true;
  if (!isIn("stage") || !isIn("provider")) return false;
  if (model === "trades") return isTradeAbout(row, filters);
  // Who is paid a platform is not told, where it is somebody else.
  const isHolder = (code: string) =>
    row.participant_code === code ||
    (row.beneficiary === code && (platform === null || platform === code));
  return isIn("asset") && isIn("account_group") && (codes?.some(isHolder) ?? true);
}
