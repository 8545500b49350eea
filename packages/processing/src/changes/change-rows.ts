import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { StateTopic, Topic } from "@counterfoil/contracts/kafka";
import type { LifecycleModel } from "@counterfoil/contracts/record";
import { accountParts } from "@counterfoil/core/account";
import { changedAnomaly } from "../models/anomaly-rows.ts";
import { ACCOUNTS, BALANCE_CHANGES } from "../models/balances/tables.ts";
import { ANOMALIES, ANOMALY_CHANGES } from "../models/columns.ts";
import { RECORD_CHANGES, RECORDS } from "../models/lifecycle/tables.ts";
import {
  type Condition,
  isLastRows,
  type Row,
  type Rows,
  type Table,
  type Value,
} from "../ports/model-store.ts";
import { anomalyRecord } from "../queries/anomaly-record.ts";
import { balanceRecord, balanceRecordAt } from "../queries/balances.ts";
import { changedRecord, lifecycleRecord } from "../queries/lifecycle-record.ts";

/** A table of a model whose rows are published, with the table of its change rows. */
export type Source = Readonly<{
  model: ModelName;
  topic: StateTopic;
  /** Its key is `id`. */
  current: Table;
  changes: Table;
  /** The column of a change row that holds the id. */
  id: string;
  /** The record that a change row holds; null for a removal. */
  ofChange: (rows: Rows, change: Row) => Promise<object | null> | object | null;
  ofCurrent: (rows: Rows, row: Row) => Promise<object> | object;
  /** Whether a current row holds the position of its last change. */
  hasPosition: boolean;
}>;

/** The published tables of each model, that of its records first. */
const SOURCES: Readonly<Record<ModelName, readonly Source[]>> = {
  balances: [balanceSource("balances"), anomalySource("balances")],
  withdrawals: [lifecycleSource("withdrawals"), anomalySource("withdrawals")],
  deposits: [lifecycleSource("deposits"), anomalySource("deposits")],
  trades: [lifecycleSource("trades"), anomalySource("trades")],
};

/**
 * The first model version whose change rows name the record's owner. Rows of earlier versions are
 * not published; a generation of a later version replaces them.
 */
export const PUBLISHED_SINCE_VERSION = 7;

export const sourcesOf = (model: ModelName): readonly Source[] => SOURCES[model];

/** The model whose records are on a topic; null for a topic that is of all models, or of none. */
export function modelOn(topic: Topic): ModelName | null {
  const models = modelName.options.filter((model) =>
    SOURCES[model].some((source) => source.topic === topic),
  );
  return models.length === 1 ? (models[0] ?? null) : null;
}

function balanceSource(model: ModelName): Source {
  return {
    model,
    topic: "balances",
    current: ACCOUNTS,
    changes: BALANCE_CHANGES,
    id: "account",
    ofChange: (_rows, change) => {
      const id = String(change.account);
      return balanceRecordAt({ id, ...accountParts(id) }, change);
    },
    ofCurrent: (_rows, row) => balanceRecord(row),
    hasPosition: true,
  };
}

function lifecycleSource(model: LifecycleModel): Source {
  return {
    model,
    topic: model,
    current: RECORDS,
    changes: RECORD_CHANGES,
    id: "id",
    // `stuck` depends on the time of the request, so a published record leaves it null.
    ofChange: (rows, change) => {
      const row = changedRecord(change);
      const moment = { at_position: Number(change.position) };
      return row && lifecycleRecord(rows, row, { stuck: null, moment });
    },
    ofCurrent: (rows, row) => lifecycleRecord(rows, row, { stuck: null }),
    hasPosition: true,
  };
}

/** A closed anomaly is published as closed, as in the HTTP API; a retracted one is removed. */
function anomalySource(model: ModelName): Source {
  return {
    model,
    topic: "anomalies",
    current: ANOMALIES,
    changes: ANOMALY_CHANGES,
    id: "id",
    ofChange: (_rows, { row }) =>
      typeof row === "string" ? anomalyRecord(changedAnomaly(row), model) : null,
    ofCurrent: (_rows, row) => anomalyRecord(row, model),
    hasPosition: false,
  };
}

/**
 * The record as it was at a position; null if there was none. The current row is that record unless
 * it has changed since. Change rows are read only in that case: if events were projected out of
 * order, the change row with the highest position is not the current record.
 */
