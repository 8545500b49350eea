import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import {
  type FactData,
  type FactState,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";
import { isPresent, readData } from "@counterfoil/core/stream/read-event";
import type { Column, Table } from "../ports/model-store.ts";

/** Columns of the state: they depend neither on the order of this stream nor on the receiver's clock. */
export const text: Column = { type: "text", state: true };
export const integer: Column = { type: "integer", state: true };
export const nanos: Column = { type: "nanos", state: true };

/** A column outside the state: its value depends on this stream's order or on the receiver's clock. */
export const own = (column: Column): Column => ({ ...column, state: false });

/** A column that older versions did without, and that reads of the present do not need. */
export const added = (column: Column): Column => ({ ...column, isAdded: true });

/** How much attention an item needs; lists start with the highest. */
export const ATTENTION = { closed: 0, acknowledged: 1, open: 2 } as const;

/** Who acknowledged an item, when, and their note; null if it is not acknowledged. */
export const ACKNOWLEDGED = {
  acknowledged_at: own(nanos),
  acknowledged_by: own(text),
  note: own(text),
} as const;

/** The kind of the anomaly of a stopped subject, with which its id begins. */
export const STOPPED_KIND = "stopped";

/** Conditions that need an operator. Closed ones are kept, to show when and by which event they closed. */
export const ANOMALIES: Table = {
  name: "anomalies",
  columns: {
    id: own(text),
    kind: text,
    subject: text,
    /** The part of the detail that does not depend on connections or arrivals. */
    essence: text,
    detail: own(text),
    opened_at: own(nanos),
    opened_position: own(integer),
    closed_position: own(integer),
    /** The delivery that opened it first, and when the event was recorded that did. */
    delivery_id: own(text),
    recorded_at: added(own(nanos)),
    attention: own(integer),
    /** Where it last changed: an acknowledgement of an earlier position does not apply. */
    changed_position: own(integer),
    ...ACKNOWLEDGED,
  },
  key: ["id"],
  // Each index ends with a list's order, because one snapshot may open 200,000 anomalies at one position.
  indexes: [
    ["attention", "opened_position", "id"],
    ["kind", "attention", "opened_position", "id"],
    ["subject", "attention", "opened_position", "id"],
  ],
  digested: "both",
  // A delivery's anomaly depends on when it arrived, the ledger's on its clocks and its engine, and a
  // stopped subject on the program's version.
  isState: ({ closed_position, subject, kind }) =>
    closed_position === null &&
    kind !== STOPPED_KIND &&
    !/^(?:delivery:|ledger$)/.test(`${subject}`),
};

/** Counts of open anomalies by kind, so that reading a count does not scan a million rows. */
export const ATTENTION_COUNTS: Table = {
  name: "attention_counts",
  columns: { kind: own(text), open: own(integer), unacknowledged: own(integer) },
  key: ["kind"],
  indexes: [],
  digested: "digest",
};

/** One row per event and anomaly that it changed; `row` is null if the anomaly was removed. */
export const ANOMALY_CHANGES: Table = {
  name: "anomaly_changes",
  columns: { position: own(integer), id: own(text), row: own(text) },
  key: ["position", "id"],
  indexes: [["id", "position"]],
  digested: "none",
};

/** Subjects for which an event could not be folded; later events of the same subject wait. */
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
  isOwn: true,
};

/**
 * Fact states as models store them. The event's JSON text is copied as it is, because serializing the
 * data again costs more than all other work for a row. The text is a non-enumerable property of the
 * data, so copies of the data do not carry it; a WeakMap would keep its entries alive through young
 * collections.
 */
const SOURCE_TEXT = Symbol("sourceText");

type WithSourceText = FactData & { [SOURCE_TEXT]?: string };

/**
 * The data of an event, parsed once; its text is kept for `factStateText`.
 *
 * @throws SchemaTooNew, which stops the event's subject like any other error of a fold
 */
export function parseData(event: RecordedEvent): FactData {
  const data = readData(event);
  return isPresent(event) ? Object.defineProperty(data, SOURCE_TEXT, { value: event.data }) : data;
}

/** A fact state as JSON; amendments are left out if there are none. */
export function factStateText(state: FactState): string {
  const { data, position, deliveryId, seen, contradicted, withdrawn, corrected } = state;
  const text = (data as WithSourceText)[SOURCE_TEXT] ?? JSON.stringify(data);
  const head = `{"data":${text},"position":${position},"deliveryId":${JSON.stringify(deliveryId)}`;
  if (seen.length === 0 && contradicted.length === 0 && !withdrawn && !corrected) return `${head}}`;
  const amended = `"seen":${JSON.stringify(seen)},"contradicted":${JSON.stringify(contradicted)},"withdrawn":${withdrawn}`;
  return `${head},${amended}${corrected ? ',"corrected":true' : ""}}`;
}

/** The state that `factStateText` serialized, from its parsed JSON. */
export function factStateFrom(parsed: FactData): FactState {
  const { data, position, deliveryId, ...amended } = parsed as Partial<FactState>;
  return { ...initialFactState(data ?? {}, position ?? 0, deliveryId ?? null), ...amended };
}
