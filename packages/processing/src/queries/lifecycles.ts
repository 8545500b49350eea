import { ALIASES, RECORDS } from "../models/lifecycle/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Rows } from "../ports/model-store.ts";
import type { ColumnType, Condition, Row } from "../ports/table.ts";
import { type Found, found, foundAmong, MISSING } from "./found.ts";
import { type LifecycleRecords, lifecycleRecord } from "./lifecycle-record.ts";
import { beyondPart, type Page, type PageRequest, readPage } from "./page.ts";
import { isStuck, type LifecycleModel, type StuckRule, stuckConditions } from "./stuck.ts";
import { isTradeAbout } from "./trade-filter.ts";

export type LifecycleFilters = Readonly<{
  stage?: string;
  asset?: string;
  participant_code?: string;
  stuck?: boolean;
}>;

/** When it last changed, then its id: newest first. */
export const LIFECYCLE_KEY: readonly ColumnType[] = ["nanos", "text"];

export type LifecycleQuery<Model extends LifecycleModel> = Readonly<{
  model: Model;
  filters: LifecycleFilters;
  page: PageRequest;
  rule: StuckRule;
  nextTurn: Clock["nextTurn"];
}>;

/**
 * Withdrawals, deposits or trades, the one that changed last first. A record that changes while
 * somebody pages moves to the front and is seen there, not among those that were still to come.
 */
export async function listRecords<Model extends LifecycleModel>(
  rows: Rows,
  { model, filters, page, rule, nextTurn }: LifecycleQuery<Model>,
): Promise<Page<LifecycleRecords[Model]>> {
  const where = conditionsOf(model, filters, rule);
  const isAskedFor = (row: Row, stuck: boolean) =>
    (filters.stuck ?? stuck) === stuck && (model !== "trades" || isTradeAbout(row, filters));
  return readPage(page, {
    read: (beyond, limit) =>
      rows.select(RECORDS, {
        where,
        orderBy: ["updated_at", "id"],
        descending: true,
        ...beyondPart(beyond),
        limit,
      }),
    keyOf: ({ updated_at = null, id }) => [updated_at, String(id)],
    recordOf: (row) => {
      const stuck = isStuck(row, model, rule);
      return isAskedFor(row, stuck) ? lifecycleRecord<Model>(row, stuck) : null;
    },
    nextTurn,
  });
}

/** What indexes answer; a trade's asset and participants stand among its parties. */
function conditionsOf(
  model: LifecycleModel,
  { stage, asset, participant_code, stuck }: LifecycleFilters,
  rule: StuckRule,
): Condition[] {
  const columns = model === "trades" ? { stage } : { stage, asset, participant_code };
  const where = Object.entries(columns).flatMap(([column, value]) =>
    value === undefined ? [] : [{ column, is: "=" as const, value }],
  );
  return stuck === true ? [...where, ...stuckConditions(model, rule)] : where;
}

/** Records that one text may stand for; more are not told apart by listing them. */
const NAMESAKES_MAX = 100;

/** One record by its id, or by any other text that finds it: present and former ids, hashes. */
export async function findRecord<Model extends LifecycleModel>(
  rows: Rows,
  { model, id, rule }: Readonly<{ model: Model; id: string; rule: StuckRule }>,
): Promise<Found<LifecycleRecords[Model]>> {
  const shown = (row: Row) => found(lifecycleRecord<Model>(row, isStuck(row, model, rule)));
  const own = await rows.get(RECORDS, [id]);
  if (own !== null) return shown(own);
  const aliases = await rows.select(ALIASES, {
    where: [{ column: "alias", is: "=", value: id }],
    orderBy: ["alias", "record"],
    limit: NAMESAKES_MAX,
  });
  const named = foundAmong(aliases.map(({ record }) => String(record)));
  if (named.outcome !== "found") return named;
  const row = await rows.get(RECORDS, [named.record]);
  return row === null ? MISSING : shown(row);
}
