import type { Column, Table } from "../ports/table.ts";

/** A column of the state, and one that only this stream's order or the receiver's clock explains. */
export const text: Column = { type: "text", state: true };
export const integer: Column = { type: "integer", state: true };
export const nanos: Column = { type: "nanos", state: true };

export const own = (column: Column): Column => ({ ...column, state: false });

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
  },
  key: ["id"],
  // Each with the order of a list: one snapshot may open 200,000 at one position.
  indexes: [
    ["opened_position", "id"],
    ["kind", "opened_position", "id"],
    ["subject", "opened_position", "id"],
    ["closed_position", "opened_position", "id"],
  ],
  digested: "both",
  // A delivery's own anomaly depends on when it came, the ledger's on its clocks and its engine, a
  // stopped subject on the program.
  isState: ({ closed_position, subject, kind }) =>
    closed_position === null && kind !== "stopped" && !/^(?:delivery:|ledger$)/.test(`${subject}`),
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
