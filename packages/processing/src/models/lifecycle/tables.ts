import type { Column, Selection, Table, Value } from "../../ports/model-store.ts";
import {
  ACKNOWLEDGED,
  ANOMALIES,
  ANOMALY_CHANGES,
  ATTENTION_COUNTS,
  integer,
  nanos,
  own,
  STOPPED,
  text,
} from "../columns.ts";

/** One row per withdrawal, deposit or trade. */
export const RECORDS: Table = {
  name: "records",
  columns: {
    id: text,
    provider: text,
    stage: text,
    /** The stage, if the record waits in it, so that it is stuck after some time; null if it may stay. */
    waits: text,
    /** Since when it waits, see `waitsSince` of core/lifecycle/lifecycle-fact.ts. */
    waits_since: own(nanos),
    /** Null for a trade: each of its parties has its own asset, see queries/lifecycle-list.ts. */
    asset: text,
    participant_code: text,
    beneficiary: text,
    account_group: text,
    account_label: text,
    opened_at: own(nanos),
    updated_at: own(nanos),
    /** When it entered its current stage. */
    entered_at: own(nanos),
    /** JSON: the three times above, each null if it is an arrival time and not a provider's time. */
    dated_at: text,
    /** JSON: the fields of the record that follow from its facts, without times and history. */
    state: text,
    /** The cluster that holds its history. */
    cluster: own(integer),
    /** The place of its last history row, see history.ts. */
    tail: own(text),
    position: own(integer),
    /** 1 if `known_stuck` has a row for it; only then is that table read. */
    is_known: own(integer),
  },
  key: ["id"],
  indexes: [
    ["updated_at", "id"],
    ["stage", "updated_at", "id"],
    ["waits", "updated_at", "id"],
    ["waits", "position", "id"],
    // Stuck records of a stage are counted from this index alone.
    ["waits", "waits_since"],
    ["participant_code", "updated_at", "id"],
    ["beneficiary", "updated_at", "id"],
    ["account_group", "updated_at", "id"],
    ["asset", "updated_at", "id"],
    // For lists as of a time: the records opened by then.
    ["opened_at", "id"],
    ["participant_code", "opened_at", "id"],
    ["account_group", "opened_at", "id"],
  ],
  digested: "both",
};

/** Columns that depend on this stream's order, and are left out of the state. */
const owned = (columns: Readonly<Record<string, Column>>): Record<string, Column> =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, own(column)]));

/** The facts that a lifecycle keeps; cluster 0 for a fact that belongs to no record. */
export const LIFECYCLE_FACTS: Table = {
  name: "facts",
  // `at` orders the facts: for a movement it is the effective time of its run.
  columns: owned({ id: text, cluster: integer, at: nanos, type: text, state: text }),
  key: ["id"],
  indexes: [
    ["cluster", "type", "id"],
    // For the newest facts of a record with any number of facts.
    ["cluster", "at", "id"],
  ],
  digested: "digest",
  partition: "cluster",
};

/** Clusters: facts that are stated to be one record, with their merged fields. */
export const CLUSTERS: Table = {
  name: "clusters",
  columns: owned({ id: integer, data: text }),
  key: ["id"],
  indexes: [],
  digested: "digest",
};

/**
 * Every text by which a record is found, its owner, and the number of facts that state it. A name of
 * kind `alias` is for search only; facts of one owner that share any other name are one record.
 */
export const NAMES: Table = {
  name: "names",
  columns: owned({
    ...{ name: text, kind: text, owner: text, cluster: integer, count: integer },
    /** The position of the event since which it belongs to this cluster. */
    since: integer,
  }),
  key: ["name", "kind", "owner"],
  indexes: [],
  digested: "digest",
  partition: "name",
};

/** Earlier assignments of names to clusters, each up to the event that changed or removed it. */
export const NAMES_PAST: Table = {
  name: "names_past",
  columns: { ...NAMES.columns, until: own(integer) },
  key: ["name", "kind", "owner", "since"],
  indexes: [],
  digested: "none",
};

/**
 * The cluster that holds a cluster's history, and the record that a history belongs to, since an
 * event. A cluster without a row holds its own history and has no record.
 */
export const CLUSTER_CHANGES: Table = {
  name: "cluster_changes",
  columns: owned({ cluster: integer, position: integer, base: integer, record: text }),
  key: ["cluster", "position"],
  indexes: [],
  digested: "none",
};

/** Facts that mention a name without owning it. */
export const MENTIONS: Table = {
  name: "mentions",
  columns: owned({ name: text, fact: text }),
  key: ["name", "fact"],
  indexes: [],
  digested: "none",
  partition: "name",
};

