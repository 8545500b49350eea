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

/** Where it was first seen, its source, its name there: newest first. */
export const ANOMALY_KEY: readonly ColumnType[] = ["integer", "text", "text"];

/**
 * The anomalies of one model behind a key: at least one more than a page holds, so that those of
 * several models can be merged. What the clock says (`stuck`) stands among what is stored.
 */
export async function readAnomalies(
  rows: Rows,
  { model, filters, page, rule }: AnomalyQuery,
): Promise<readonly AnomalyRecord[]> {
  const { kind, subject, open } = filters;
  const stored = kind === "stuck" ? [] : await readStored(rows, filters, rangeOf(model, page));
  const records = stored.map((row) => anomalyRecord(row, model));
  if (!isLifecycle(model) || open === false || (kind ?? "stuck") !== "stuck") return records;
  const where = [...stuckConditions(model, rule), ...equal("id", subject)];
  const range = rangeOf(stuckSource(model), page);
  const stuck = await newestFirst(rows, RECORDS, { key: ["position", "id"], where, ...range });
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

/** A model has two sources: its stored anomalies by their id, and its stuck records by theirs. */
const stuckSource = (model: ModelName): string => `${model}:stuck`;

function keyOf({ opened_position, model, kind, subject, id }: AnomalyRecord) {
  const position = Number(opened_position);
  return kind === "stuck"
    ? ([position, stuckSource(model), subject] as const)
    : ([position, model, id] as const);
}

function compareKeys(a: ReturnType<typeof keyOf>, b: ReturnType<typeof keyOf>): number {
  if (a[0] !== b[0]) return a[0] - b[0];
  if (a[1] !== b[1]) return a[1] < b[1] ? -1 : 1;
  return a[2] < b[2] ? -1 : 1;
}

type Range = Readonly<{ beyond: readonly Value[] | null; limit: number }>;

/** A merged list's page as one source, whose rows stand by position and name, has it. */
function rangeOf(source: string, { beyond, limit }: PageRequest): Range {
  if (beyond === null) return { beyond, limit: limit + 1 };
  const [position, last, name] = [Number(beyond[0]), String(beyond[1]), String(beyond[2])];
  if (source === last) return { beyond: [position, name], limit: limit + 1 };
  // At one position the sources stand in descending order: those before it are still to come.
  return { beyond: [source < last ? position + 1 : position, ""], limit: limit + 1 };
}

function readStored(
  rows: Rows,
  { kind, subject, open }: AnomalyFilters,
  range: Range,
): Promise<readonly Row[]> {
  const where = [...equal("kind", kind), ...equal("subject", subject), ...openness(open)];
  return newestFirst(rows, ANOMALIES, { key: ["opened_position", "id"], where, ...range });
}

const equal = (column: string, value: string | undefined): Condition[] =>
  value === undefined ? [] : [{ column, is: "=", value }];

function openness(open: boolean | undefined): Condition[] {
  if (open === undefined) return [];
  return open
    ? [{ column: "closed_position", is: "=", value: null }]
    : [{ column: "closed_position", is: ">=", value: 0 }];
}

type Asked = Range & Readonly<{ key: readonly string[]; where: readonly Condition[] }>;

function newestFirst(
  rows: Rows,
  table: Table,
  { key, where, beyond, limit }: Asked,
): Promise<readonly Row[]> {
  const from = beyondPart(beyond);
  return rows.select(table, { where, orderBy: key, descending: true, ...from, limit });
}
