import type { Table, Value } from "../../ports/model-store.ts";
import {
  ANOMALIES,
  ANOMALY_CHANGES,
  ATTENTION_COUNTS,
  added,
  integer,
  nanos,
  own,
  STOPPED,
  text,
} from "../columns.ts";
import { LAST_DELIVERIES, LAST_FEED, LATE_ARRIVALS, QUARANTINED } from "../deliveries.ts";

/** One row per account: what `/v1/balances` shows, and the state of the fold. */
export const ACCOUNTS: Table = {
  name: "accounts",
  columns: {
    id: text,
    provider: text,
    participant_code: text,
    account_group: text,
    account_label: text,
    account_type: text,
    asset: text,
    address: text,
    account_id: text,
    account_ids: text,
    balance: text,
    status: text,
    open_gaps: integer,
    last_run_id: text,
    updated_at: own(nanos),
    position: own(integer),
    /** JSON: for each provider id, the number of facts in force that name it. */
    id_facts: own(text),
    /** The greatest run number seen so far; a run with a greater one is new. */
    last_counter: own(text),
    /** The number of undated runs, and how many runs were appended since the last of them, up to a limit. */
    undated: own(integer),
    since_undated: own(integer),
    /** Up to when, and below which counter, another run may come before one whose time is a whole second. */
    whole_until: added(own(nanos)),
    whole_counter: added(own(text)),
    /** How many snapshots list it, including those that state no balance. */
    statements: own(integer),
    /** The latest arrival of a snapshot that lists it, and the latest opening position of such a feed. */
    snapshot_at: own(nanos),
    listed_at: own(integer),
    /** 1 if the `unlisted` anomaly is open. */
    unlisted: own(integer),
  },
  key: ["id"],
  // Each serves a filtered list in the order of the ids.
  indexes: [
    ["participant_code", "id"],
    ["account_group", "id"],
    ["asset", "id"],
    // A platform's group may be most of the ledger, and few of its accounts of an asset.
    ["account_group", "asset", "id"],
  ],
  digested: "both",
};

/**
 * The first position and the earliest time of each account. A list of a past moment reads only accounts
 * that may have existed then. Neither value ever rises, whatever is withdrawn or corrected, and a row
 * stays when its account is gone, so that no list misses one; the account's own rows tell whether it existed.
 *
 * Separate from the accounts, whose rows change all the time: these indexes hardly ever change.
 */
export const ACCOUNT_STARTS: Table = {
  name: "account_starts",
  columns: {
    account: own(text),
    provider: own(text),
    participant_code: own(text),
    account_group: own(text),
    account_label: own(text),
    account_type: own(text),
    asset: own(text),
    /** The position of the first event about it. */
    first_position: own(integer),
    /** The earliest effective time of any entry it ever had; null if it never had one. */
    first_at: own(nanos),
  },
  key: ["account"],
  indexes: [
    // If few accounts had started, all of them are read in order of start.
    ["first_at", "account"],
    ["first_position", "account"],
    // If many had, they are read in list order; the others are skipped in the index without reading rows.
    ["provider", "account", "first_at", "first_position"],
    ["participant_code", "account", "first_at", "first_position"],
    ["account_group", "account", "first_at", "first_position"],
    ["asset", "account", "first_at", "first_position"],
  ],
  digested: "none",
};

/** One row per entry of an account's history: a run, a Layer1 message, or an unconfirmed snapshot. */
export const ENTRIES: Table = {
  name: "entries",
  columns: {
    account: text,
    id: own(text),
    kind: text,
    run_id: text,
    run_type: text,
    /** The time as printed by the provider. */
    occurred_at: nanos,
    /** The effective time, if it does not depend on an arrival. */
    dated_at: nanos,
    effective_at: own(nanos),
    /** Entries are ordered by these three columns. */
    placed_at: own(nanos),
    rank: own(integer),
    mark: own(text),
    joined: own(integer),
    change: text,
    balance: text,
    running: text,
    /** The running balance used to order runs; null if it equals `running`. */
    running_of_runs: own(text),
    missing: text,
    missing_after: own(text),
    opening: text,
    contradictions: integer,
    /** JSON: the stated balance with its amendments; `movement_sum`: the sum of its movements. */
    report: own(text),
    movements: integer,
    movement_sum: own(text),
    arrived_at: own(nanos),
    recorded_at: own(integer),
    opened_at: own(integer),
    late: own(integer),
    delivery_id: own(text),
    position: own(integer),
    /** The position it had before its report, if the report changed nothing else; see `unreportedRow`. */
    unreported_since: own(integer),
  },
  key: ["account", "id"],
  // A run may have entries on 100,000 accounts; the index alone lists them.
  indexes: [
    ["account", "placed_at", "rank", "mark"],
    ["run_id", "account"],
  ],
  digested: "both",
  partition: "account",
};

