import type { LifecycleModel } from "@counterfoil/contracts/record";
import type { Nanos } from "@counterfoil/core/exact/time";
import { RECORD_CHANGES } from "../models/lifecycle/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { ColumnType, Condition, Row, Rows, Value } from "../ports/model-store.ts";
import { isStuck, type StuckRule, waitingStages } from "./anomaly-record.ts";
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

/** Each list filter matches any of its values exactly. */
export type LifecycleFilters = Readonly<{
  stage?: readonly string[];
  provider?: readonly string[];
  asset?: readonly string[];
  /** The owner or the beneficiary. */
  participant_code?: readonly string[];
  account_group?: readonly string[];
  /** Any identifier of a record: present and former ids, hashes, references. */
  identifier?: readonly string[];
  /** Last changed at this time or later. */
  updated_since?: Nanos;
  /** Last changed before this time. */
  updated_until?: Nanos;
  stuck?: boolean;
}>;

type LifecycleQuery<Model extends LifecycleModel> = Readonly<{
  model: Model;
  filters: LifecycleFilters;
  page: PageRequest;
  /** At a past moment, the rule as of that moment. */
  rule: StuckRule;
  moment?: Moment;
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

type Wanted = Pick<LifecycleFilters, "asset" | "participant_code">;

/** Whether a trade matches these filters, by its parties or its underlying. */
function isMatchingTrade(row: Row, { asset, participant_code }: Wanted): boolean {
  if (asset === undefined && participant_code === undefined) return true;
  const { fields } = JSON.parse(String(row.state)) as Readonly<{ fields: TradeFields }>;
  const parties = Array.isArray(fields.parties) ? fields.parties : [];
  const assets = [...parties.map((party) => party?.asset), fields.underlying];
  const codes = parties.map((party) => party?.participant_code);
  const hasAny = (found: readonly unknown[], wanted: readonly string[] | undefined) =>
    wanted === undefined || wanted.some((each) => found.includes(each));
  return hasAny(assets, asset) && hasAny(codes, participant_code);
}

/** The provider's fields, unvalidated. */
type TradeFields = Readonly<Record<string, unknown>>;

/** The time of the last change, then the id, both descending. */
export const LIFECYCLE_KEY: readonly ColumnType[] = ["nanos", "text"];

/**
 * Withdrawals, deposits or trades, the last changed first. A record that changes while a client
 * reads pages moves to the front and does not appear on the later pages. Lists of a past moment
 * have another order, see `listRecordsAt`.
 */
export async function listRecords<Model extends LifecycleModel>(
  rows: Rows,
  query: LifecycleQuery<Model>,
): Promise<Page<LifecycleRecords[Model]>> {
  const { model, filters, page, rule, moment = NOW, platform, nextTurn } = query;
  const named = await identifierConditions(rows, query);
  if (isPast(moment)) return listRecordsAt(rows, { ...query, moment, named });
  const where = [...conditionsOf(model, filters), ...named];
  const either = eitherOf(model, filters, platform);
  const selected = { model, platform, parties: filters.participant_code, either };
  const matchesFilters = (row: Row, stuck: boolean) =>
    (filters.stuck ?? stuck) === stuck &&
    (filters.provider?.includes(String(row.provider)) ?? true) &&
    (model !== "trades" || isMatchingTrade(row, filters));
  return readPage(page, {
    read: (beyond, limit) =>
      selectRecords(rows, selected, {
        where,
        orderBy: ["updated_at", "id"],
        descending: true,
        ...beyondPart(beyond),
        limit,
        bytesMax: LIST_BYTES_MAX,
      }),
    keyOf: ({ updated_at = null, id }) => [updated_at, String(id)],
    recordOf: async (row) => {
      const stuck = isStuck(row, rule);
      if (!matchesFilters(row, stuck)) return null;
      return recordFor(await lifecycleRecord<Model>(rows, row, { stuck }), model, platform);
    },
    nextTurn,
  });
}

/** Conditions on columns. A trade's asset and participants are in its parties instead. */
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

/** The condition for records found by their identifiers, of which each matches only a few. */
async function identifierConditions<Model extends LifecycleModel>(
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

/** With more holder alternatives than this, stages are not read separately for each of them. */
const HOLDERS_BY_STAGE_MAX = 2;

/**
 * Alternatives that are each served by an index in the order of the list: the participants, or else
 * the first other filter with several values.
 */
function eitherOf(
  model: LifecycleModel,
  filters: LifecycleFilters,
  platform: Platform,
): Condition[][] {
  if (model === "trades") return stagesOf(model, filters);
  const holders = holdersOf(filters, platform);
  if (holders.length > HOLDERS_BY_STAGE_MAX) return holders;
  const { account_group = [], asset = [] } = filters;
  const several = Object.entries({ account_group, asset }).find(([, values]) => values.length > 1);
  if (several !== undefined && filters.participant_code === undefined) return eachOf(...several);
  return stagesOf(model, filters).flatMap((stage) =>
    holders.map((holder) => [...stage, ...holder]),
  );
}

/**
 * One alternative per stage. Stuck records are among those that wait, which are few.
 */
function stagesOf(model: LifecycleModel, { stage, stuck }: LifecycleFilters): Condition[][] {
  if (stuck === true) return eachOf("waits", stage ?? waitingStages(model));
  return stage === undefined ? [[]] : eachOf("stage", stage);
}

/**
 * A participant's records are those that it owns, and those of which it is the beneficiary. A
 * platform does not see other beneficiaries.
 */
function holdersOf(
  { participant_code: codes }: LifecycleFilters,
  platform: Platform,
): Condition[][] {
  if (codes === undefined) return [[]];
  const visible = platform === null ? codes : codes.filter((code) => code === platform);
  return [...eachOf("participant_code", codes), ...eachOf("beneficiary", visible)];
}

type ListQuery<Model extends LifecycleModel> = LifecycleQuery<Model> &
  Readonly<{
    moment: Moment;
    /** With an identifier filter: the condition that the record had one of them at the moment. */
    named: readonly Condition[];
  }>;

/**
 * Records of a past moment. At a position, the last changed before it comes first: change rows are
 * read backward from there, skipping those followed by another change of the same record. As of a
 * time alone, the last opened comes first. Filters without an index are applied row by row.
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
    if (row === null || !matchesFilters(row, query)) return null;
    if (!(await isVisible(rows, row, { model, platform, position }))) return null;
    const shown = { stuck: isStuck(row, rule), moment };
    return recordFor(await lifecycleRecord<Model>(rows, row, shown), model, platform);
  };
  const keyOf = (row: Row) => [BigInt(row[source.order] ?? 0), String(row.id)];
  return readPage(page, { read: source.read, keyOf, recordOf, nextTurn });
}

type PastSource = Readonly<{
  /** The first column of the list's order. */
  order: "opened_at" | "position";
  read: (beyond: readonly Value[] | null, limit: number) => Promise<readonly Row[]>;
  rowOf: (found: Row) => Promise<Row | null>;
}>;

const selectionOf = <Model extends LifecycleModel>(query: ListQuery<Model>) => {
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
      return selectRecords(rows, selectionOf(query), selection);
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
      return selectChanges(rows, selectionOf(query), selection);
    },
    rowOf: async (change) => {
      const last = await lastChange(rows, RECORD_CHANGES, ["id", String(change.id)], position);
      return last !== null && last.position === change.position ? changedRecord(last) : null;
    },
  };
}

function matchesFilters<Model extends LifecycleModel>(
  row: Row,
  { model, filters, rule, platform }: ListQuery<Model>,
): boolean {
  const { updated_since, updated_until, stuck, participant_code: codes } = filters;
  const updated = BigInt(row.updated_at ?? 0);
  if (updated_since !== undefined && updated < updated_since) return false;
  if (updated_until !== undefined && updated >= updated_until) return false;
  if (stuck !== undefined && isStuck(row, rule) !== stuck) return false;
  // Values are compared unconverted, so that null never matches a filter text.
  const isIn = (column: "stage" | "provider" | "asset" | "account_group") =>
    filters[column]?.some((value) => value === row[column]) ?? true;
  if (!isIn("stage") || !isIn("provider")) return false;
  if (model === "trades") return isMatchingTrade(row, filters);
  // A platform does not see other beneficiaries.
  const isHolder = (code: string) =>
    row.participant_code === code ||
    (row.beneficiary === code && (platform === null || platform === code));
  return isIn("asset") && isIn("account_group") && (codes?.some(isHolder) ?? true);
}
