import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { StreamEvent } from "@counterfoil/core/balances/fold";
import type { Hashing } from "@counterfoil/core/hashing";
import { isTooNew } from "@counterfoil/core/stream/read-event";
import type { ModelStore } from "../../ports/model-store.ts";
import type { Projection, ProjectionSession, Work } from "../../projection/projection.ts";
import { createRowBuffer, type RowBuffer } from "../../projection/row-buffer.ts";
import { openAnomaly } from "../anomaly-rows.ts";
import { parseData } from "../fact-state-text.ts";
import { openStopped } from "../stopped.ts";
import { createAccounts } from "./accounts.ts";
import { noteConnection, readConnections } from "./feed-rows.ts";
import { type Listing, listingIn, openListings } from "./listings.ts";
import { foldRun } from "./run-row.ts";
import { BALANCES_TABLES } from "./tables.ts";

/** Balance per account, with its whole history: gaps, contradictions, misprinted clocks. */
export const balancesProjection: Projection = {
  model: "balances",
  version: 3,
  tables: BALANCES_TABLES,
  types: new Set([
    "DeliveryReceived",
    "DeliveryCompleted",
    "RunRecorded",
    "MovementRecorded",
    "BalanceReported",
    "FundsReported",
    "FeedOpened",
    "FactSeen",
    "FactContradicted",
    "FactCorrected",
    "FactWithdrawn",
  ]),
  open: openBalances,
};

async function openBalances(store: ModelStore, hashing: Hashing): Promise<ProjectionSession> {
  let checkpoint = await store.checkpoint();
  let applied = { position: checkpoint.position, hash: checkpoint.hash };
  const buffer = createRowBuffer(store, checkpoint, hashing);
  const connections = await readConnections(store);
  const stopped = await openStopped(store, buffer);
  const listings = await openListings({ store, buffer, connections });
  const accounts = createAccounts({ store, buffer, connections, listings });

  const folds: Readonly<Record<string, (event: StreamEvent) => Work>> = {
    FeedOpened: ({ data }) => noteConnection(buffer, connections, data as DataOf<"FeedOpened">),
    RunRecorded: (event) => {
      accounts.noteNewRun((event.data as DataOf<"RunRecorded">).run_id);
      return foldRun(buffer, event);
    },
    DeliveryReceived: (event) => noteStaleClock(buffer, event),
    DeliveryCompleted: (event) => completeSnapshot(event),
  };

  async function foldSnapshot(event: StreamEvent, listing: Listing): Promise<void> {
    await accounts.fold(event);
    const leftOut = await listings.note(listing);
    if (leftOut) await accounts.noteLeftOut(listing.account, leftOut, event);
  }

  async function completeSnapshot(event: StreamEvent): Promise<void> {
    const { snapshot } = event.data as DataOf<"DeliveryCompleted">;
    if (snapshot === undefined) return;
    for (const { account, leftOut } of await listings.complete(snapshot)) {
      await accounts.noteLeftOut(account, leftOut, event);
    }
  }

  function fold(event: StreamEvent): Work {
    const direct = Object.hasOwn(folds, event.type) ? folds[event.type] : undefined;
    if (direct) return direct(event);
    if (event.data.event_type === "RunRecorded") return foldRun(buffer, event);
    const listing = listingIn(event);
    return listing === null ? accounts.fold(event) : foldSnapshot(event, listing);
  }

  /** An event of a stopped subject that is tried again lies behind. */
  function pass({ position, hash }: RecordedEvent): void {
    if (position > applied.position) applied = { position, hash };
  }

  async function commit() {
    accounts.flush();
    const isIdle = buffer.isEmpty() && applied.position === checkpoint.position;
    if (!isIdle) checkpoint = await buffer.commit(applied.position, applied.hash);
    return checkpoint;
  }

  return {
    get checkpoint() {
      return checkpoint;
    },
    stopped,
    apply(event) {
      const work = isFolded(event) ? fold(streamEvent(event)) : undefined;
      if (work !== undefined) return work.then(() => pass(event));
      pass(event);
      return undefined;
    },
    pass,
    commit,
  };
}

/** Of a delivery only a wrong clock matters here, and few have one: the others are not even parsed. */
function isFolded(event: RecordedEvent): boolean {
  if (event.type === "DeliveryReceived") return event.data.includes('"stale"') || isTooNew(event);
  return balancesProjection.types.has(event.type);
}

function streamEvent(event: RecordedEvent): StreamEvent {
  const { id, type, position, causation_id: deliveryId } = event;
  return { id, type, position, deliveryId, data: parseData(event) };
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