/** The movements of a run on an account, each with its amendments. */
export const MOVEMENTS: Table = {
  name: "movements",
  columns: {
    account: text,
    run_id: text,
    movement_id: text,
    movement_type: text,
    change: text,
    occurred_at: nanos,
    /** Withdrawn movements are kept: a delivery that states one again needs its other amendments. */
    withdrawn: own(integer),
    /** Its time, if it counts for the time of its run; otherwise 0. */
    counted_at: own(nanos),
    facts: own(text),
    /** The position of its last change. */
    position: own(integer),
  },
  key: ["account", "run_id", "movement_id"],
  indexes: [
    ["movement_id"],
    // Finds the latest movement of a run.
    ["account", "run_id", "counted_at", "movement_id"],
  ],
  digested: "both",
  isState: ({ withdrawn }) => withdrawn === 0,
  partition: "run_id",
};

/** The same columns, none of them part of the state. */
const withoutState = (columns: Table["columns"]): Table["columns"] =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, own(column)]));

/**
 * Past versions of entries, up to the event (`until`) that replaced them; queries of a past position read
 * them. The version of a run between its movements and its report is kept in its own row, because nearly
 * every run would have a row here.
 */
export const ENTRIES_PAST: Table = {
  name: "entries_past",
  columns: { ...withoutState(ENTRIES.columns), until: own(integer) },
  key: ["account", "placed_at", "rank", "mark", "position"],
  indexes: [],
  digested: "none",
};

/** Places of entries before an event (`until`) moved or removed them. */
export const ENTRY_MOVES: Table = {
  name: "entry_moves",
  columns: withoutState({
    ...{ account: text, id: text, until: integer },
    ...{ placed_at: nanos, rank: integer, mark: text },
  }),
  key: ["account", "id", "until"],
  indexes: [],
  digested: "none",
};

/** Past versions of movements, up to the event (`until`) that amended them. */
export const MOVEMENTS_PAST: Table = {
  name: "movements_past",
  columns: { ...withoutState(MOVEMENTS.columns), until: own(integer) },
  key: ["account", "run_id", "movement_id", "position"],
  indexes: [],
  digested: "none",
};

/** Accounts that a run no longer has an entry on, so that queries of a past position find it. */
export const FORMER_RUNS: Table = {
  name: "former_runs",
  columns: { run_id: own(text), account: own(text) },
  key: ["run_id", "account"],
  indexes: [],
  digested: "none",
};

/** Balances that snapshots state, each with what confirms it; see `core/balances/snapshots.ts`. */
export const STATEMENTS: Table = {
  name: "statements",
  columns: {
    account: own(text),
    connection: own(text),
    frame: own(integer),
    arrived_at: own(nanos),
    opened_at: own(integer),
    /** "" if nothing confirms it: then it is an entry of the history. */
    confirmed_by: own(text),
    /** The last entry that the snapshot certainly includes; "" if there is none. */
    sure: own(text),
    report: own(text),
  },
  key: ["account", "connection", "frame"],
  indexes: [
    ["account", "opened_at", "connection", "frame"],
    ["account", "confirmed_by", "arrived_at", "connection", "frame"],
  ],
  digested: "digest",
  partition: "account",
};

/** Provider ids of accounts, for search and for conflicts: two ids on one account, or one id on two. */
export const ACCOUNT_IDS: Table = {
  name: "account_ids",
  columns: {
    account_id: text,
    account: text,
    /** The position of the event since which the account has it. */
    since: added(own(integer)),
  },
  key: ["account_id", "account"],
  indexes: [],
  digested: "both",
  partition: "account_id",
};

/**
 * Provider ids that an account had, each up to the event (`until`) with which no fact named it any more;
 * queries of a past position find the account by them. They are in no conflict.
 */
export const ACCOUNT_IDS_PAST: Table = {
  name: "account_ids_past",
  columns: {
    ...withoutState({ account_id: text, account: text }),
    ...{ since: own(integer), until: own(integer) },
  },
  key: ["account_id", "account", "since"],
  indexes: [],
  digested: "none",
};

