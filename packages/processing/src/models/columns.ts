import type { Column, Table } from "../ports/table.ts";

/** A column of the state, and one that only this stream's order or the receiver's clock explains. */
export const text: Column = { type: "text", state: true };
export const integer: Column = { type: "integer", state: true };
export const nanos: Column = { type: "nanos", state: true };

export const own = (column: Column): Column => ({ ...column, state: false });

/** How much attention something asks for: lists begin with the most. */
export const ATTENTION = { closed: 0, acknowledged: 1, open: 2 } as const;

/** Who said that he knows, and what he said; null where nobody did. */
export const ACKNOWLEDGED = {
  acknowledged_at: own(nanos),
  acknowledged_by: own(text),
  note: own(text),
} as const;

/** What needs a person. Closed ones stay, so that a reader sees when and by what. */
export const ANOMALIES: Table = {
  name: "anomalies",
  columns: {
    id: own(text),
    kind: text,
    subject: text,
    /** What of the detail does not depend on connections or arrivals. */
    essence: text,
    detail: own(text),
    opened_at: own(nanos),
    opened_position: own(integer),
    closed_position: own(integer),
    /** The delivery that opened it. */
    delivery_id: own(text),
    attention: own(integer),
    /** Where it last changed: whoever saw it earlier than that has not acknowledged it. */
    changed_position: own(integer),
    ...ACKNOWLEDGED,
  },
  key: ["id"],
  // Each with the order of a list: one snapshot may open 200,000 at one position.
  indexes: [
    ["attention", "opened_position", "id"],
    ["kind", "attention", "opened_position", "id"],
    ["subject", "attention", "opened_position", "id"],
  ],
  digested: "both",
  // A delivery's own anomaly depends on when it came, the ledger's on its clocks and its engine, a
  // stopped subject on the program.
  isState: ({ closed_position, subject, kind }) =>
    closed_position === null && kind !== "stopped" && !/^(?:delivery:|ledger$)/.test(`${subject}`),
};

/** How many are open, by kind: who asks how many must not count a million. */
export const ATTENTION_COUNTS: Table = {
  name: "attention_counts",
  columns: { kind: own(text), open: own(integer), unacknowledged: own(integer) },
  key: ["kind"],
  indexes: [],
  digested: "digest",
};

/** Each event that changed an anomaly leaves one row; `row` null: it never stood. */
export const ANOMALY_CHANGES: Table = {
  name: "anomaly_changes",
  columns: { position: own(integer), id: own(text), row: own(text) },
  key: ["position", "id"],
  indexes: [["id", "position"]],
  digested: "none",
};

/** Keys that a fact could not be folded into; later facts of the same key wait. */
export const STOPPED: Table = {
  name: "stopped",
  columns: {
    subject: own(text),
    position: own(integer),
    type: own(text),
    error: own(text),
    waiting: own(integer),
  },
  key: ["subject"],
  indexes: [],
  digested: "none",
};
