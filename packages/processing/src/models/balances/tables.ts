import type { Table } from "../../ports/model-store.ts";
import {
  ANOMALIES,
  ANOMALY_CHANGES,
  ATTENTION_COUNTS,
  integer,
  nanos,
  own,
  STOPPED,
  text,
} from "../columns.ts";
import { LAST_DELIVERIES, LAST_FEED, QUARANTINED } from "../deliveries.ts";
import { LATE_ARRIVALS } from "./late-arrivals.ts";

/** One row an account: what `/v1/balances` shows, and what the fold keeps of it. */
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
    /** JSON: how many facts in force give each of the provider's ids. */
    id_facts: own(text),
    /** The greatest run that was ever heard of: one beyond it is new. */
    last_counter: own(text),
    /** Runs that nobody dated, and how many runs stand behind the last of them, up to a limit. */
    undated: own(integer),
    since_undated: own(integer),
    /** How many snapshots list it; also one that states no balance names it. */
    statements: own(integer),
    /** When the last snapshot that lists the account arrived, and where its feed was opened. */
    snapshot_at: own(nanos),
    listed_at: own(integer),
    /** Whether the anomaly is open. */
    unlisted: own(integer),
  },
  key: ["id"],
  indexes: [["participant_code"], ["account_group"], ["asset"]],
  digested: "both",
};

/**
 * Since when there was anything of an account: lists of a past moment walk through those alone that may
 * have been there. Neither ever rises, whatever is withdrawn or corrected, and a row stays when its
 * account is gone, so that no moment lacks one; whether it was there its own rows say.
 *
 * Apart from the accounts, whose rows change all the time: these indexes hardly ever do.
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
    /** The first event that said something of it. */
    first_position: own(integer),
    /** The earliest time at which any entry of it ever took effect; null where it never had one. */
    first_at: own(nanos),
  },
  key: ["account"],
  indexes: [
    // Where few had begun, all of them.
    ["first_at", "account"],
    ["first_position", "account"],
    // Where many had, in the order of the list, the others passed over without a look at their rows.
    ["provider", "account", "first_at", "first_position"],
    ["participant_code", "account", "first_at", "first_position"],
    ["account_group", "account", "first_at", "first_position"],
    ["asset", "account", "first_at", "first_position"],
  ],
  digested: "none",
};

/** One row an entry of an account's history: a run, a Layer1 message, a snapshot that stands. */
export const ENTRIES: Table = {
  name: "entries",
  columns: {
    account: text,
    id: own(text),
    kind: text,
    run_id: text,
    run_type: text,
    /** As printed. */
    occurred_at: nanos,
    /** The effective time, where no arrival has a part in it. */
    dated_at: nanos,
    effective_at: own(nanos),
    /** Order: by these three. */
    placed_at: own(nanos),
    rank: own(integer),
    mark: own(text),
    joined: own(integer),
    change: text,
    balance: text,
    running: text,
    /** As the order of runs sees it; null where it is the same. */
    running_of_runs: own(text),
    missing: text,
    missing_after: own(text),
    opening: text,
    contradictions: integer,
    /** JSON: the stated balance with its amendments; and what its movements add up to. */
    report: own(text),
    movements: integer,
    movement_sum: own(text),
    arrived_at: own(nanos),
    recorded_at: own(integer),
    opened_at: own(integer),
    late: own(integer),
    delivery_id: own(text),
    position: own(integer),
    /** Since where it stood before its report came, if that changed nothing else; see `unreportedRow`. */
    unreported_since: own(integer),
  },
  key: ["account", "id"],
  // A run may be on 100,000 accounts: whose they are the index tells.
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
    /** Withdrawn ones stay: a delivery that states one again finds what else was said of it. */
    withdrawn: own(integer),
    /** When it happened, where that has a part in the time of its run; else 0. */
    counted_at: own(nanos),
    facts: own(text),
    /** The event since which it stands so. */
    position: own(integer),
  },
  key: ["account", "run_id", "movement_id"],
  indexes: [
    ["movement_id"],
    // The latest of a run.
    ["account", "run_id", "counted_at", "movement_id"],
  ],
  digested: "both",
  isState: ({ withdrawn }) => withdrawn === 0,
  partition: "run_id",
};

const owned = (columns: Table["columns"]): Table["columns"] =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, own(column)]));

/**
 * How entries stood before an event changed them: whoever asks for a past position reads them. How a run
 * stood between its movements and its report its own row says: nearly every run would have a row here.
 */
export const ENTRIES_PAST: Table = {
  name: "entries_past",
  columns: { ...owned(ENTRIES.columns), until: own(integer) },
  key: ["account", "placed_at", "rank", "mark", "position"],
  indexes: [],
  digested: "none",
};

/** Where entries stood before an event (`until`) moved them, or took them away. */
export const ENTRY_MOVES: Table = {
  name: "entry_moves",
  columns: owned({
    ...{ account: text, id: text, until: integer },
    ...{ placed_at: nanos, rank: integer, mark: text },
  }),
  key: ["account", "id", "until"],
  indexes: [],
  digested: "none",
};

