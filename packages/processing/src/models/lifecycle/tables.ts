import type { Selection, Table, Value } from "../../ports/table.ts";
import { ANOMALIES, ANOMALY_CHANGES, integer, nanos, own, STOPPED, text } from "../columns.ts";

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
  },
  key: ["id"],
  indexes: [
    ["cluster"],
    ["updated_at", "id"],
    ["stage", "updated_at", "id"],
    ["participant_code", "updated_at", "id"],
    ["beneficiary", "updated_at", "id"],
    ["account_group", "updated_at", "id"],
    ["asset", "updated_at", "id"],
  ],
  digested: "both",
};

/** The facts that a lifecycle keeps; cluster 0 where a fact belongs to no record. */
export const LIFECYCLE_FACTS: Table = {
  name: "facts",
  columns: {
    id: own(text),
    cluster: own(integer),
    /** What it is ordered by: for a movement the effective time of its run. */
    at: own(nanos),
    type: own(text),
    state: own(text),
  },
  key: ["id"],
  indexes: [["cluster", "type", "id"]],
  digested: "digest",
  partition: "cluster",
};

/** A cluster: the facts that are stated to be one record, and what they say together. */
export const CLUSTERS: Table = {
  name: "clusters",
  columns: { id: own(integer), data: own(text) },
  key: ["id"],
  indexes: [],
  digested: "digest",
};

/** Every text that finds a record, and whose it is. */
export const NAMES: Table = {
  name: "names",
  columns: {
    name: own(text),
    /** `alias` for a text that only finds; facts that share any other are one record. */
    kind: own(text),
    owner: own(text),
    cluster: own(integer),
    /** Facts that say it. */
    count: own(integer),
  },
  key: ["name", "kind", "owner"],
  indexes: [],
  digested: "digest",
  partition: "name",
};

/** Facts that carry a name without owning it. */
export const MENTIONS: Table = {
  name: "mentions",
  columns: { name: own(text), fact: own(text) },
  key: ["name", "fact"],
  indexes: [],
  digested: "none",
  partition: "name",
};

/** Movements of withdrawals, on each account that states them. */
export const MOVEMENTS: Table = {
  name: "movements",
  columns: {
    run: own(text),
    kind: own(text),
    fact: own(text),
    /** The account's type. */
    account: own(text),
    movement_id: own(text),
    amount: own(text),
    cluster: own(integer),
    /** When the movement says that it happened, 0 where it does not say it; and its arrival. */
    stated_at: own(nanos),
    arrived_at: own(nanos),
    /** Whether it is shown as giving the hold back. */
    gives_back: own(integer),
  },
  key: ["run", "kind", "fact"],
  indexes: [["run", "account", "stated_at", "fact"]],
  digested: "digest",
  partition: "run",
};

/**
 * What is matched by class: what is taken (holds) and what takes (confirmations), see matching.ts.
 * A link lies in the row of the one that takes, at its node of an interval tree.
 */
export const QUEUE: Table = {
  name: "queue",
  columns: {
    class: own(text),
    side: own(text),
    cluster: own(integer),
    at: own(nanos),
    tie: own(text),
    named: own(integer),
    /** `free`, or how the partner is called; with `named` it says who may still take it. */
    state: own(text),
    partner: own(integer),
    partner_at: own(nanos),
    partner_tie: own(text),
    node: own(nanos),
  },
  key: ["class", "side", "cluster"],
  indexes: [
    ["class", "side", "at", "tie"],
    ["class", "side", "state", "at", "tie"],
    ["class", "side", "state", "node", "at", "tie"],
    ["class", "side", "state", "node", "partner_at", "partner_tie"],
  ],
  digested: "digest",
  partition: "class",
};

/** How many links of a class lie at each level of the interval tree. */
export const QUEUE_LEVELS: Table = {
  name: "queue_levels",
  columns: { class: own(text), levels: own(text) },
  key: ["class"],
  indexes: [],
  digested: "digest",
};

const historyColumns = {
  record: own(integer),
  at: own(nanos),
  /** The same where a provider's clock gave it; null where it is the arrival. */
  dated_at: nanos,
  rank: own(integer),
  tie: text,
  /** A fact may say two words. */
  seq: integer,
  stage: text,
  word: text,
  source: text,
  occurred_at: nanos,
  /** How the word counts: unknown, at_least, retries; null as any other. */
  mode: text,
  /** The stage after it, and whether it brought that stage. */
  after: text,
  moves: integer,
  /** What needs a person. */
  flag: own(text),
  late: own(integer),
  cluster: own(integer),
  delivery_id: own(text),
  position: own(integer),
  /** The event since which it stands so. */
  since: own(integer),
};

/** One row a word in a record's history, in the record's order. */
export const HISTORY: Table = {
  name: "history",
  columns: historyColumns,
  key: ["record", "at", "rank", "tie", "seq"],
  indexes: [
    ["record", "moves", "at", "rank", "tie", "seq"],
    ["record", "cluster", "at", "rank", "tie", "seq"],
  ],
  digested: "both",
  partition: "record",
};

/** How history rows stood before an event changed them: whoever follows reads them as of then. */
export const HISTORY_PAST: Table = {
  name: "history_past",
  columns: { ...historyColumns, until: own(integer) },
  key: ["record", "at", "rank", "tie", "seq", "since"],
  indexes: [],
  digested: "none",
};

/** History rows that need a person, by what is wrong. */
export const FLAGS: Table = {
  name: "flags",
  columns: {
    record: own(integer),
    flag: own(text),
    at: own(nanos),
    rank: own(integer),
    tie: own(text),
    seq: own(integer),
  },
  key: ["record", "flag", "at", "rank", "tie", "seq"],
  indexes: [],
  digested: "none",
  partition: "record",
};

/** Links that were undone by a later fact, where that took the stage back. */
export const RELINKS: Table = {
  name: "relinks",
  columns: {
    record: own(integer),
    position: own(integer),
    from: own(text),
    stage: own(text),
    occurred_at: own(nanos),
  },
  key: ["record", "position"],
  indexes: [],
  digested: "digest",
};

/** Words that several facts say of one record, or of one movement; the best ranked are shown. */
export const SLOTS: Table = {
  name: "slots",
  columns: { slot: own(text), rank: own(text), fact: own(text), seq: own(integer) },
  key: ["slot", "rank", "fact", "seq"],
  indexes: [],
  digested: "none",
  partition: "slot",
};

/** Each event that changed a record leaves one row; `row` null: it is gone under this id. */
export const RECORD_CHANGES: Table = {
  name: "changes",
  columns: { position: own(integer), id: own(text), row: own(text) },
  key: ["position", "id"],
  indexes: [["id", "position"]],
  digested: "none",
};

export const LIFECYCLE_TABLES: readonly Table[] = [
  RECORDS,
  LIFECYCLE_FACTS,
  CLUSTERS,
  NAMES,
  MENTIONS,
  MOVEMENTS,
  QUEUE,
  QUEUE_LEVELS,
  HISTORY,
  HISTORY_PAST,
  FLAGS,
  SLOTS,
  RELINKS,
  RECORD_CHANGES,
  ANOMALIES,
  ANOMALY_CHANGES,
  STOPPED,
];

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