/** Feed connections, with the positions at which each was opened and its snapshot completed. */
export const CONNECTIONS: Table = {
  name: "connections",
  columns: {
    connection: own(text),
    opened_at: own(integer),
    /**
     * The position at which its snapshot was completed; 0 until then, and if that of a connection opened
     * later was complete before.
     */
    completed_at: own(integer),
    /** When it was opened, and the latest arrival of a balance in its snapshot; 0 if it lists nobody. */
    opened_on: added(own(nanos)),
    arrived_on: added(own(nanos)),
  },
  key: ["connection"],
  indexes: [["completed_at", "connection"]],
  digested: "digest",
};

/** Groups and participants that feeds cover: some snapshot listed an account of theirs. */
export const COVERED: Table = {
  name: "covered",
  columns: {
    code: own(text),
    /** The position of the first listing of such an account. */
    covered_at: added(own(integer)),
  },
  key: ["code"],
  indexes: [],
  digested: "digest",
};

/**
 * Zero Hash accounts with a nonzero balance that are not marked as unlisted, by the position at which the
 * feed that last listed them was opened; 0 if none did.
 */
export const HOLDERS: Table = {
  name: "holders",
  columns: { account: own(text), listed_at: own(integer) },
  key: ["account"],
  indexes: [["listed_at", "account"]],
  digested: "none",
};

/**
 * One row per event and account that it changed: the account as of that event. If no facts about the
 * account remain, all columns but the key are null.
 */
export const BALANCE_CHANGES: Table = {
  name: "changes",
  columns: {
    position: own(integer),
    account: own(text),
    account_id: own(text),
    account_ids: own(text),
    balance: own(text),
    status: own(text),
    open_gaps: own(integer),
    last_run_id: own(text),
    updated_at: own(nanos),
  },
  key: ["position", "account"],
  indexes: [["account", "position"]],
  digested: "none",
};

/**
 * Totals of accounts of the same kind, so that a query for sums does not add up 100,000 accounts.
 * Each account is counted in one total of all participants, and in one of its own participant, unless
 * that is the group itself. So a platform sees the totals of its group and its own, with each account
 * counted once. A total stays when its last account is gone, because its past stays readable.
 *
 * Nearly every customer has one account of a kind: its total is that account, now and at any position,
 * and its row does not change until a second account is added. Without that rule, the sums took a third
 * of a rebuild.
 */
export const TOTALS: Table = {
  name: "totals",
  columns: {
    id: own(text),
    /** "" for the total of all participants. */
    participant_code: own(text),
    provider: own(text),
    /** "" for Layer1, which has no groups. */
    account_group: own(text),
    account_type: own(text),
    asset: own(text),
    /** The account that was counted first. */
    account: own(text),
    /** The position from which sums are kept: a second account was added. Null while there is only one. */
    summed_since: own(integer),
  },
  key: ["id"],
  indexes: [["participant_code", "account_group", "id"]],
  digested: "none",
};

/** Whether a status says that the balance may be another one; null for an account that has no facts. */
export const isUncertain = (status: Value): boolean => status !== null && status !== "continuous";

/** The current sums of totals with several accounts, committed together with the balances. */
export const TOTAL_SUMS: Table = {
  name: "total_sums",
  columns: {
    id: own(text),
    /** The sum of all known balances. */
    total: own(text),
    accounts: own(integer),
    accounts_with_gaps: own(integer),
    /** Those whose balance is marked as uncertain, for whatever reason. */
    accounts_uncertain: added(own(integer)),
    /** The position of its last change. */
    position: own(integer),
  },
  key: ["id"],
  indexes: [],
  digested: "digest",
};

/** One row per event and sum that it changed: the sum as of that event. */
export const TOTAL_CHANGES: Table = {
  name: "total_changes",
  columns: {
    id: own(text),
    position: own(integer),
    total: own(text),
    accounts: own(integer),
    accounts_with_gaps: own(integer),
    accounts_uncertain: added(own(integer)),
  },
  key: ["id", "position"],
  indexes: [],
  digested: "none",
};

/** All tables of the balances model. */
export const BALANCES_TABLES: readonly Table[] = [
  ...[ACCOUNTS, ACCOUNT_STARTS, ACCOUNT_IDS, ACCOUNT_IDS_PAST, BALANCE_CHANGES],
  ...[ENTRIES, ENTRIES_PAST, ENTRY_MOVES, MOVEMENTS, MOVEMENTS_PAST, FORMER_RUNS],
  ...[STATEMENTS, CONNECTIONS, COVERED, HOLDERS],
  ...[TOTALS, TOTAL_SUMS, TOTAL_CHANGES],
  ...[LATE_ARRIVALS, QUARANTINED, LAST_DELIVERIES, LAST_FEED],
  ...[ANOMALIES, ATTENTION_COUNTS, ANOMALY_CHANGES, STOPPED],
];