/** Movements of withdrawals, one row for each account that states them. */
export const MOVEMENTS: Table = {
  name: "movements",
  columns: owned({
    ...{ run: text, kind: text, fact: text, movement_id: text, amount: text, cluster: integer },
    /** The account's type. */
    account: text,
    /** The time that the movement states, 0 if it states none; and its arrival. */
    stated_at: nanos,
    arrived_at: nanos,
  }),
  key: ["run", "kind", "fact"],
  indexes: [
    ["run", "account", "stated_at", "fact"],
    // For the sides of one cluster in a large run.
    ["cluster", "run", "kind", "account", "fact"],
  ],
  digested: "digest",
  partition: "run",
};

/**
 * Entries that wait to be joined, by class: holds and confirmations, see matching.ts, and parts of
 * deposits.
 */
export const QUEUE: Table = {
  name: "queue",
  columns: owned({
    ...{ class: text, side: text, cluster: integer, at: nanos, tie: text, named: integer },
    /** `free` if unmatched, else the level of the node. */
    state: text,
    /** The node of the tree at which it is matched; 0 if it is unmatched. */
    node: nanos,
    /** Its partner if paired by time; 0 if it has none or is paired by lot. */
    partner: integer,
  }),
  key: ["class", "side", "cluster"],
  indexes: [
    ["state", "side", "class", "at", "tie"],
    ["node", "side", "class", "at", "tie"],
  ],
  digested: "digest",
  partition: "class",
};

/** `state` and `node` of an unmatched entry. */
export const FREE = "free";
export const NOWHERE = 0n;

/** JSON: the number of entries matched at each level of a class's tree. */
export const QUEUE_LEVELS: Table = {
  name: "queue_levels",
  columns: owned({ class: text, levels: text }),
  key: ["class"],
  indexes: [],
  digested: "digest",
};

/**
 * JSON: the number of parts of deposits in a class by network, `""` if unknown. Also marks each run
 * with many confirmations and debits by a row without counts.
 */
export const PART_COUNTS: Table = {
  name: "part_counts",
  columns: owned({ class: text, counts: text }),
  key: ["class"],
  indexes: [],
  digested: "digest",
};

/** Equal parts of deposits, and equal withdrawals, by lot; `free` is 1 if unpaired there, see lots.ts. */
export const LOTS: Table = {
  name: "lots",
  columns: owned({ lot: text, tie: text, cluster: integer, free: integer }),
  key: ["lot", "tie", "cluster"],
  indexes: [["lot", "free", "tie", "cluster"]],
  digested: "digest",
  partition: "lot",
};

/** The order of history rows; `seq` orders the entries of one fact, which may state two. */
export const PLACE = ["at", "rank", "tie", "seq"];

const historyColumns = {
  ...owned({ record: integer, at: nanos, rank: integer }),
  ...{ tie: text, seq: integer, stage: text, word: text, source: text, occurred_at: nanos },
  /** Equals `at` if a provider's clock gave it; null if `at` is the arrival. */
  dated_at: nanos,
  /** How the word affects the stage: unknown, at_least, retries; null for the usual way. */
  mode: text,
  /** The stage after it, and 1 if it changed the stage. */
  ...{ after: text, moves: integer },
  /** `flag` is an anomaly of the row; `since` the position since which the row has these values. */
  ...owned({ flag: text, since: integer, late: integer }),
  ...owned({ cluster: integer, delivery_id: text, position: integer }),
};

/** One row per entry of a record's history, in its order. */
export const HISTORY: Table = {
  name: "history",
  columns: historyColumns,
  key: ["record", ...PLACE],
  indexes: [
    ["record", "moves", ...PLACE],
    ["record", "cluster", ...PLACE],
  ],
  digested: "both",
  partition: "record",
};

/** History rows before an event changed them, for reads as of an earlier position. */
export const HISTORY_PAST: Table = {
  name: "history_past",
  columns: { ...historyColumns, until: own(integer) },
  key: ["record", ...PLACE, "since"],
  indexes: [],
  digested: "none",
};

/** History rows with an anomaly, by flag. */
export const FLAGS: Table = {
  name: "flags",
  columns: owned({
    ...{ record: integer, flag: text, at: nanos, rank: integer, tie: text, seq: integer },
  }),
  key: ["record", "flag", ...PLACE],
  indexes: [],
  digested: "none",
  partition: "record",
};

