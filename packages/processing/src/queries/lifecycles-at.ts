import { RECORD_CHANGES } from "../models/lifecycle/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Condition, Row, Value } from "../ports/table.ts";
import { isTradeAbout, type LifecycleQuery } from "./lifecycle-filter.ts";
import { type LifecycleRecords, lifecycleRecord } from "./lifecycle-record.ts";
import { lastChange, type Moment } from "./moment.ts";
import { beyondPart, LIST_BYTES_MAX, type Page, readPage } from "./page.ts";
import { recordFor, selectChanges, selectRecords } from "./platform.ts";
import { changedRecord, isVisible, recordAsOf } from "./records-at.ts";
import { isStuck, type LifecycleModel } from "./stuck.ts";

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
export function listRecordsAt<Model extends LifecycleModel>(
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
  const isIn = (column: "stage" | "provider" | "asset" | "account_group") =>
    filters[column]?.includes(String(row[column])) ?? true;
  if (!isIn("stage") || !isIn("provider")) return false;
  if (model === "trades") return isTradeAbout(row, filters);
  // Who is paid a platform is not told, where it is somebody else.
  const isHolder = (code: string) =>
    row.participant_code === code ||
    (row.beneficiary === code && (platform === null || platform === code));
  return isIn("asset") && isIn("account_group") && (codes?.some(isHolder) ?? true);
}
