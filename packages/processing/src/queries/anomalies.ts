import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { AnomalyKind, AnomalyRecord } from "@counterfoil/contracts/operations-record";
import { isLifecycle, type LifecycleModel } from "@counterfoil/contracts/record";
import { ANOMALIES, ATTENTION } from "../models/columns.ts";
import { KNOWN_STUCK, RECORDS, stuckIn } from "../models/lifecycle/tables.ts";
import type { Clock } from "../ports/clock.ts";
import { isEngineError } from "../ports/errors.ts";
import type { ColumnType, Condition, Row, Rows, Value } from "../ports/model-store.ts";
import { compareTuples } from "../projection/selection.ts";
import {
  anomalyAt,
  anomalyRecord,
  isStuck,
  knownOf,
  type StuckRule,
  stuckRecord,
  waitingStages,
} from "./anomaly-record.ts";
import {
  beyondPart,
  eachOf,
  LIST_BYTES_MAX,
  type Page,
  type PageRequest,
  readPage,
  selectEither,
} from "./answers.ts";
import { isPast, type Moment, NOW } from "./moment.ts";
import {
  anomaliesAmong,
  anomalyFor,
  isRecordAmong,
  ownedAmong,
  type Platform,
  selectRecords,
} from "./platform.ts";
import { ModelNotServed, type ServedModels } from "./serving.ts";

/** `kind` and `subject` match any of their values. */
export type AnomalyFilters = Readonly<{
  kind?: readonly AnomalyKind[];
  subject?: readonly string[];
  open?: boolean;
}>;

