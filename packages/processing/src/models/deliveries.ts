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
 * What an operator asks about deliveries. The stream holds all of it; how many nobody could read,
 * and when each provider last sent something, must not take a walk through it. This model keeps what
 * concerns the whole ledger.
 */

/** Every delivery that nobody could read when it came. */
export const QUARANTINED: Table = {
  name: "quarantined",
  columns: {
    /** The delivery's. */
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

/** The kind under which they are counted. */
export const QUARANTINED_KIND = "quarantined";

/** When a provider last sent something. */
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

/** How a quarantined delivery fares. */
export async function noteQuarantine(
  buffer: RowBuffer,
  { type, data, position, recordedAt }: DeliveryEvent,
): Promise<void> {
  const { delivery_id } = data as DataOf<"DeliveryQuarantined">;
  const stored = await buffer.get(QUARANTINED, [delivery_id]);
  if (type === "DeliveryQuarantined") {
    const first = { id: delivery_id, position, attempts: 1, ...NOT_ACKNOWLEDGED };
    return put(buffer, stored, { ...first, attention: ATTENTION.open });
  }
  if (stored === null) return;
  if (type === "QuarantineDismissed") {
    const dismissal = data as DataOf<"QuarantineDismissed">;
    if (stored.attention !== ATTENTION.open || stored.attempts !== dismissal.attempts) return;
    const said = acknowledgedBy({ ...dismissal, recordedAt });
    return put(buffer, stored, { ...stored, ...said, attention: ATTENTION.acknowledged });
  }
  const { outcome } = data as DataOf<"QuarantineRetried">;
  const attempts = Number(stored.attempts) + 1;
  const attention = outcome === "resolved" ? ATTENTION.closed : ATTENTION.open;
  return put(buffer, stored, { ...stored, ...NOT_ACKNOWLEDGED, attempts, attention });
}

async function put(buffer: RowBuffer, stored: Row | null, row: Row): Promise<void> {
  buffer.put(QUARANTINED, row, stored);
  const before = Number(stored?.attention ?? ATTENTION.closed);
  await countAttention(buffer, QUARANTINED_KIND, { before, after: Number(row.attention) });
}

/** One row: where the feed stands, as the last connection that was opened left it. */
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
const ONLY = "feed";

/** The connection that is read is the one that was opened last. */
export const readLastFeed = (rows: Pick<Rows, "get">): Promise<Row | null> =>
  rows.get(LAST_FEED, [ONLY]);

const FEED_STATES: Readonly<Record<string, string>> = {
  FeedOpened: "connected",
  SnapshotCompleted: "subscribed",
  FeedClosed: "disconnected",
};

export async function noteFeed(
  buffer: RowBuffer,
  { type, data, recordedAt }: Pick<DeliveryEvent, "type" | "data" | "recordedAt">,
): Promise<void> {
  const { connection, reason = null } = data as DataOf<"FeedClosed">;
  const stored = await buffer.get(LAST_FEED, [ONLY]);
  if (type !== "FeedOpened" && stored?.connection !== connection) return;
  const state = FEED_STATES[type] ?? null;
  buffer.put(LAST_FEED, { id: ONLY, connection, state, since: recordedAt, reason }, stored);
}

/** How deliveries came: which was the last, and which came later than a clock says. */
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

type Last = { stored: Row | null; row: Row; isChanged: boolean };

/** Keeps the last delivery of each provider and channel in memory, and writes it once a commit. */
async function openLastDeliveries(store: Rows, buffer: RowBuffer) {
  const rows = await store.select(LAST_DELIVERIES, {
    orderBy: ["provider", "channel"],
    limit: 1000,
  });
  const known = new Map<string, Last>(
    rows.map((row) => [`${row.provider} ${row.channel}`, { stored: row, row, isChanged: false }]),
  );
  /** By how the event's data begins: of a million deliveries only a few are parsed. */
  const byBeginning = new Map<string, Last>();

  function lastOf(event: RecordedEvent): Last {
    const beginning = event.data.slice(0, event.data.indexOf('"payload_type"'));
    const found = byBeginning.get(beginning);
    if (found !== undefined) return found;
    const { provider, channel } = readData(event) as DataOf<"DeliveryReceived">;
    const name = `${provider} ${channel}`;
    const row = { provider, channel, recorded_at: null, position: null };
    const last = known.get(name) ?? { stored: null, row, isChanged: false };
    known.set(name, last);
    if (byBeginning.size < 1000) byBeginning.set(beginning, last);
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