async function recordAt(
  rows: Rows,
  source: Source,
  { id, current, position }: Readonly<{ id: string; current: Row | null; position: number }>,
): Promise<object | null> {
  const { ofCurrent, ofChange } = source;
  if (current && source.hasPosition && Number(current.position) <= position) {
    return ofCurrent(rows, current);
  }
  const change = async (is: "<=" | ">") => {
    const where = [
      { column: source.id, is: "=" as const, value: id },
      { column: "position", is, value: position },
    ];
    const orderBy = [source.id, "position"];
    return rows.select(source.changes, { where, orderBy, descending: is === "<=", limit: 1 });
  };
  const [later] = await change(">");
  if (later === undefined) return current && ofCurrent(rows, current);
  const [earlier] = await change("<=");
  return earlier === undefined ? null : ofChange(rows, earlier);
}

/** The records with these ids as they were at a position. */
export async function recordsAt(
  rows: Rows,
  source: Source,
  { ids, position }: Readonly<{ ids: readonly string[]; position: number }>,
): Promise<ReadonlyMap<string, object | null>> {
  const current = await rows.select(source.current, {
    where: [{ column: "id", is: "in", value: ids }],
    orderBy: ["id"],
    limit: ids.length,
  });
  const byId = new Map(current.map((row) => [String(row.id), row]));
  const records = new Map<string, object | null>();
  for (const id of ids) {
    records.set(id, await recordAt(rows, source, { id, current: byId.get(id) ?? null, position }));
  }
  return records;
}

/** A change of one row of a read model by one event. */
export type Change = Readonly<{
  source: Source;
  position: number;
  id: string;
  /** The record as JSON; null if it was removed. */
  value: string | null;
}>;

export type ChangeRange = Readonly<{ after: number; upTo: number }>;

/** Limits of one read. */
export type ChangeLimits = Readonly<{
  /** Maximum number of change rows of one table. */
  count: number;
  /** Maximum size of their text. */
  bytes: number;
}>;

const ONE_EVENT_MAX = 10_000_000;

/**
 * Reads the changes of some tables in a range of positions.
 *
 * @param limits of the change rows read at once from one table; the range ends before the event that
 *   would exceed them
 * @returns the changes in order, table by table, and the last position for which they are complete.
 *   An event's changes are returned all together, however many, or not at all.
 */
export async function readChanges(
  rows: Rows,
  sources: readonly Source[],
  { limits, ...range }: ChangeRange & Readonly<{ limits: ChangeLimits }>,
): Promise<Readonly<{ changes: readonly Change[]; upTo: number }>> {
  let { upTo } = range;
  const changes: Change[] = [];
  for (const source of sources) {
    const read = await readRows(rows, source, { ...range, upTo, limits });
    upTo = read.upTo;
    const ofLastEvent = { where: [is("position", "=", upTo)], orderBy: source.changes.key };
    const found = read.isCut
      ? await rows.select(source.changes, { ...ofLastEvent, limit: ONE_EVENT_MAX })
      : read.found;
    for (const row of found) changes.push(await changeOf(rows, source, row));
  }
  return { changes: changes.filter(({ position }) => position <= upTo), upTo };
}

type FoundRows = Readonly<{
  found: readonly Row[];
  /** The last position for which `found` is complete, unless it is cut. */
  upTo: number;
  /** The event at `upTo` alone has more change rows than the limit; `found` holds the first of them. */
  isCut: boolean;
}>;

/** Reads change rows of one table: those of whole events, or the first of an event over the limit. */
export async function readRows(
  rows: Rows,
  { changes: table }: Source,
  { after, upTo, limits }: ChangeRange & Readonly<{ limits: ChangeLimits }>,
): Promise<FoundRows> {
  const page = { limit: limits.count + 1, bytesMax: limits.bytes };
  const where = [is("position", ">", after), is("position", "<=", upTo)];
  const found = await rows.select(table, { where, orderBy: table.key, ...page });
  const last = found.at(-1);
  if (last === undefined || isLastRows(found, page)) return { found, upTo, isCut: false };
  const cutOff = Number(last.position);
  const whole = found.filter(({ position }) => Number(position) < cutOff);
  if (whole.length > 0) return { found: whole, upTo: cutOff - 1, isCut: false };
  return { found, upTo: cutOff, isCut: true };
}

export const is = (column: string, operator: Condition["is"], value: Value): Condition => ({
  column,
  is: operator,
  value,
});

export async function changeOf(rows: Rows, source: Source, row: Row): Promise<Change> {
  const record = await source.ofChange(rows, row);
  return {
    source,
    position: Number(row.position),
    id: String(row[source.id]),
    value: record === null ? null : JSON.stringify(record),
  };
}
