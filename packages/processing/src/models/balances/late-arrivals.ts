import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, type Nanos, SECOND, timeOf } from "@counterfoil/core/exact/time";
import type { Row, Rows, Table } from "../../ports/model-store.ts";
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import { ANOMALIES, integer, nanos, own, text } from "../columns.ts";

/**
 * Times of recording never fall. After a clock that ran ahead, everything is recorded at the last
 * time that it told, until the right clock gets there: when those facts came, only their arrival says.
 * Each delivery has a row here, at the last position that was recorded with it, with arrivals that never
 * fall either. In a ledger whose clocks were right there are none.
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

/** How much earlier than it was recorded something may arrive, with clocks that are right. */
export const AHEAD_MAX: Nanos = 60n * SECOND;

export interface LateArrivals {
  /** Puts what was noted last into the buffer, before each commit. */
  flush(): void;
  /**
   * Notes when a delivery came, and what was recorded with it, where that was at another time; and that
   * a person is to know it. What is recorded of a delivery later on (a retry, a correction) is known
   * from then on only.
   */
  note(event: RecordedEvent): Work;
}

export async function openLateArrivals(store: Rows, buffer: RowBuffer): Promise<LateArrivals> {
  const newest = { orderBy: ["position"], descending: true, limit: 1 };
  let [last = null] = await store.select(LATE_ARRIVALS, newest);
  let anomaly = last === null ? null : await openAnomalyOf(store, last);
  /** More may be recorded with the last one. */
  let isWritten = true;
  /** Arrivals before this text are late; made once for all events of an append. */
  let limit = { recordedAt: -1n, text: "" };

  function limitOf(recordedAt: Nanos): string {
    if (limit.recordedAt !== recordedAt) {
      limit = { recordedAt, text: formatTime(recordedAt - AHEAD_MAX) };
    }
    return limit.text;
  }

  async function noteLate(delivery: RecordedEvent, receivedAt: string): Promise<void> {
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

  function noteFact({ position, causation_id, recorded_at }: RecordedEvent): undefined {
    if (last?.delivery_id !== causation_id || last.recorded_at !== recorded_at) return;
    // Of a subject that had stopped, and was tried again.
    if (Number(last.position) >= position) return;
    // A commit came between the two: one row a delivery, wherever commits are.
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
      if (event.type !== "DeliveryReceived") return noteFact(event);
      const receivedAt = receivedAtOf(event);
      if (receivedAt < limitOf(event.recorded_at)) return noteLate(event, receivedAt);
      if (anomaly === null) return undefined;
      // The right clock has got there.
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

/** Read from the text: of a million deliveries none but a late one need be parsed. In a string, quotes are escaped. */
function receivedAtOf({ data }: RecordedEvent): string {
  const start = data.indexOf(RECEIVED_AT) + RECEIVED_AT.length;
  return data.slice(start, data.indexOf('"', start));
}

/** The last position of what had arrived by a time and was recorded at a later one; 0 where there is none. */
export async function lastLateArrivalBy(rows: Rows, time: Nanos): Promise<number> {
  const [found] = await rows.select(LATE_ARRIVALS, {
    where: [{ column: "received_at", is: "<=", value: time }],
    orderBy: ["received_at", "position"],
    descending: true,
    limit: 1,
  });
  return Number(found?.position ?? 0);
}