/** Links removed by a later fact, if the removal moved the stage back. */
export const RELINKS: Table = {
  name: "relinks",
  columns: owned({
    ...{ record: integer, position: integer, from: text, stage: text, occurred_at: nanos },
  }),
  key: ["record", "position"],
  indexes: [],
  digested: "digest",
};

/** Entries that several facts state for one record or one movement; those with the lowest rank are shown. */
export const SLOTS: Table = {
  name: "slots",
  columns: owned({ slot: text, rank: text, fact: text, seq: integer, amount: text }),
  key: ["slot", "rank", "fact", "seq"],
  indexes: [],
  digested: "none",
  partition: "slot",
};

/**
 * Stuck records that were acknowledged, while they wait in that stage. Each row repeats the record's
 * stage, time and position, so that counts and lists need no other table. Whether a record is stuck
 * depends on the clock, so it is not stored as an anomaly.
 */
export const KNOWN_STUCK: Table = {
  name: "known_stuck",
  columns: {
    ...owned({ id: text, stage: text, waits_since: nanos, position: integer }),
    ...ACKNOWLEDGED,
  },
  key: ["id"],
  indexes: [
    ["stage", "waits_since"],
    ["position", "id"],
  ],
  digested: "digest",
};

/** The id of the anomaly of a stuck record, from its id and stage. */
export const stuckId = (id: string, stage: string): string => `${STUCK}${id}:${stage}`;

const STUCK = "stuck:";

/** @returns the record's id and stage; null for an anomaly of another kind */
export function stuckIn(anomalyId: string): Readonly<{ id: string; stage: string }> | null {
  const end = anomalyId.lastIndexOf(":");
  if (!anomalyId.startsWith(STUCK) || end < STUCK.length) return null;
  return { id: anomalyId.slice(STUCK.length, end), stage: anomalyId.slice(end + 1) };
}

/** One row for each event that changed a record; `row` is null if no record has this id any more. */
export const RECORD_CHANGES: Table = {
  name: "changes",
  columns: owned({
    ...{ position: integer, id: text, row: text },
    /** The owner at that position, so that a platform reads only its own changes. */
    ...{ participant_code: text, account_group: text },
  }),
  key: ["position", "id"],
  indexes: [
    ["id", "position"],
    ["participant_code", "position", "id"],
    ["account_group", "position", "id"],
  ],
  digested: "none",
};

/**
 * The platform and the parties of each trade, with the columns that order lists of trades, so that a
 * platform's trades are found without reading those of others.
 */
export const PARTIES: Table = {
  name: "parties",
  columns: owned({
    ...{ id: text, party: text, stage: text, waits: text },
    ...{ opened_at: nanos, updated_at: nanos, position: integer },
  }),
  key: ["id", "party"],
  indexes: [
    ["party", "updated_at", "id"],
    ["party", "stage", "updated_at", "id"],
    ["party", "waits", "updated_at", "id"],
    ["party", "waits", "position", "id"],
    ["party", "opened_at", "id"],
  ],
  digested: "none",
};

/** The platform and the parties of a trade when an event changed it. */
export const PARTY_CHANGES: Table = {
  name: "party_changes",
  columns: owned({ party: text, position: integer, id: text }),
  key: ["party", "position", "id"],
  indexes: [],
  digested: "none",
};

export const LIFECYCLE_TABLES: readonly Table[] = [
  ...[RECORDS, LIFECYCLE_FACTS, CLUSTERS, CLUSTER_CHANGES, NAMES, NAMES_PAST, MENTIONS],
  ...[MOVEMENTS, QUEUE, QUEUE_LEVELS, PART_COUNTS, LOTS],
  ...[HISTORY, HISTORY_PAST, FLAGS, SLOTS, RELINKS, RECORD_CHANGES],
  ...[KNOWN_STUCK, ANOMALIES, ATTENTION_COUNTS, ANOMALY_CHANGES, STOPPED],
];

export const TRADE_TABLES: readonly Table[] = [...LIFECYCLE_TABLES, PARTIES, PARTY_CHANGES];

/** Selects rows with these values, ordered by those columns, then by `order`; `beyond` refers to `order`. */
export function having(
  values: Readonly<Record<string, Value>>,
  order: readonly string[],
  { beyond, ...options }: Partial<Selection> = {},
): Selection {
  const entries = Object.entries(values);
  return {
    where: entries.map(([column, value]) => ({ column, is: "=", value })),
    orderBy: [...Object.keys(values), ...order],
    limit: PAGE,
    ...options,
    ...(beyond === undefined ? {} : { beyond: [...Object.values(values), ...beyond] }),
  };
}

/** The default number of rows read at once. */
const PAGE = 200;
