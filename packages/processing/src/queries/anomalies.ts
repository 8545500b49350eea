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
  movingStages,
  type StuckRule,
  stuckRecord,
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

/** Of kinds and subjects any of some. */
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
  /** Of it the position: an anomaly is of no time. */
  moment?: Moment;
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

/** How much attention it asks for, where it was first seen, its source, its name there: the most and the newest first. */
export const ANOMALY_KEY: readonly ColumnType[] = ["integer", "integer", "text", "text"];

type Key = readonly [attention: number, position: number, source: string, name: string];

/** What was found in a source, and the key up to which it was looked through; null at its end. */
export type AnomalyPart = Readonly<{ records: readonly AnomalyRecord[]; reached: Key | null }>;

/**
 * The anomalies of one model behind a key, as many as a page holds: what needs a person first. What the clock says (`stuck`) is
 * a source beside what is stored. Those that were known at a position stand there in the order in
 * which they were first seen, the newest first; what a clock said then is none of them.
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
 * Whatever is known now was first seen somewhere: what was seen up to a position is looked up as it
 * stood there. What one delivery opened and closed again never stood, see models/anomaly-rows.ts.
 */
function readKnownAt(rows: Rows, query: AnomalyQuery, position: number): Promise<AnomalyPart> {
  const { model, filters, platform } = query;
  const { subject, kind } = filters;
  const further =
    subject !== undefined ? eachOf("subject", subject) : kind ? eachOf("kind", kind) : [[]];
  const asked = eachOf("attention", Object.values(ATTENTION)).flatMap((attention) =>
    further.map((each) => [...attention, ...each]),
  );
  return readSource(
    {
      name: model,
      attention: ATTENTION.open,
      key: ["opened_position", "id"],
      select: (orderBy, beyond, limit) =>
        selectEither(rows, ANOMALIES, asked, {
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
        if (row === null || !isAskedFor(row, filters)) return null;
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
 * One anomaly of a model by its id; null where it has none such, or shows the platform none. At a
 * position: as it stood there, and what a clock said then is none.
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
  if (record?.stage !== stuck.stage || !isStuck(record, model, rule)) return null;
  if (!isRecordAmong(model, record, platform)) return null;
  return stuckRecord(record, model, rule, (await knownOf(rows, record)) ?? undefined);
}

/** The same wherever it is, with the position of that model; null where no model has it. */
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
  // It may be in the one that cannot be read.
  if (failure !== null) throw failure;
  return null;
}

/**
 * The page that the anomalies of several sources make: no further than each was looked through.
 *
 * @param moment of the parts: those of a past moment stand in the order in which they were seen
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

/** A model has two sources: its stored anomalies by their id, and its stuck records by theirs. */
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

/** How a source is read: its rows by a position and a name, and the record of one that is asked for. */
type Source = Readonly<{
  name: string;
  /** What all its rows ask for; null where they begin their order with it. */
  attention: number | null;
  /** The columns of its order, but for that. */
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

/** A merged list's key as one source, whose rows stand by position and name, has it. */
function beyondIn(
  { name: source, attention }: Pick<Source, "name" | "attention">,
  beyond: PageRequest["beyond"],
): readonly Value[] | null {
  if (beyond === null || (attention !== null && attention < Number(beyond[0]))) return null;
  const [position, last, name] = [Number(beyond[1]), String(beyond[2]), String(beyond[3])];
  const before = attention === null ? [Number(beyond[0])] : [];
  if (source === last) return [...before, position, name];
  // At one position the sources stand in descending order: those before it are still to come.
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
        isAskedFor(row, filters) ? anomalyFor(anomalyRecord(row, model), platform) : null,
    },
    query,
  );
}

/** One filter is answered by an index that has the list's order, the others row by row. */
function indexedConditions({ subject, open, kind }: AnomalyFilters): readonly Condition[][] {
  if (subject !== undefined) return eachOf("subject", subject);
  if (open === true) return [[{ column: "attention", is: ">", value: ATTENTION.closed }]];
  return kind === undefined ? [[]] : eachOf("kind", kind);
}

function isAskedFor(row: Row, { kind, subject, open }: AnomalyFilters): boolean {
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
      ? eachOf("stage", movingStages(model))
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
        if (row.is_known || !isStuck(row, model, rule)) return null;
        return stuckRecord(row, model, rule);
      },
    },
    query,
  );
}

/** Those of which somebody knows. */
function readKnownStuck(
  rows: Rows,
  model: LifecycleModel,
  query: AnomalyQuery,
): Promise<AnomalyPart> {
  const { filters, rule, platform } = query;
  const asked = filters.subject === undefined ? [[]] : eachOf("id", filters.subject);
  return readSource(
    {
      name: stuckSource(model),
      attention: ATTENTION.acknowledged,
      key: ["position", "id"],
      select: (orderBy, beyond, limit) =>
        selectEither(rows, KNOWN_STUCK, asked, {
          among: anomaliesAmong(model, platform, "id"),
          orderBy,
          descending: true,
          ...beyondPart(beyond),
          limit,
          bytesMax: LIST_BYTES_MAX,
        }),
      recordOf: (known) =>
        isStuck(known, model, rule) ? stuckRecord(known, model, rule, known) : null,
    },
    query,
  );
}
