import type { Table } from "../../ports/table.ts";
import { ANOMALIES, ANOMALY_CHANGES, integer, nanos, own, STOPPED, text } from "../columns.ts";

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
    /** JSON: the newest frame on each line, and the snapshots that did not list the account. */
    heads: own(text),
    unlisted: own(text),
    /** When the last snapshot that lists the account arrived. */
    snapshot_at: own(nanos),
  },
  key: ["id"],
  indexes: [["participant_code"], ["account_group"], ["asset"]],
  digested: "both",
};

/** One row a report: a run on an account, a Layer1 balance, a snapshot. */
export const ENTRIES: Table = {
  name: "entries",
  columns: {
    account: text,
    id: own(text),
    kind: text,
    run_id: text,
    run_type: text,
    occurred_at: nanos,
    /** The effective time, where no arrival has a part in it. */
    dated_at: nanos,
    effective_at: own(nanos),
    chain_at: own(nanos),
    rank: own(integer),
    standing: own(integer),
    change: text,
    balance: text,
    running: text,
    order_running: own(text),
    missing: text,
    missing_after: own(text),
    opening: text,
    /** JSON: `[movement_id, movement_type, change]` of each, in order of time. */
    movements: text,
    /** JSON: the facts with their amendments. */
    facts: own(text),
    floor: own(nanos),
    late: own(integer),
    delivery_id: own(text),
    position: own(integer),
  },
  key: ["account", "id"],
  indexes: [["account", "chain_at", "rank"], ["run_id"]],
  digested: "both",
  isState: (row) => row.standing === 1,
};

export const RUNS: Table = {
  name: "runs",
  columns: {
    id: text,
    provider: text,
    run_id: text,
    run_type: text,
    occurred_at: nanos,
    facts: own(text),
    position: own(integer),
  },
  key: ["id"],
  indexes: [["run_id"]],
  digested: "both",
};

/** The provider's ids of accounts: they find an account, and conflict where one has several. */
export const ACCOUNT_IDS: Table = {
  name: "account_ids",
  columns: { account_id: text, account: text },
  key: ["account_id", "account"],
  indexes: [],
  digested: "both",
};

/** Feed connections, each with its line. */
export const CONNECTIONS: Table = {
  name: "connections",
  columns: {
    connection: own(text),
    line: own(text),
    ordinal: own(integer),
    opened_at: own(nanos),
    line_opened_at: own(nanos),
  },
  key: ["connection"],
  indexes: [],
  digested: "digest",
};

/** Which accounts a line's snapshots listed, and where last. */
export const LISTINGS: Table = {
  name: "listings",
  columns: {
    line: own(text),
    account: own(text),
    ordinal: own(integer),
    frame: own(integer),
  },
  key: ["line", "account"],
  indexes: [["line", "ordinal", "frame", "account"]],
  digested: "digest",
};

/** Each line's last complete snapshot: it leaves out whom an earlier one listed and itself does not. */
export const SNAPSHOTS: Table = {
  name: "snapshots",
  columns: {
    line: own(text),
    connection: own(text),
    ordinal: own(integer),
    frame: own(integer),
  },
  key: ["line"],
  indexes: [],
  digested: "digest",
};

/**
 * Each event that changed an account leaves one row: the account as it was then. Where nothing was
 * said of it any more all but the key is null; such an account also has a row at position 0.
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

export const BALANCES_TABLES: readonly Table[] = [
  ACCOUNTS,
  ENTRIES,
  RUNS,
  ACCOUNT_IDS,
  CONNECTIONS,
  LISTINGS,
  SNAPSHOTS,
  BALANCE_CHANGES,
  ANOMALIES,
  ANOMALY_CHANGES,
  STOPPED,
];
