import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { StreamEvent } from "@counterfoil/core/balances/targets";
import { formatTime, type Nanos, SECOND, timeOf } from "@counterfoil/core/exact/time";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Row, Rows, Table } from "../ports/model-store.ts";
import type { Work } from "../projection/projection.ts";
import type { RowBuffer } from "../projection/row-buffer.ts";
import {
  acknowledgedBy,
  closeAnomaly,
  countAttention,
  NOT_ACKNOWLEDGED,
  openAnomaly,
} from "./anomaly-rows.ts";
import { ACKNOWLEDGED, ANOMALIES, ATTENTION, integer, nanos, own, text } from "./columns.ts";

/**
 * What operators and queries need to know about deliveries: the unreadable ones, when each provider last
 * sent something, and those recorded long after they arrived. The stream holds all of it, but a query
 * must not scan the stream. The balances model keeps these tables because it also keeps everything else
 * about the whole ledger.
 */

/** Deliveries that could not be read when they arrived. */
export const QUARANTINED: Table = {
  name: "quarantined",
  columns: {
    /** The delivery's id. */
    id: own(text),
    position: own(integer),
    attempts: own(integer),
    attention: own(integer),
    ...ACKNOWLEDGED,
  },
  key: ["id"],
  indexes: [["attention", "position"]],
  digested: "digest",
};

/** Their kind in `attention_counts`. */
export const QUARANTINED_KIND = "quarantined";

/** The last delivery of each provider and channel. */
export const LAST_DELIVERIES: Table = {
  name: "last_deliveries",
  columns: {
    provider: own(text),
    channel: own(text),
    recorded_at: own(nanos),
    position: own(integer),
  },
  key: ["provider", "channel"],
  indexes: [],
  digested: "digest",
};

/** Applies an event about a quarantined delivery: its quarantine, dismissal or retry. */
export async function noteQuarantine(
  buffer: RowBuffer,
  { type, data, position, recordedAt }: StreamEvent,
): Promise<void> {
  const { delivery_id } = data as DataOf<"DeliveryQuarantined">;
  const stored = await buffer.get(QUARANTINED, [delivery_id]);
  if (type === "DeliveryQuarantined") {
    const first = { id: delivery_id, position, attempts: 1, ...NOT_ACKNOWLEDGED };
    return putQuarantined(buffer, stored, { ...first, attention: ATTENTION.open });
  }
  if (stored === null) return;
  if (type === "QuarantineDismissed") {
    const dismissal = data as DataOf<"QuarantineDismissed">;
    if (stored.attention !== ATTENTION.open || stored.attempts !== dismissal.attempts) return;
    const dismissed = acknowledgedBy({ ...dismissal, recordedAt });
    return putQuarantined(buffer, stored, {
      ...stored,
      ...dismissed,
      attention: ATTENTION.acknowledged,
    });
  }
  const { outcome } = data as DataOf<"QuarantineRetried">;
  const attempts = Number(stored.attempts) + 1;
  const attention = outcome === "resolved" ? ATTENTION.closed : ATTENTION.open;
  return putQuarantined(buffer, stored, { ...stored, ...NOT_ACKNOWLEDGED, attempts, attention });
}

async function putQuarantined(buffer: RowBuffer, stored: Row | null, row: Row): Promise<void> {
  buffer.put(QUARANTINED, row, stored);
  const before = Number(stored?.attention ?? ATTENTION.closed);
  await countAttention(buffer, QUARANTINED_KIND, { before, after: Number(row.attention) });
}

/** One row: the state of the feed's most recently opened connection. */
export const LAST_FEED: Table = {
  name: "last_feed",
  columns: {
    id: own(text),
    connection: own(text),
    state: own(text),
    since: own(nanos),
    reason: own(text),
  },
  key: ["id"],
  indexes: [],
  digested: "digest",
};
const FEED_ROW_ID = "feed";

/** The state of the most recently opened connection; null if none was opened. */
export const readLastFeed = (rows: Pick<Rows, "get">): Promise<Row | null> =>
  rows.get(LAST_FEED, [FEED_ROW_ID]);

const FEED_STATES: Readonly<Record<string, string>> = {
  FeedOpened: "connected",
  SnapshotCompleted: "subscribed",
  FeedClosed: "disconnected",
};

/** Updates the feed's state; events of older connections are ignored. */
export async function noteFeed(
  buffer: RowBuffer,
  { type, data, recordedAt }: Pick<StreamEvent, "type" | "data" | "recordedAt">,
): Promise<void> {
  const { connection, reason = null } = data as DataOf<"FeedClosed">;
  const stored = await buffer.get(LAST_FEED, [FEED_ROW_ID]);
  if (type !== "FeedOpened" && stored?.connection !== connection) return;
  const state = FEED_STATES[type] ?? null;
  buffer.put(LAST_FEED, { id: FEED_ROW_ID, connection, state, since: recordedAt, reason }, stored);
}

/** Tracks arrivals: the last delivery of each channel, and deliveries recorded much later than received. */
type Arrivals = Readonly<{ note: (event: RecordedEvent) => Work; flush: () => void }>;

/** Arrivals as far as `store` has them; changes go through `buffer`. */
export async function openArrivals(store: Rows, buffer: RowBuffer): Promise<Arrivals> {
  const late = await openLateArrivals(store, buffer);
  const last = await openLastDeliveries(store, buffer);
  return {
    note(event) {
      if (event.type === "DeliveryReceived") last.note(event);
      return late.note(event);
    },
    flush() {
      last.flush();
      late.flush();
    },
  };
}