type AnomalyQuery = Readonly<{
  model: ModelName;
  filters: AnomalyFilters;
  page: PageRequest;
  rule: StuckRule;
  /** Only its position counts: anomalies have no `as_of`. */
  moment?: Moment;
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

/**
 * The level of attention, the position where it was first seen, its source, and its id there, all
 * descending.
 */
export const ANOMALY_KEY: readonly ColumnType[] = ["integer", "integer", "text", "text"];

type Key = readonly [attention: number, position: number, source: string, name: string];

/** The anomalies found in a source, and the key up to which it was read; null at its end. */
export type AnomalyPart = Readonly<{ records: readonly AnomalyRecord[]; reached: Key | null }>;

/**
 * One page of the anomalies of a model after a key; those that need a person come first. Stuck
 * records are evaluated by the clock and form separate sources beside the stored anomalies. At a
 * position, anomalies are ordered by the position where they were first seen, the newest first,
 * without stuck records.
 */
export async function readAnomalies(
  rows: Rows,
  query: AnomalyQuery,
): Promise<readonly AnomalyPart[]> {
  const { model, filters, moment } = query;
  const { kind, open } = filters;
  const position = moment?.at_position;
  if (position !== undefined) return [await readKnownAt(rows, query, position)];
  const parts: AnomalyPart[] = [];
  if (kind?.some((each) => each !== "stuck") ?? true) parts.push(await readStored(rows, query));
  if (isLifecycle(model) && open !== false && (kind?.includes("stuck") ?? true)) {
    parts.push(await readStuck(rows, model, query), await readKnownStuck(rows, model, query));
  }
  return parts;
}

/**
 * Anomalies at a position: those first seen up to it, each as it was there. An anomaly that one
 * delivery opened and closed again is not kept, see models/anomaly-rows.ts.
 */
function readKnownAt(rows: Rows, query: AnomalyQuery, position: number): Promise<AnomalyPart> {
  const { model, filters, platform } = query;
  const { subject, kind } = filters;
  const filtered =
    subject !== undefined ? eachOf("subject", subject) : kind ? eachOf("kind", kind) : [[]];
  const alternatives = eachOf("attention", Object.values(ATTENTION)).flatMap((attention) =>
    filtered.map((each) => [...attention, ...each]),
  );
  return readSource(
    {
      name: model,
      attention: ATTENTION.open,
      key: ["opened_position", "id"],
      select: (orderBy, beyond, limit) =>
        selectEither(rows, ANOMALIES, alternatives, {
          where: [{ column: "opened_position", is: "<=", value: position }],
          among: anomaliesAmong(model, platform),
          orderBy,
          descending: true,
          ...beyondPart(beyond),
          limit,
          bytesMax: LIST_BYTES_MAX,
        }),
      recordOf: async ({ id }) => {
        const row = await anomalyAt(rows, String(id), { at_position: position });
        if (row === null || !matchesFilters(row, filters)) return null;
        return anomalyFor(anomalyRecord(row, model), platform);
      },
    },
    query,
  );
}

type AnomalyId = Readonly<{
  model: ModelName;
  id: string;
  rule: StuckRule;
  platform: Platform;
  moment?: Moment;
}>;

/**
 * One anomaly of a model by its id; null if there is none or it is not visible to the platform. At
 * a position, it is returned as it was there; stuck records are then not found.
 */
export async function findAnomaly(
  rows: Rows,
  { model, id, rule, platform, moment = NOW }: AnomalyId,
): Promise<AnomalyRecord | null> {
  const where = [{ column: "id", is: "=", value: id }] as const;
  const among = anomaliesAmong(model, platform);
  const [stored] = await rows.select(ANOMALIES, { where, among, orderBy: ["id"], limit: 1 });
  const { at_position } = moment;
  const then = stored && (at_position === undefined ? stored : await anomalyAt(rows, id, moment));
  if (then) return anomalyFor(anomalyRecord(then, model), platform);
  if (at_position !== undefined) return null;
  const stuck = isLifecycle(model) ? stuckIn(id) : null;
  if (stuck === null || !isLifecycle(model)) return null;
  const record = await rows.get(RECORDS, [stuck.id]);
  if (record?.waits !== stuck.stage || !isStuck(record, rule)) return null;
  if (!isRecordAmong(model, record, platform)) return null;
  const known = (await knownOf(rows, record)) ?? undefined;
  return anomalyFor(stuckRecord(record, model, rule, known), platform);
}

/** Finds an anomaly in any model, with the position of that model; null if no model has it. */
export async function findInModels(
  models: Pick<ServedModels, "snapshot">,
  wanted: Omit<AnomalyId, "model">,
): Promise<Readonly<{ record: AnomalyRecord; position: number }> | null> {
  let failure: unknown = null;
  for (const model of modelName.options) {
    try {
      const found = await models.snapshot(model, async (rows, { position }) => {
        const record = await findAnomaly(rows, { model, ...wanted });
        return record && { record, position };
      });
      if (found !== null) return found;
    } catch (error) {
      if (!isEngineError(error) && !(error instanceof ModelNotServed)) throw error;
      failure = error;
    }
  }
  // The anomaly may be in the model that cannot be read.
  if (failure !== null) throw failure;
  return null;
}

/**
 * Merges the anomalies of several sources into one page, up to the key that all sources have
 * reached.
 *
 * @param moment the moment of the parts; at a past one, they are ordered by first sight
 */
export function mergeAnomalies(
  parts: readonly AnomalyPart[],
  limit: number,
  moment: Moment = NOW,
): Page<AnomalyRecord> {
  const keyOf = (record: AnomalyRecord) => keyAt(record, moment);
  const ends = parts.flatMap(({ reached }) => (reached === null ? [] : [reached]));
  const end = ends.sort(compareTuples).at(-1) ?? null;
  const data = parts
    .flatMap(({ records }) => records)
    .filter((record) => end === null || compareTuples(keyOf(record), end) >= 0)
    .sort((a, b) => compareTuples(keyOf(b), keyOf(a)));
  const last = data.length > limit ? data[limit - 1] : undefined;
  return { data: data.slice(0, limit), next: last === undefined ? end : keyOf(last) };
}

/** The name of a model's source of stuck records; its stored anomalies have the model's name. */
const stuckSource = (model: ModelName): string => `${model}:stuck`;

function keyAt(record: AnomalyRecord, moment: Moment): Key {
  const { opened_position, model, kind, subject, id } = record;
  const attention = isPast(moment) ? ATTENTION.open : attentionOf(record);
  const place = [attention, Number(opened_position)] as const;
  return kind === "stuck" ? [...place, stuckSource(model), subject] : [...place, model, id];
}

function attentionOf({ closed_position, acknowledged_at }: AnomalyRecord): number {
  if (closed_position !== null) return ATTENTION.closed;
  return acknowledged_at === null ? ATTENTION.open : ATTENTION.acknowledged;
}

/** A source of anomalies: its rows ordered by position and name, and the record of a row. */
type Source = Readonly<{
  name: string;
  /** The level of attention of all rows; null if the rows' order begins with their own level. */
  attention: number | null;
  /** The other columns of the order. */
  key: readonly [position: string, name: string];
  select: (
    key: readonly string[],
    beyond: readonly Value[] | null,
    limit: number,
  ) => Promise<readonly Row[]>;
  recordOf: (row: Row) => Promise<AnomalyRecord | null> | AnomalyRecord | null;
}>;

async function readSource(
  { name, attention, key, select, recordOf }: Source,
  { page: { limit, beyond }, nextTurn }: AnomalyQuery,
): Promise<AnomalyPart> {
  if (attention !== null && attention > Number(beyond?.[0] ?? attention)) return NOTHING;
  const order = attention === null ? ["attention", ...key] : key;
  const found = await readPage(
    { limit, beyond: beyondIn({ name, attention }, beyond) },
    {
      read: (after, count) => select(order, after, count),
      keyOf: (row) => order.map((column) => row[column] ?? null),
      recordOf,
      nextTurn,
    },
  );
  const [position, last] = found.next?.slice(-2) ?? [];
  const reached =
    found.next &&
    ([attention ?? Number(found.next[0]), Number(position), name, String(last)] as const);
  return { records: found.data, reached };
}

const NOTHING: AnomalyPart = { records: [], reached: null };

/** The key of a merged list converted to the order of one source. */
function beyondIn(
  { name: source, attention }: Pick<Source, "name" | "attention">,
  beyond: PageRequest["beyond"],
): readonly Value[] | null {
  if (beyond === null || (attention !== null && attention < Number(beyond[0]))) return null;
  const [position, last, name] = [Number(beyond[1]), String(beyond[2]), String(beyond[3])];
  const before = attention === null ? [Number(beyond[0])] : [];
  if (source === last) return [...before, position, name];
  // At one position, sources are in descending order: those with a lower name are still to be read.
  return [...before, source < last ? position + 1 : position, ""];
}

function readStored(rows: Rows, query: AnomalyQuery): Promise<AnomalyPart> {
  const { model, filters, platform } = query;
  const either = indexedConditions(filters);
  const among = anomaliesAmong(model, platform);
  return readSource(
    {
      name: model,
      attention: null,
      key: ["opened_position", "id"],
      select: (orderBy, beyond, limit) =>
        selectEither(rows, ANOMALIES, either, {
          among,
          orderBy,
          descending: true,
          ...beyondPart(beyond),
          limit,
          bytesMax: LIST_BYTES_MAX,
        }),
      recordOf: (row) =>
        matchesFilters(row, filters) ? anomalyFor(anomalyRecord(row, model), platform) : null,
    },
    query,
  );
}

/** One filter is served by an index in the list's order; the others are applied row by row. */
function indexedConditions({ subject, open, kind }: AnomalyFilters): readonly Condition[][] {
  if (subject !== undefined) return eachOf("subject", subject);
  if (open === true) return [[{ column: "attention", is: ">", value: ATTENTION.closed }]];
  return kind === undefined ? [[]] : eachOf("kind", kind);
}

function matchesFilters(row: Row, { kind, subject, open }: AnomalyFilters): boolean {
  return (
    (kind?.some((each) => each === row.kind) ?? true) &&
    (subject?.some((each) => each === row.subject) ?? true) &&
    (open === undefined || open === (row.closed_position === null))
  );
}

function readStuck(rows: Rows, model: LifecycleModel, query: AnomalyQuery): Promise<AnomalyPart> {
  const { filters, rule, platform } = query;
  const either: readonly Condition[][] =
    filters.subject === undefined
      ? eachOf("waits", waitingStages(model))
      : eachOf("id", filters.subject);
  const select: Source["select"] = (orderBy, beyond, limit) => {
    const order = { orderBy, descending: true, ...beyondPart(beyond) };
    const selection = { ...order, limit, bytesMax: LIST_BYTES_MAX };
    return model === "trades"
      ? selectRecords(rows, { model, platform, either }, selection)
      : selectEither(rows, RECORDS, either, { ...selection, among: ownedAmong(platform) });
  };
  return readSource(
    {
      name: stuckSource(model),
      attention: ATTENTION.open,
      key: ["position", "id"],
      select,
      recordOf: (row) => {
        if (row.is_known || !isStuck(row, rule)) return null;
        return stuckRecord(row, model, rule);
      },
    },
    query,
  );
}

/** Reads stuck records that were acknowledged. */
function readKnownStuck(
  rows: Rows,
  model: LifecycleModel,
  query: AnomalyQuery,
): Promise<AnomalyPart> {
  const { filters, rule, platform } = query;
  const alternatives = filters.subject === undefined ? [[]] : eachOf("id", filters.subject);
  return readSource(
    {
      name: stuckSource(model),
      attention: ATTENTION.acknowledged,
      key: ["position", "id"],
      select: (orderBy, beyond, limit) =>
        selectEither(rows, KNOWN_STUCK, alternatives, {
          among: anomaliesAmong(model, platform, "id"),
          orderBy,
          descending: true,
          ...beyondPart(beyond),
          limit,
          bytesMax: LIST_BYTES_MAX,
        }),
      recordOf: (known) =>
        isStuck({ ...known, waits: known.stage ?? null }, rule)
          ? anomalyFor(stuckRecord(known, model, rule, known), platform)
          : null,
    },
    query,
  );
}