/** How movements stood before something more was said of them. */
export const MOVEMENTS_PAST: Table = {
  name: "movements_past",
  columns: { ...owned(MOVEMENTS.columns), until: own(integer) },
  key: ["account", "run_id", "movement_id", "position"],
  indexes: [],
  digested: "none",
};

/** Accounts that a run was once on and is no more, so that it is found as of then. */
export const FORMER_RUNS: Table = {
  name: "former_runs",
  columns: { run_id: own(text), account: own(text) },
  key: ["run_id", "account"],
  indexes: [],
  digested: "none",
};

/** What snapshots state of an account, each with what confirms it; see `core/balances/snapshots.ts`. */
export const STATEMENTS: Table = {
  name: "statements",
  columns: {
    account: own(text),
    connection: own(text),
    frame: own(integer),
    arrived_at: own(nanos),
    opened_at: own(integer),
    /** "": nothing does, it stands as an entry. */
    confirmed_by: own(text),
    /** The last entry that surely is in it; "" where none is. */
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

/** The provider's ids of accounts: they find an account, and conflict where one has several. */
export const ACCOUNT_IDS: Table = {
  name: "account_ids",
  columns: { account_id: text, account: text },
  key: ["account_id", "account"],
  indexes: [],
  digested: "both",
  partition: "account_id",
};

/** Feed connections: where each was opened, and where its snapshot was complete. */
export const CONNECTIONS: Table = {
  name: "connections",
  columns: {
    connection: own(text),
    opened_at: own(integer),
    /** Where its snapshot was complete; 0 while it is not. */
    completed_at: own(integer),
  },
  key: ["connection"],
  indexes: [["completed_at", "connection"]],
  digested: "digest",
};

/** Groups and participants of which some snapshot listed an account: feeds cover these. */
export const COVERED: Table = {
  name: "covered",
  columns: { code: own(text) },
  key: ["code"],
  indexes: [],
  digested: "digest",
};

/**
 * Accounts that hold something and that are not found missing, by where the feed was opened that
 * last listed them; 0: none did.
 */
export const HOLDERS: Table = {
  name: "holders",
  columns: { account: own(text), listed_at: own(integer) },
  key: ["account"],
  indexes: [["listed_at", "account"]],
  digested: "none",
};

/**
 * Each event that changed an account leaves one row: the account as it was then. Where nothing was
 * said of it any more all but the key is null.
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
 * Accounts that are alike hold a total together: whoever asks for sums must not add up 100,000 accounts.
 * Each account is counted in one total of all participants, and in one of its own participant's, unless
 * that is the group itself. So what a platform sees is the totals of its group and those of itself, each
 * account once. A total stays when its last account is gone, since its past does.
 *
 * Nearly every customer has one account of a kind: its total is that account, now and at any position,
 * and no row of it changes until another account comes. The sums were a third of a rebuild without that.
 */
export const TOTALS: Table = {
  name: "totals",
  columns: {
    id: own(text),
    /** "": of all of them. */
    participant_code: own(text),
    provider: own(text),
    /** "": Layer1 has none. */
    account_group: own(text),
    account_type: own(text),
    asset: own(text),
    /** The one that was counted first. */
    account: own(text),
    /** Where others came, and sums began; null: it is the only one so far. */
    summed_since: own(integer),
  },
  key: ["id"],
  indexes: [["participant_code", "account_group", "id"]],
  digested: "none",
};

/** What a total of several accounts is, kept in the transaction of their balances. */
export const TOTAL_SUMS: Table = {
  name: "total_sums",
  columns: {
    id: own(text),
    /** Of all balances that are known. */
    total: own(text),
    accounts: own(integer),
    accounts_with_gaps: own(integer),
    /** Where it last changed. */
    position: own(integer),
  },
  key: ["id"],
  indexes: [],
  digested: "digest",
};

/** Each event that changed a sum leaves one row: the sum as it was then. */
export const TOTAL_CHANGES: Table = {
  name: "total_changes",
  columns: {
    id: own(text),
    position: own(integer),
    total: own(text),
    accounts: own(integer),
    accounts_with_gaps: own(integer),
  },
  key: ["id", "position"],
  indexes: [],
  digested: "none",
};

export const BALANCES_TABLES: readonly Table[] = [
  ACCOUNTS,
  ACCOUNT_STARTS,
  ENTRIES,
  ENTRIES_PAST,
  ENTRY_MOVES,
  MOVEMENTS,
  MOVEMENTS_PAST,
  FORMER_RUNS,
  STATEMENTS,
  ACCOUNT_IDS,
  CONNECTIONS,
  COVERED,
  HOLDERS,
  BALANCE_CHANGES,
  TOTALS,
  TOTAL_SUMS,
  TOTAL_CHANGES,
  LATE_ARRIVALS,
  QUARANTINED,
  LAST_DELIVERIES,
  LAST_FEED,
  ANOMALIES,
  ATTENTION_COUNTS,
  ANOMALY_CHANGES,
  STOPPED,
];
