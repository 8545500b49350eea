import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { StreamEvent } from "@counterfoil/core/balances/evolve";
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
import { type DeliveryEvent, noteFeed, noteQuarantine, openArrivals } from "../deliveries.ts";
import { createAccounts } from "./accounts.ts";
import { openFeeds } from "./snapshot-membership.ts";
import { BALANCES_TABLES, HOLDERS } from "./tables.ts";

/** Balance per account, with its whole history: gaps, contradictions, misprinted clocks. */
export const balancesProjection: Projection = {
  model: "balances",
  version: 9,
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
  open: (store, hashing, isDigested) =>
    openSession(store, hashing, (context) => openFold(store, context), isDigested),
};

async function openFold(store: ModelStore, { buffer, commit }: FoldContext): Promise<Fold> {
  const feeds = await openFeeds(store, buffer);
  const { position } = await store.checkpoint();
  const accounts = createAccounts(store, { buffer, feeds }, position);
  const arrivals = await openArrivals(store, buffer);

  const folds: Readonly<Record<string, (event: DeliveryEvent) => Work>> = {
    FeedOpened: (event) => {
      feeds.opened((event.data as DataOf<"FeedOpened">).connection, event.position);
      return noteFeed(buffer, event);
    },
    FeedClosed: (event) => noteFeed(buffer, event),
    DeliveryReceived: (event) => noteStaleClock(buffer, event),
    DeliveryQuarantined: (event) => noteAttempt(buffer, event),
    QuarantineRetried: (event) => noteAttempt(buffer, event),
    QuarantineDismissed: (event) => noteQuarantine(buffer, event),
    AnomalyAcknowledged: ({ data, ...event }) => {
      const acknowledgement = { ...(data as DataOf<"AnomalyAcknowledged">), ...event };
      if (acknowledgement.model !== "balances") return undefined;
      return acknowledgeAnomaly(buffer, acknowledgement);
    },
    ForeignEvent: (event) => noteForeign(buffer, event),
    SnapshotCompleted: (event) =>
      completeSnapshot((event.data as DataOf<"SnapshotCompleted">).connection, event),
  };

  async function completeSnapshot(connection: string, event: DeliveryEvent): Promise<void> {
    // Who holds something is looked for in the rows: all of them are to be there, and nothing of
    // this event, which is folded again after a crash.
    await commit();
    await noteFeed(buffer, event);
    if (!(await feeds.completed(connection, event.position))) return;
    let checked = 0;
    for await (const account of missingFrom(store, feeds.lastCompleteOpenedAt())) {
      await accounts.checkListed(account, event);
      checked += 1;
      // Any number of accounts may be missing: of those that are done only the rows are kept.
      if (checked % PAGE === 0) accounts.flush();
    }
  }

  function fold(event: DeliveryEvent): Work {
    const direct = Object.hasOwn(folds, event.type) ? folds[event.type] : undefined;
    return direct ? direct(event) : accounts.fold(event);
  }

  const foldIfMeant = (event: RecordedEvent): Work =>
    isFolded(event) ? fold(deliveryEvent(event)) : undefined;

  return {
    apply(event) {
      const noted = arrivals.note(event);
      return noted === undefined ? foldIfMeant(event) : noted.then(() => foldIfMeant(event));
    },
    flush() {
      accounts.flush();
      arrivals.flush();
      return accounts.flushLookedUp();
    },
  };
}

const PAGE = 500;

/** Accounts that hold something, and that no snapshot lists whose feed was opened there or later. */
async function* missingFrom(store: ModelStore, openedAt: number): AsyncGenerator<string> {
  const holders = everyRow(store, HOLDERS, {
    where: [{ column: "listed_at", is: "<", value: openedAt }],
    orderBy: ["listed_at", "account"],
    limit: PAGE,
  });
  for await (const { account } of holders) yield String(account);
}

/** Of deliveries few matter here, those that hold this word: the others are not even parsed. */
function isFolded(event: RecordedEvent): boolean {
  if (event.type === "DeliveryReceived") return event.data.includes('"stale"') || isTooNew(event);
  return balancesProjection.types.has(event.type);
}

function deliveryEvent(event: RecordedEvent): DeliveryEvent {
  const { id, type, position, causation_id: deliveryId, recorded_at: recordedAt } = event;
  return { id, type, position, deliveryId, recordedAt, data: parseData(event) };
}

/** A delivery could not be read, or was tried again. */
async function noteAttempt(buffer: RowBuffer, event: DeliveryEvent): Promise<void> {
  await noteQuarantine(buffer, event);
  await noteTypeConflict(buffer, event);
}

/** It says nothing of money, but a person has to know who else writes. This model keeps what concerns the whole ledger. */
async function noteForeign(buffer: RowBuffer, event: StreamEvent): Promise<void> {
  const { position, data } = event;
  const id = `foreign_event:ledger:${position}`;
  const detail = { position: String(position), ...data };
  const content = { id, kind: "foreign_event", subject: "ledger", detail, essence: {}, at: null };
  await openAnomaly(buffer, content, event);
}

/** A signed webhook whose time is more than five minutes off: a replay, or a wrong clock. */
async function noteStaleClock(buffer: RowBuffer, event: StreamEvent): Promise<void> {
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

/** The bytes of one signed body, sent under two types: no signature covers the header that says which. */
async function noteTypeConflict(buffer: RowBuffer, event: StreamEvent): Promise<void> {
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
