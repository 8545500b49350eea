import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { StreamEvent } from "@counterfoil/core/balances/targets";
import { timeOf } from "@counterfoil/core/exact/time";
import { isTooNew } from "@counterfoil/core/stream/read-event";
import type { ModelStore } from "../../ports/model-store.ts";
import {
  type Fold,
  type FoldContext,
  openSession,
  type Projection,
  type Work,
} from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { acknowledgeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import { parseData } from "../columns.ts";
import { noteFeed, noteQuarantine, openArrivals } from "../deliveries.ts";
import { createAccounts } from "./accounts.ts";
import { openFeeds } from "./snapshot-membership.ts";
import { BALANCES_TABLES, HOLDERS } from "./tables.ts";

/** Balances per account with their whole history, and anomalies: gaps, contradictions, wrong clocks. */
export const balancesProjection: Projection = {
  model: "balances",
  version: 15,
  tables: BALANCES_TABLES,
  types: new Set([
    "DeliveryReceived",
    "DeliveryQuarantined",
    "QuarantineRetried",
    "QuarantineDismissed",
    "AnomalyAcknowledged",
    "MovementRecorded",
    "BalanceReported",
    "FundsReported",
    "FeedOpened",
    "FeedClosed",
    "SnapshotCompleted",
    "FactSeen",
    "FactContradicted",
    "FactCorrected",
    "FactWithdrawn",
    "ForeignEvent",
  ]),
  open: (store, hashing, options) =>
    openSession(store, hashing, (context) => openFold(store, context), options),
};

async function openFold(store: ModelStore, context: FoldContext): Promise<Fold> {
  const { buffer, commit, stageIfLarge } = context;
  const feeds = await openFeeds(store, buffer);
  const { position } = await store.checkpoint();
  const accounts = createAccounts(store, { buffer, feeds }, position);
  const arrivals = await openArrivals(store, buffer);

  const folds: Readonly<Record<string, (event: StreamEvent) => Work>> = {
    FeedOpened: (event) => {
      const { connection, opened_at } = event.data as DataOf<"FeedOpened">;
      feeds.opened(connection, { position: event.position, on: timeOf(opened_at) });
      return noteFeed(buffer, event);
    },
    FeedClosed: (event) => noteFeed(buffer, event),
    DeliveryReceived: (event) => recordStaleClock(buffer, event),
    DeliveryQuarantined: (event) => recordAttempt(buffer, event),
    QuarantineRetried: (event) => recordAttempt(buffer, event),
    QuarantineDismissed: (event) => noteQuarantine(buffer, event),
    AnomalyAcknowledged: ({ data, ...event }) => {
      const acknowledgement = { ...(data as DataOf<"AnomalyAcknowledged">), ...event };
      if (acknowledgement.model !== "balances") return undefined;
      return acknowledgeAnomaly(buffer, acknowledgement);
    },
    ForeignEvent: (event) => recordForeign(buffer, event),
    SnapshotCompleted: (event) =>
      completeSnapshot((event.data as DataOf<"SnapshotCompleted">).connection, event),
  };

  async function completeSnapshot(connection: string, event: StreamEvent): Promise<void> {
    // Holders are read from the rows, so everything before this event must be committed, and nothing of
    // this event, which is folded again after a crash.
    await commit();
    await noteFeed(buffer, event);
    if (!(await feeds.completed(connection, event.position))) return;
    const missing = accountsNotListedSince(store, feeds.lastComplete().openedAt);
    await checkListed(missing, event);
  }

  async function checkListed(missing: AsyncIterable<string>, event: StreamEvent): Promise<void> {
    let checked = 0;
    for await (const account of missing) {
      await accounts.checkListed(account, event);
      checked += 1;
      if (checked % PAGE !== 0) continue;
      // A snapshot may leave out all accounts there are.
      accounts.flush();
      await stageIfLarge();
    }
  }

  function fold(event: StreamEvent): Work {
    const direct = Object.hasOwn(folds, event.type) ? folds[event.type] : undefined;
    return direct ? direct(event) : accounts.fold(event);
  }

  const foldIfRelevant = (event: RecordedEvent): Work =>
    isRelevant(event) ? fold(streamEvent(event)) : undefined;

  return {
    apply(event) {
      const noted = arrivals.note(event);
      return noted === undefined ? foldIfRelevant(event) : noted.then(() => foldIfRelevant(event));
    },
    flush() {
      accounts.flush();
      arrivals.flush();
      return accounts.flushStartsAndTotals();
    },
  };
}

const PAGE = 500;

/** Accounts with a nonzero balance that no snapshot of a feed opened at `openedAt` or later lists. */
async function* accountsNotListedSince(
  store: ModelStore,
  openedAt: number,
): AsyncGenerator<string> {
  const holders = everyRow(store, HOLDERS, {
    where: [{ column: "listed_at", is: "<", value: openedAt }],
    orderBy: ["listed_at", "account"],
    limit: PAGE,
  });
  for await (const { account } of holders) yield String(account);
}

/** Of deliveries, only the few whose text has this word matter here; the others are not parsed. */
function isRelevant(event: RecordedEvent): boolean {
  if (event.type === "DeliveryReceived") return event.data.includes('"stale"') || isTooNew(event);
  return balancesProjection.types.has(event.type);
}

function streamEvent(event: RecordedEvent): StreamEvent {
  const { id, type, position, causation_id: deliveryId, recorded_at: recordedAt } = event;
  return { id, type, position, deliveryId, recordedAt, data: parseData(event) };
}

/** Records that a delivery could not be read, or that a quarantined one was retried. */
async function recordAttempt(buffer: RowBuffer, event: StreamEvent): Promise<void> {
  await noteQuarantine(buffer, event);
  await recordTypeConflict(buffer, event);
}

/**
 * Opens an anomaly for a foreign event: it has no effect on money, but an operator must know of the other
 * writer. This model keeps what concerns the whole ledger.
 */
async function recordForeign(buffer: RowBuffer, event: StreamEvent): Promise<void> {
  const { position, data } = event;
  const id = `foreign_event:ledger:${position}`;
  const detail = { position: String(position), ...data };
  const content = { id, kind: "foreign_event", subject: "ledger", detail, essence: {}, at: null };
  await openAnomaly(buffer, content, event);
}

/** Opens an anomaly for a signed webhook more than five minutes off: a replay, or a wrong clock. */
async function recordStaleClock(buffer: RowBuffer, event: StreamEvent): Promise<void> {
  const { verdict, received_at } = event.data as DataOf<"DeliveryReceived">;
  if (verdict.signature !== "stale") return;
  const subject = `delivery:${event.id}`;
  const detail = { sent_at: verdict.sent_at ?? null, received_at };
  const content = {
    id: `clock:${subject}:stale`,
    kind: "clock",
    subject,
    detail,
    essence: {},
    at: null,
  };
  await openAnomaly(buffer, content, event);
}

/** Opens an anomaly for a signed body sent under two types: the signature does not cover the type's header. */
async function recordTypeConflict(buffer: RowBuffer, event: StreamEvent): Promise<void> {
  const data = event.data as DataOf<"DeliveryQuarantined" | "QuarantineRetried">;
  const { delivery_id, reason, detail: why, taken_by } = data;
  if (reason !== "type_conflict" || taken_by === undefined) return;
  const subject = `delivery:${delivery_id}`;
  const content = {
    id: `type_conflict:${subject}:${taken_by.payload_type}`,
    kind: "type_conflict",
    subject,
    detail: { taken_by, why: why ?? null },
    essence: {},
    at: null,
  };
  await openAnomaly(buffer, content, event);
}
