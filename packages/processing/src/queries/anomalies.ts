import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyKind, AnomalyRecord } from "@counterfoil/contracts/record";
import { ANOMALIES } from "../models/columns.ts";
import { RECORDS } from "../models/lifecycle/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { ColumnType, Condition, Row, Table, Value } from "../ports/table.ts";
import { anomalyRecord, stuckRecord } from "./anomaly-record.ts";
import { beyondPart, cutPage, type Page, type PageRequest } from "./page.ts";
import { isLifecycle, type StuckRule, stuckConditions } from "./stuck.ts";

export type AnomalyFilters = Readonly<{ kind?: AnomalyKind; subject?: string; open?: boolean }>;

export type AnomalyQuery = Readonly<{
  model: ModelName;
  filters: AnomalyFilters;
  page: PageRequest;
  rule: StuckRule;
}>;

/** Where it was first seen, its model, its id: newest first. */
export const ANOMALY_KEY: readonly ColumnType[] = ["integer", "text", "text"];

/**
 * The anomalies of one model behind a key: one more than a page holds, so that those of several
 * models can be merged. What the clock says (`stuck`) stands among what is stored.
 */
export async function readAnomalies(
  rows: Rows,
  { model, filters, page, rule }: AnomalyQuery,
): Promise<readonly AnomalyRecord[]> {
  const { kind, subject, open } = filters;
  const from = { beyond: beyondIn(model, page.beyond), limit: page.limit + 1 };
  const stored = kind === "stuck" ? [] : await readStored(rows, filters, from);
  const records = stored.map((row) => anomalyRecord(row, model));
  if (!isLifecycle(model) || open === false || (kind ?? "stuck") !== "stuck") return records;
  const where = [...stuckConditions(model, rule), ...equal("id", subject)];
  const stuck = await newestFirst(rows, RECORDS, { key: ["position", "id"], where, ...from });
  return [...records, ...stuck.map((row) => stuckRecord(row, model, rule))];
}

/** The page that the anomalies of several models make. */
export function mergeAnomalies(
  anomalies: readonly AnomalyRecord[],
  limit: number,
): Page<AnomalyRecord> {
  const ordered = anomalies.toSorted((a, b) => compareKeys(keyOf(b), keyOf(a)));
  return cutPage(ordered, limit, keyOf);
}

const keyOf = ({ opened_position, model, id }: AnomalyRecord) =>
  [Number(opened_position), model, id] as const;

function compareKeys(a: ReturnType<typeof keyOf>, b: ReturnType<typeof keyOf>): number {
  if (a[0] !== b[0]) return a[0] - b[0];
  if (a[1] !== b[1]) return a[1] < b[1] ? -1 : 1;
  return a[2] < b[2] ? -1 : 1;
}

/** A merged list's key as one model's rows, which stand by position and id, have it. */
function beyondIn(model: ModelName, beyond: PageRequest["beyond"]): readonly Value[] | null {
  if (beyond === null) return null;
  const [position, last, id] = [Number(beyond[0]), String(beyond[1]), String(beyond[2])];
  if (model === last) return [position, id];
  // At one position the models stand in descending order: those before it are still to come.
  return model < last ? [position + 1, ""] : [position, ""];
}

type From = Readonly<{ beyond: readonly Value[] | null; limit: number }>;

function readStored(
  rows: Rows,
  { kind, subject, open }: AnomalyFilters,
  from: From,
): Promise<readonly Row[]> {
  const where = [...equal("kind", kind), ...equal("subject", subject), ...openness(open)];
  return newestFirst(rows, ANOMALIES, { key: ["opened_position", "id"], where, ...from });
}

const equal = (column: string, value: string | undefined): Condition[] =>
  value === undefined ? [] : [{ column, is: "=", value }];

function openness(open: boolean | undefined): Condition[] {
  if (open === undefined) return [];
  return open
    ? [{ column: "closed_position", is: "=", value: null }]
    : [{ column: "closed_position", is: ">=", value: 0 }];
}

function newestFirst(
  rows: Rows,
  table: Table,
  {
    key,
    where,
    beyond,
    limit,
  }: From & Readonly<{ key: readonly string[]; where: readonly Condition[] }>,
): Promise<readonly Row[]> {
  const from = beyondPart(beyond);
  return rows.select(table, { where, orderBy: key, descending: true, ...from, limit });
}
