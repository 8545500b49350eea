import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import {
  type FactData,
  type FactState,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";
import { isPresent, readData } from "@counterfoil/core/stream/read-event";
import type { Column, Table } from "../ports/model-store.ts";

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

/**
 * Fact states as models keep them. The stored bytes of the event go in as they are: to print them
 * again would cost more than everything else about a row. The text hangs at the data itself, where
 * no copy of the data takes it along; a WeakMap keeps what it holds alive through young collections.
 */
const PRINTED = Symbol("printed");

type Printed = FactData & { [PRINTED]?: string };

/**
 * The data of an event, parsed once; its text is remembered for `factStateText`.
 *
 * @throws SchemaTooNew, which stops the event's subject as any fault of a fold does
 */
export function parseData(event: RecordedEvent): FactData {
  const data = readData(event);
  return isPresent(event) ? Object.defineProperty(data, PRINTED, { value: event.data }) : data;
}

export function factStateText(state: FactState): string {
  const { data, position, deliveryId, seen, contradicted, withdrawn, corrected } = state;
  const text = (data as Printed)[PRINTED] ?? JSON.stringify(data);
  const head = `{"data":${text},"position":${position},"deliveryId":${JSON.stringify(deliveryId)}`;
  if (seen.length === 0 && contradicted.length === 0 && !withdrawn && !corrected) return `${head}}`;
  const amended = `"seen":${JSON.stringify(seen)},"contradicted":${JSON.stringify(contradicted)},"withdrawn":${withdrawn}`;
  return `${head},${amended}${corrected ? ',"corrected":true' : ""}}`;
}

/** The state that `factStateText` printed, from its parsed JSON. */
export function factStateFrom(parsed: FactData): FactState {
  const { data, position, deliveryId, ...amended } = parsed as Partial<FactState>;
  return { ...initialFactState(data ?? {}, position ?? 0, deliveryId ?? null), ...amended };
}