type LastDelivery = { stored: Row | null; row: Row; isChanged: boolean };

/** Keeps the last delivery of each provider and channel in memory, and writes it once per commit. */
async function openLastDeliveries(store: Rows, buffer: RowBuffer) {
  const rows = await store.select(LAST_DELIVERIES, {
    orderBy: ["provider", "channel"],
    limit: 1000,
  });
  const known = new Map<string, LastDelivery>(
    rows.map((row) => [`${row.provider} ${row.channel}`, { stored: row, row, isChanged: false }]),
  );
  /** By the first fields of the event's data, so that few of a million deliveries are parsed. */
  const byPrefix = new Map<string, LastDelivery>();

  function lastOf(event: RecordedEvent): LastDelivery {
    const prefix = event.data.slice(0, event.data.indexOf('"payload_type"'));
    const found = byPrefix.get(prefix);
    if (found !== undefined) return found;
    const { provider, channel } = readData(event) as DataOf<"DeliveryReceived">;
    const name = `${provider} ${channel}`;
    const row = { provider, channel, recorded_at: null, position: null };
    const last = known.get(name) ?? { stored: null, row, isChanged: false };
    known.set(name, last);
    if (byPrefix.size < 1000) byPrefix.set(prefix, last);
    return last;
  }

  return {
    note(event: RecordedEvent): void {
      const last = lastOf(event);
      // A delivery of a subject that had stopped may be retried after later ones.
      if (event.position <= Number(last.row.position ?? 0)) return;
      last.row = { ...last.row, recorded_at: event.recorded_at, position: event.position };
      last.isChanged = true;
    },
    flush(): void {
      for (const last of known.values()) {
        if (!last.isChanged) continue;
        buffer.put(LAST_DELIVERIES, last.row, last.stored);
        Object.assign(last, { stored: last.row, isChanged: false });
      }
    },
  };
}

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

interface LateArrivals {
  /** Puts the last late arrival into the buffer. Call it before each commit. */
  flush(): void;
  /**
   * Records a delivery that arrived much earlier than it was recorded, with the facts recorded with it,
   * and opens an anomaly. Facts recorded later for the same delivery (a retry, a correction) are known
   * only from then on.
   */
  note(event: RecordedEvent): Work;
}

async function openLateArrivals(store: Rows, buffer: RowBuffer): Promise<LateArrivals> {
  const newest = { orderBy: ["position"], descending: true, limit: 1 };
  const [last = null] = await store.select(LATE_ARRIVALS, newest);
  const row = createLastArrival(buffer, last);
  const anomaly = createClockAnomaly(
    buffer,
    last === null ? null : await openAnomalyOf(store, last),
  );
  return {
    flush: row.flush,
    note(event) {
      if (event.type !== "DeliveryReceived") {
        row.addFact(event);
        return undefined;
      }
      const receivedAt = receivedAtOf(event);
      const arrival = timeOf(receivedAt);
      if (arrival >= event.recorded_at - AHEAD_MAX) return anomaly.close(event);
      row.start(event, arrival);
      return anomaly.open(event, receivedAt);
    },
  };
}

/** The row of the last late arrival, which more facts of its delivery may extend. */
function createLastArrival(buffer: RowBuffer, stored: Row | null) {
  let last = stored;
  /** False while the row is not in the buffer. */
  let isWritten = true;

  function flush(): void {
    if (!isWritten && last !== null) buffer.append(LATE_ARRIVALS, last);
    isWritten = true;
  }

  return {
    flush,
    start({ position, recorded_at, id: delivery_id }: RecordedEvent, arrival: Nanos): void {
      const isOfSameClock = last?.recorded_at === recorded_at;
      const received_at = isOfSameClock && last !== null ? later(last, arrival) : arrival;
      flush();
      last = { position, delivery_id, received_at, recorded_at };
      isWritten = false;
    },
    addFact({ position, causation_id, recorded_at }: RecordedEvent): void {
      if (last?.delivery_id !== causation_id || last.recorded_at !== recorded_at) return;
      // An event of a stopped subject that is retried.
      if (Number(last.position) >= position) return;
      // A commit came between the two events. A delivery has one row, wherever commits are.
      if (isWritten) buffer.remove(LATE_ARRIVALS, last, last);
      last = { ...last, position };
      isWritten = false;
    },
  };
}

/** The anomaly of the receiver's clock, open from a late arrival until one that is not. */
function createClockAnomaly(buffer: RowBuffer, stored: string | null) {
  let anomaly = stored;
  return {
    open({ position, recorded_at, id: deliveryId }: RecordedEvent, receivedAt: string): Work {
      const id = `clock:ledger:${formatTime(recorded_at)}`;
      if (anomaly === id) return undefined;
      anomaly = id;
      const detail = { recorded_at: formatTime(recorded_at), received_at: receivedAt };
      const content = { id, kind: "clock", subject: "ledger", detail, essence: {}, at: null };
      return openAnomaly(buffer, content, { position, deliveryId, recordedAt: recorded_at });
    },
    close({ position, recorded_at: recordedAt }: RecordedEvent): Work {
      if (anomaly === null) return undefined;
      const closed = anomaly;
      anomaly = null;
      return closeAnomaly(buffer, closed, { position, deliveryId: null, recordedAt });
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

/** Read from the text, so that no delivery is parsed for it. Quotes within JSON strings are escaped. */
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
