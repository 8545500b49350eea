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

/** One row a withdrawal, deposit or trade. */
export const RECORDS: Table = {
  name: "records",
  columns: {
    id: text,
    provider: text,
    stage: text,
    /** Null for a trade: each of its parties has its own, see queries/lifecycle-list.ts. */
    asset: text,
    participant_code: text,
    beneficiary: text,
    account_group: text,
    account_label: text,
    opened_at: own(nanos),
    updated_at: own(nanos),
    /** When it entered its present stage. */
    entered_at: own(nanos),
    /** JSON: those three times, as far as a provider's clock gave them and not the arrival. */
    dated_at: text,
    /** JSON: what the record shows that is a function of its facts, but for times and history. */
    state: text,
    /** Whose history it has. */
    cluster: own(integer),
    /** The place of its last history row, see history.ts. */
    tail: own(text),
    position: own(integer),
    /** 1 where `known_stuck` has a row of it, which is asked for of no other. */
    is_known: own(integer),
  },
  key: ["id"],
  indexes: [
    ["updated_at", "id"],
    ["stage", "updated_at", "id"],
    ["stage", "position", "id"],
    // How many are stuck in a stage is counted in it alone.
    ["stage", "entered_at"],
    ["participant_code", "updated_at", "id"],
    ["beneficiary", "updated_at", "id"],
    ["account_group", "updated_at", "id"],
    ["asset", "updated_at", "id"],
    // As of a time: those that had been opened by then.
    ["opened_at", "id"],
    ["participant_code", "opened_at", "id"],
    ["account_group", "opened_at", "id"],
  ],
  digested: "both",
};

/** Columns that only this stream's order explains. */
const owned = (columns: Readonly<Record<string, Column>>): Record<string, Column> =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, own(column)]));

/** The facts that a lifecycle keeps; cluster 0 where a fact belongs to no record. */
export const LIFECYCLE_FACTS: Table = {
  name: "facts",
  // `at` is what it is ordered by: for a movement the effective time of its run.
  columns: owned({ id: text, cluster: integer, at: nanos, type: text, state: text }),
  key: ["id"],
  indexes: [
    ["cluster", "type", "id"],
    // A record's newest facts, of any number.
    ["cluster", "at", "id"],
  ],
  digested: "digest",
  partition: "cluster",
};

/** A cluster: the facts that are stated to be one record, and what they say together. */
export const CLUSTERS: Table = {
  name: "clusters",
  columns: owned({ id: integer, data: text }),
  key: ["id"],
  indexes: [],
  digested: "digest",
};

/**
 * Every text that finds a record, whose it is, and how many facts say it. Of kind `alias` are texts
 * that only find; facts that share any other are one record.
 */
export const NAMES: Table = {
  name: "names",
  columns: owned({
    ...{ name: text, kind: text, owner: text, cluster: integer, count: integer },
    /** The event since which it is this cluster's. */
    since: integer,
  }),
  key: ["name", "kind", "owner"],
  indexes: [],
  digested: "digest",
  partition: "name",
};

/** Whose names were, before an event gave them to another cluster or took them away. */
export const NAMES_PAST: Table = {
  name: "names_past",
  columns: { ...NAMES.columns, until: own(integer) },
  key: ["name", "kind", "owner", "since"],
  indexes: [],
  digested: "none",
};

/**
 * Since an event, which cluster has the history of another, and which record a cluster's history is;
 * a cluster without a row is its own, and no record.
 */
export const CLUSTER_CHANGES: Table = {
  name: "cluster_changes",
  columns: owned({ cluster: integer, position: integer, base: integer, record: text }),
  key: ["cluster", "position"],
  indexes: [],
  digested: "none",
};

/** Facts that carry a name without owning it. */
export const MENTIONS: Table = {
  name: "mentions",
  columns: owned({ name: text, fact: text }),
  key: ["name", "fact"],
  indexes: [],
  digested: "none",
  partition: "name",
};

/** Movements of withdrawals, on each account that states them. */
export const MOVEMENTS: Table = {
  name: "movements",
  columns: owned({
    ...{ run: text, kind: text, fact: text, movement_id: text, amount: text, cluster: integer },
    /** The account's type. */
    account: text,
    /** When the movement says that it happened, 0 where it does not say it; and its arrival. */
    stated_at: nanos,
    arrived_at: nanos,
    /** Whether it is shown as giving the hold back. */
    gives_back: integer,
  }),
  key: ["run", "kind", "fact"],
  indexes: [["run", "account", "stated_at", "fact"]],
  digested: "digest",
  partition: "run",
};

/**
 * What waits by class to be joined: holds and confirmations, see matching.ts, and parts of deposits.
 */
export const QUEUE: Table = {
  name: "queue",
  columns: owned({
    ...{ class: text, side: text, cluster: integer, at: nanos, tie: text, named: integer },
    /** `free`, or the level of the node. */
    state: text,
    /** The node of the tree at which it has a seat; 0: none. */
    node: nanos,
    /** Its partner, where that is the nearest; 0: none, or by lot. */
    partner: integer,
  }),
  key: ["class", "side", "cluster"],
  // Neither begins as the key does: PostgreSQL, while it has no figures of a young table, takes them for
  // as good as the key, and reads a whole class to find one row.
  indexes: [
    ["state", "side", "class", "at", "tie"],
    ["node", "side", "class", "at", "tie"],
  ],
  digested: "digest",
  partition: "class",
};

/** `state` and `node` of one that has no seat. */
export const FREE = "free";
export const NOWHERE = 0n;

