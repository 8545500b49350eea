import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { StreamEvent } from "@counterfoil/core/balances/evolve";
import type { Nanos } from "@counterfoil/core/exact/time";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Row, Rows, Table } from "../ports/model-store.ts";
import type { Work } from "../projection/projection.ts";
import type { RowBuffer } from "../projection/row-buffer.ts";
import { acknowledgedBy, countAttention, NOT_ACKNOWLEDGED } from "./anomaly-rows.ts";
import { openLateArrivals } from "./balances/late-arrivals.ts";
import { ACKNOWLEDGED, ATTENTION, integer, nanos, own, text } from "./columns.ts";

/**
 * What operators need to know about deliveries: the unreadable ones, and when each provider last sent
 * something. The stream holds all of it, but a query must not scan the stream. The balances model keeps
 * these tables because it also keeps everything else about the whole ledger.
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

export type DeliveryEvent = StreamEvent & Readonly<{ recordedAt: Nanos }>;

/** Applies an event about a quarantined delivery: its quarantine, dismissal or retry. */
export async function noteQuarantine(
  buffer: RowBuffer,
  { type, data, position, recordedAt }: DeliveryEvent,
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
  { type, data, recordedAt }: Pick<DeliveryEvent, "type" | "data" | "recordedAt">,
): Promise<void> {
  const { connection, reason = null } = data as DataOf<"FeedClosed">;
  const stored = await buffer.get(LAST_FEED, [FEED_ROW_ID]);
  if (type !== "FeedOpened" && stored?.connection !== connection) return;
  const state = FEED_STATES[type] ?? null;
  buffer.put(LAST_FEED, { id: FEED_ROW_ID, connection, state, since: recordedAt, reason }, stored);
}

/** Tracks arrivals: the last delivery of each channel, and deliveries recorded much later than received. */
export type Arrivals = Readonly<{ note: (event: RecordedEvent) => Work; flush: () => void }>;

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
