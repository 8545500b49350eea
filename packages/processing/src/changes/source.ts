import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { StateTopic } from "@counterfoil/contracts/kafka";
import { accountParts } from "@counterfoil/core/account";
import { changedAnomaly } from "../models/anomaly-rows.ts";
import { ACCOUNTS, BALANCE_CHANGES } from "../models/balances/tables.ts";
import { ANOMALIES, ANOMALY_CHANGES } from "../models/columns.ts";
import { RECORD_CHANGES, RECORDS } from "../models/lifecycle/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row, Table } from "../ports/table.ts";
import { anomalyRecord } from "../queries/anomaly-record.ts";
import { balanceRecord, balanceRecordAt } from "../queries/balances.ts";
import { changedRecord, lifecycleRecord } from "../queries/lifecycle-record.ts";
import { isLifecycle, type LifecycleModel } from "../queries/stuck.ts";

/** A table of a model whose rows are published, with the change rows that record how they changed. */
export type Source = Readonly<{
  model: ModelName;
  topic: StateTopic;
  /** Its key is `id`. */
  current: Table;
  changes: Table;
  /** The column of a change row that holds the id. */
  id: string;
  /** The record that a change row holds; null where it records a removal. */
  ofChange: (rows: Rows, change: Row) => Promise<object | null> | object | null;
  ofCurrent: (rows: Rows, row: Row) => Promise<object> | object;
  /** Whether a present row holds the position of its last change. */
  hasPosition: boolean;
}>;

/** What is published of each model. */
const SOURCES: readonly Source[] = modelName.options.flatMap((model) => [
  isLifecycle(model) ? lifecycleSource(model) : balanceSource(model),
  anomalySource(model),
]);

/**
 * The model version from which on changes of records say whose they are. Rows of earlier ones are
 * not published; a generation of a later version takes their place.
 */
export const FOLLOWED_SINCE = 7;

export const sourcesOf = (model: ModelName): readonly Source[] =>
  SOURCES.filter((source) => source.model === model);

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
    // Whether a record is stuck depends on the clock of whoever asks.
    ofChange: (rows, change) => {
      const row = changedRecord(change);
      const moment = { at_position: Number(change.position) };
      return row && lifecycleRecord(rows, row, { stuck: null, moment });
    },
    ofCurrent: (rows, row) => lifecycleRecord(rows, row, { stuck: null }),
    hasPosition: true,
  };
}

/** A closed anomaly is published as closed, as HTTP shows it; one that was never true is removed. */
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
 * The record as it was at a position; null where there was none. The present row is that record
 * unless something has changed it since. Change rows are asked only then: where events were projected
 * late, after others that follow them, the last of their change rows is not the record of today.
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
  const [since] = await change(">");
  if (since === undefined) return current && ofCurrent(rows, current);
  const [before] = await change("<=");
  return before === undefined ? null : ofChange(rows, before);
}

/** The records of some ids as they were at a position. */
export async function recordsAt(
  rows: Rows,
  source: Source,
  { ids, position }: Readonly<{ ids: readonly string[]; position: number }>,
): Promise<ReadonlyMap<string, object | null>> {
  const present = await rows.select(source.current, {
    where: [{ column: "id", is: "in", value: ids }],
    orderBy: ["id"],
    limit: ids.length,
  });
  const byId = new Map(present.map((row) => [String(row.id), row]));
  const records = new Map<string, object | null>();
  for (const id of ids) {
    records.set(id, await recordAt(rows, source, { id, current: byId.get(id) ?? null, position }));
  }
  return records;
}
