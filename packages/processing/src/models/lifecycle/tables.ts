import type { Table } from "../../ports/table.ts";
import { ANOMALIES, ANOMALY_CHANGES, integer, nanos, own, STOPPED, text } from "../columns.ts";
import { CONNECTIONS } from "./feed-rows.ts";

/** One row a withdrawal, deposit or trade. */
export const RECORDS: Table = {
  name: "records",
  columns: {
    id: text,
    provider: text,
    stage: text,
    /** Null for a trade: each of its parties has its own, see queries/trade-filter.ts. */
    asset: text,
    participant_code: text,
    account_group: text,
    account_label: text,
    opened_at: nanos,
    updated_at: nanos,
    /** When it entered its present stage. */
    entered_at: nanos,
    /** JSON: everything of the record that is a function of its facts, the history included. */
    state: text,
    /** JSON: what only this stream's order explains: deliveries, positions, undone links. */
    detail: own(text),
    cluster: own(integer),
    position: own(integer),
  },
  key: ["id"],
  indexes: [
    ["cluster"],
    ["updated_at", "id"],
    ["stage", "updated_at", "id"],
    ["participant_code", "updated_at", "id"],
    ["asset", "updated_at", "id"],
  ],
  digested: "both",
};

/** Every text that finds a record; one text may find several. */
export const ALIASES: Table = {
  name: "aliases",
  columns: { alias: own(text), record: own(text) },
  key: ["alias", "record"],
  indexes: [["record"]],
  digested: "digest",
};

/** The facts that a lifecycle keeps, each in its cluster. */
export const LEGS: Table = {
  name: "legs",
  columns: { id: own(text), cluster: own(integer), type: own(text), state: own(text) },
  key: ["id"],
  indexes: [["cluster", "id"]],
  digested: "digest",
};

/** Which cluster the facts with a key lie in. */
export const CLUSTER_KEYS: Table = {
  name: "cluster_keys",
  columns: { key: own(text), cluster: own(integer) },
  key: ["key"],
  indexes: [["cluster"]],
  digested: "none",
};

/** Each event that changed a record leaves one row; `record` null: it is gone under this id. */
export const RECORD_CHANGES: Table = {
  name: "changes",
  columns: { position: own(integer), id: own(text), row: own(text) },
  key: ["position", "id"],
  indexes: [["id", "position"]],
  digested: "none",
};

export const LIFECYCLE_TABLES: readonly Table[] = [
  RECORDS,
  ALIASES,
  LEGS,
  CLUSTER_KEYS,
  RECORD_CHANGES,
  CONNECTIONS,
  ANOMALIES,
  ANOMALY_CHANGES,
  STOPPED,
];
