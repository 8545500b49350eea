import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, type Nanos, SECOND, timeOf } from "@counterfoil/core/exact/time";
import type { Row, Rows, Table } from "../../ports/model-store.ts";
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import { ANOMALIES, integer, nanos, own, text } from "../columns.ts";

/**
 * Recording times never decrease. After a clock ran ahead, events are recorded with its last time until
 * the correct clock catches up; when those facts really arrived is known only from their deliveries.
 * Each such delivery has a row, at the last position recorded with it. Within one recording time the
 * arrivals do not decrease either. A ledger with correct clocks has no rows here.
 */
export const LATE_ARRIVALS: Table = {
  name: "late_arrivals",
  columns: {
    position: own(integer),
    delivery_id: own(text),
    received_at: own(nanos),
    recorded_at: own(nanos),
  },
  key: ["position"],
  indexes: [["received_at", "position"]],
  digested: "none",
};

/** The longest time between arrival and recording that correct clocks can show. */
export const AHEAD_MAX: Nanos = 60n * SECOND;

export interface LateArrivals {
  /** Puts the last late arrival into the buffer. Call it before each commit. */
  flush(): void;
  /**
   * Records a delivery that arrived much earlier than it was recorded, with the facts recorded with it,
   * and opens an anomaly. Facts recorded later for the same delivery (a retry, a correction) are known
   * only from then on.
   */
  note(event: RecordedEvent): Work;
}

export async function openLateArrivals(store: Rows, buffer: RowBuffer): Promise<LateArrivals> {
  const newest = { orderBy: ["position"], descending: true, limit: 1 };
  let [last = null] = await store.select(LATE_ARRIVALS, newest);
  let anomaly = last === null ? null : await openAnomalyOf(store, last);
  /** False while the last row is not in the buffer; more facts may be recorded with its delivery. */
  let isWritten = true;
  /** Arrivals before this text are late; formatted once for all events with the same recording time. */
  let limit = { recordedAt: -1n, text: "" };

  function limitOf(recordedAt: Nanos): string {
    if (limit.recordedAt !== recordedAt) {
      limit = { recordedAt, text: formatTime(recordedAt - AHEAD_MAX) };
    }
    return limit.text;
  }

  async function recordLate(delivery: RecordedEvent, receivedAt: string): Promise<void> {
    const { position, recorded_at, id: delivery_id } = delivery;
    const arrival = timeOf(receivedAt);
    const isOfSameClock = last?.recorded_at === recorded_at;
    const received_at = isOfSameClock && last !== null ? later(last, arrival) : arrival;
    flush();
    last = { position, delivery_id, received_at, recorded_at };
    isWritten = false;
    const id = `clock:ledger:${formatTime(recorded_at)}`;
    if (anomaly === id) return;
    anomaly = id;
    const detail = { recorded_at: formatTime(recorded_at), received_at: receivedAt };
    const content = { id, kind: "clock", subject: "ledger", detail, essence: {}, at: null };
    await openAnomaly(buffer, content, { position, deliveryId: delivery_id });
  }

  function recordFact({ position, causation_id, recorded_at }: RecordedEvent): undefined {
    if (last?.delivery_id !== causation_id || last.recorded_at !== recorded_at) return;
    // An event of a stopped subject that is retried.
    if (Number(last.position) >= position) return;
    // A commit came between the two events. A delivery has one row, wherever commits are.
    if (isWritten) buffer.remove(LATE_ARRIVALS, last, last);
    last = { ...last, position };
    isWritten = false;
  }

  function flush(): void {
    if (!isWritten && last !== null) buffer.append(LATE_ARRIVALS, last);
    isWritten = true;
  }

  return {
    flush,
    note(event) {
      if (event.type !== "DeliveryReceived") return recordFact(event);
      const receivedAt = receivedAtOf(event);
      if (receivedAt < limitOf(event.recorded_at)) return recordLate(event, receivedAt);
      if (anomaly === null) return undefined;
      // The correct clock has caught up.
      const closed = anomaly;
      anomaly = null;
      return closeAnomaly(buffer, closed, { position: event.position, deliveryId: null });
    },
  };
}

function later({ received_at }: Row, arrival: Nanos): Nanos {
  return typeof received_at === "bigint" && received_at > arrival ? received_at : arrival;
}

async function openAnomalyOf(store: Rows, { recorded_at }: Row): Promise<string | null> {
  const id = `clock:ledger:${formatTime(recorded_at as Nanos)}`;
  const stored = await store.get(ANOMALIES, [id]);
  return stored?.closed_position === null ? id : null;
}

const RECEIVED_AT = '"received_at":"';

/** Read from the text, so that only late deliveries are parsed. Quotes within JSON strings are escaped. */
function receivedAtOf({ data }: RecordedEvent): string {
  const start = data.indexOf(RECEIVED_AT) + RECEIVED_AT.length;
  return data.slice(start, data.indexOf('"', start));
}

/** The last position of a late arrival received by `time`; 0 if there is none. */
export async function lastLateArrivalBy(rows: Rows, time: Nanos): Promise<number> {
  const [found] = await rows.select(LATE_ARRIVALS, {
    where: [{ column: "received_at", is: "<=", value: time }],
    orderBy: ["received_at", "position"],
    descending: true,
    limit: 1,
  });
  return Number(found?.position ?? 0);
}