/** In JSON, by level of a class's tree, how many have a seat there. */
export const QUEUE_LEVELS: Table = {
  name: "queue_levels",
  columns: owned({ class: text, levels: text }),
  key: ["class"],
  indexes: [],
  digested: "digest",
};

/**
 * How many parts of deposits a class has, in JSON: by network, `""` where it is not known. Of runs with
 * many confirmations and debits there is a row.
 */
export const PART_COUNTS: Table = {
  name: "part_counts",
  columns: owned({ class: text, counts: text }),
  key: ["class"],
  indexes: [],
  digested: "digest",
};

/** Equal parts of deposits, and equal withdrawals, by lot; and whether they have no partner there, see lots.ts. */
export const LOTS: Table = {
  name: "lots",
  columns: owned({ lot: text, tie: text, cluster: integer, free: integer }),
  key: ["lot", "tie", "cluster"],
  indexes: [["lot", "free", "tie", "cluster"]],
  digested: "digest",
  partition: "lot",
};

/** What rows of a history are ordered by; a fact may say two words, one after the other. */
export const PLACE = ["at", "rank", "tie", "seq"];

const historyColumns = {
  ...owned({ record: integer, at: nanos, rank: integer }),
  ...{ tie: text, seq: integer, stage: text, word: text, source: text, occurred_at: nanos },
  /** As `at` where a provider's clock gave it; null where it is the arrival. */
  dated_at: nanos,
  /** How the word counts: unknown, at_least, retries; null as any other. */
  mode: text,
  /** The stage after it, and whether it brought that stage. */
  ...{ after: text, moves: integer },
  /** `flag` is what needs a person; `since` the event since which it stands so. */
  ...owned({ flag: text, since: integer, late: integer }),
  ...owned({ cluster: integer, delivery_id: text, position: integer }),
};

/** One row a word in a record's history, in the record's order. */
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

/** How history rows stood before an event changed them: whoever follows reads them as of then. */
export const HISTORY_PAST: Table = {
  name: "history_past",
  columns: { ...historyColumns, until: own(integer) },
  key: ["record", ...PLACE, "since"],
  indexes: [],
  digested: "none",
};

/** History rows that need a person, by what is wrong. */
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

/** Links that were undone by a later fact, where that took the stage back. */
export const RELINKS: Table = {
  name: "relinks",
  columns: owned({
    ...{ record: integer, position: integer, from: text, stage: text, occurred_at: nanos },
  }),
  key: ["record", "position"],
  indexes: [],
  digested: "digest",
};

/** Words that several facts say of one record, or of one movement; the best ranked are shown. */
export const SLOTS: Table = {
  name: "slots",
  columns: owned({ slot: text, rank: text, fact: text, seq: integer }),
  key: ["slot", "rank", "fact", "seq"],
  indexes: [],
  digested: "none",
  partition: "slot",
};

/**
 * Records of which somebody knows that they are stuck, while they stay in that stage: each has the
 * record's stage, time and position, so that counts and lists need no other table. That they are
 * stuck the clock alone says: it is none of the anomalies that are stored.
 */
export const KNOWN_STUCK: Table = {
  name: "known_stuck",
  columns: {
    ...owned({ id: text, stage: text, entered_at: nanos, position: integer }),
    ...ACKNOWLEDGED,
  },
  key: ["id"],
  indexes: [
    ["stage", "entered_at"],
    ["position", "id"],
  ],
  digested: "digest",
};

/** The anomaly of a record that is stuck: its id names both. */
export const stuckId = (id: string, stage: string): string => `${STUCK}${id}:${stage}`;

const STUCK = "stuck:";

/** @returns null where the anomaly is another one */
export function stuckIn(anomalyId: string): Readonly<{ id: string; stage: string }> | null {
  const end = anomalyId.lastIndexOf(":");
  if (!anomalyId.startsWith(STUCK) || end < STUCK.length) return null;
  return { id: anomalyId.slice(STUCK.length, end), stage: anomalyId.slice(end + 1) };
}

/** Each event that changed a record leaves one row; `row` null: it is gone under this id. */
export const RECORD_CHANGES: Table = {
  name: "changes",
  columns: owned({
    ...{ position: integer, id: text, row: text },
    /** Whose it was: what a platform does not see is not read for it. */
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
 * Who has a part in a trade, its platform or a party, with what lists of trades are ordered by: a
 * platform's trades are found without a look at anybody else's.
 */
export const PARTIES: Table = {
  name: "parties",
  columns: owned({
    ...{ id: text, party: text, stage: text },
    ...{ opened_at: nanos, updated_at: nanos, position: integer },
  }),
  key: ["id", "party"],
  indexes: [
    ["party", "updated_at", "id"],
    ["party", "stage", "updated_at", "id"],
    ["party", "stage", "position", "id"],
    ["party", "opened_at", "id"],
  ],
  digested: "none",
};

/** Who had a part in a trade when an event changed it. */
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

/** Rows with these values, in the order of their columns and then of these; `beyond` is of the latter. */
export function having(
  values: Readonly<Record<string, Value>>,
  order: readonly string[],
  { beyond, ...options }: Partial<Selection> = {},
): Selection {
  const fixed = Object.entries(values);
  return {
    where: fixed.map(([column, value]) => ({ column, is: "=", value })),
    orderBy: [...Object.keys(values), ...order],
    limit: PAGE,
    ...options,
    ...(beyond === undefined ? {} : { beyond: [...Object.values(values), ...beyond] }),
  };
}

/** Rows that are read at once where all are wanted. */
const PAGE = 200;
