import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyKind, AnomalyRecord } from "@counterfoil/contracts/record";
import { ANOMALIES } from "../models/columns.ts";
import { RECORDS } from "../models/lifecycle/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Rows } from "../ports/model-store.ts";
import type { ColumnType, Condition, Row, Value } from "../ports/table.ts";
import { compareTuples } from "../projection/selection.ts";
import { anomalyRecord, stuckRecord } from "./anomaly-record.ts";
import {
  beyondPart,
  LIST_BYTES_MAX,
  type Page,
  type PageRequest,
  readPage,
  selectEither,
} from "./page.ts";
import { anomaliesAmong, anomalyFor, type Platform, recordsAmong } from "./platform.ts";
import {
  isLifecycle,
  isStuck,
  type LifecycleModel,
  movingStages,
  type StuckRule,
} from "./stuck.ts";

export type AnomalyFilters = Readonly<{ kind?: AnomalyKind; subject?: string; open?: boolean }>;

export type AnomalyQuery = Readonly<{
  model: ModelName;
  filters: AnomalyFilters;
  page: PageRequest;
  rule: StuckRule;
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

/** Where it was first seen, its source, its name there: newest first. */
export const ANOMALY_KEY: readonly ColumnType[] = ["integer", "text", "text"];

type Key = readonly [position: number, source: string, name: string];

/** What was found in a source, and the key up to which it was looked through; null at its end. */
export type AnomalyPart = Readonly<{ records: readonly AnomalyRecord[]; reached: Key | null }>;

/**
 * The anomalies of one model behind a key, as many as a page holds. What the clock says (`stuck`) is
 * a source beside what is stored.
 */
export async function readAnomalies(
  rows: Rows,
  query: AnomalyQuery,
): Promise<readonly AnomalyPart[]> {
  const { model, filters } = query;
  const { kind, open } = filters;
  const parts: AnomalyPart[] = [];
  if (kind !== "stuck") parts.push(await readStored(rows, query));
  if (isLifecycle(model) && open !== false && (kind ?? "stuck") === "stuck") {
    parts.push(await readStuck(rows, model, query));
  }
  return parts;
}

/** The page that the anomalies of several sources make: no further than each was looked through. */
export function mergeAnomalies(parts: readonly AnomalyPart[], limit: number): Page<AnomalyRecord> {
  const ends = parts.flatMap(({ reached }) => (reached === null ? [] : [reached]));
  const end = ends.sort(compareTuples).at(-1) ?? null;
  const data = parts
    .flatMap(({ records }) => records)
    .filter((record) => end === null || compareTuples(keyOf(record), end) >= 0)
    .sort((a, b) => compareTuples(keyOf(b), keyOf(a)));
  const last = data.length > limit ? data[limit - 1] : undefined;
  return { data: data.slice(0, limit), next: last === undefined ? end : keyOf(last) };
}

/** A model has two sources: its stored anomalies by their id, and its stuck records by theirs. */
const stuckSource = (model: ModelName): string => `${model}:stuck`;

function keyOf({ opened_position, model, kind, subject, id }: AnomalyRecord): Key {
  const position = Number(opened_position);
  return kind === "stuck"
    ? ([position, stuckSource(model), subject] as const)
    : ([position, model, id] as const);
}

/** How a source is read: its rows by a position and a name, and the record of one that is asked for. */
type Source = Readonly<{
  name: string;
  key: readonly [position: string, name: string];
  select: (
    key: readonly string[],
    beyond: readonly Value[] | null,
    limit: number,
  ) => Promise<readonly Row[]>;
  recordOf: (row: Row) => AnomalyRecord | null;
}>;

async function readSource(
  { name, key, select, recordOf }: Source,
  { page: { limit, beyond }, nextTurn }: AnomalyQuery,
): Promise<AnomalyPart> {
  const found = await readPage(
    { limit, beyond: beyondIn(name, beyond) },
    {
      read: (after, count) => select(key, after, count),
      keyOf: (row) => key.map((column) => row[column] ?? null),
      recordOf,
      nextTurn,
    },
  );
  const [position, last] = found.next ?? [];
  const reached = found.next && ([Number(position), name, String(last)] as const);
  return { records: found.data, reached };
}

/** A merged list's key as one source, whose rows stand by position and name, has it. */
function beyondIn(source: string, beyond: PageRequest["beyond"]): readonly Value[] | null {
  if (beyond === null) return null;
  const [position, last, name] = [Number(beyond[0]), String(beyond[1]), String(beyond[2])];
  if (source === last) return [position, name];
  // At one position the sources stand in descending order: those before it are still to come.
  return [source < last ? position + 1 : position, ""];
}

function readStored(rows: Rows, query: AnomalyQuery): Promise<AnomalyPart> {
  const { model, filters, platform } = query;
  const where = indexedCondition(filters);
  const among = anomaliesAmong(model, platform);
  return readSource(
    {
      name: model,
      key: ["opened_position", "id"],
      select: (orderBy, beyond, limit) =>
        rows.select(ANOMALIES, {
          where,
          among,
          orderBy,
          descending: true,
          ...beyondPart(beyond),
          limit,
          bytesMax: LIST_BYTES_MAX,
        }),
      recordOf: (row) =>
        isAskedFor(row, filters) ? anomalyFor(anomalyRecord(row, model), platform) : null,
    },
    query,
  );
}

/** One filter is answered by an index that has the list's order, the others row by row. */
function indexedCondition({ subject, open, kind }: AnomalyFilters): readonly Condition[] {
  if (subject !== undefined) return [{ column: "subject", is: "=", value: subject }];
  if (open === true) return [{ column: "closed_position", is: "=", value: null }];
  return kind === undefined ? [] : [{ column: "kind", is: "=", value: kind }];
}

function isAskedFor(row: Row, { kind, subject, open }: AnomalyFilters): boolean {
  return (
    (kind === undefined || row.kind === kind) &&
    (subject === undefined || row.subject === subject) &&
    (open === undefined || open === (row.closed_position === null))
  );
}

function readStuck(rows: Rows, model: LifecycleModel, query: AnomalyQuery): Promise<AnomalyPart> {
  const { filters, rule, platform } = query;
  const asked: readonly Condition[][] =
    filters.subject === undefined
      ? movingStages(model).map((value) => [{ column: "stage", is: "=", value }])
      : [[{ column: "id", is: "=", value: filters.subject }]];
  const among = recordsAmong(model, platform);
  return readSource(
    {
      name: stuckSource(model),
      key: ["position", "id"],
      select: (orderBy, beyond, limit) =>
        selectEither(rows, RECORDS, asked, {
          among,
          orderBy,
          descending: true,
          ...beyondPart(beyond),
          limit,
          bytesMax: LIST_BYTES_MAX,
        }),
      recordOf: (row) => (isStuck(row, model, rule) ? stuckRecord(row, model, rule) : null),
    },
    query,
  );
}
