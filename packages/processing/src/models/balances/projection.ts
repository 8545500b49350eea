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
import { listedBefore, noteConnection, noteListing, readConnections } from "./feed-rows.ts";
import { foldRun } from "./run-row.ts";
import { BALANCES_TABLES } from "./tables.ts";

/** Balance per account, with its whole history: gaps, contradictions, misprinted clocks. */
export const balancesProjection: Projection = {
  model: "balances",
  version: 2,
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
  const accounts = createAccounts({ store, buffer, connections });

  const folds: Readonly<Record<string, (event: StreamEvent) => Work>> = {
    FeedOpened: ({ data }) => noteConnection(buffer, connections, data as DataOf<"FeedOpened">),
    RunRecorded: (event) => {
      accounts.noteNewRun((event.data as DataOf<"RunRecorded">).run_id);
      return foldRun(buffer, event);
    },
    DeliveryReceived: (event) => noteStaleClock(buffer, event),
    DeliveryCompleted: (event) => completeSnapshot(event),
    BalanceReported: (event) =>
      event.data.run_id === undefined ? foldSnapshot(event) : accounts.fold(event),
  };

  async function foldSnapshot(event: StreamEvent): Promise<void> {
    await accounts.fold(event);
    const { place, account } = event.data as DataOf<"BalanceReported">;
    const connection = place && connections.get(place.connection);
    if (connection) await noteListing(buffer, connection, account, place.frame);
  }

  async function completeSnapshot(event: StreamEvent): Promise<void> {
    const { snapshot } = event.data as DataOf<"DeliveryCompleted">;
    const connection = snapshot && connections.get(snapshot.connection);
    if (!connection) return;
    for (const id of await listedBefore(buffer, store, connection, snapshot.frame)) {
      const open = await accounts.open(id);
      open.account.unlisted = new Map(open.account.unlisted).set(connection.line, snapshot);
      await accounts.refresh(open, event);
    }
  }

  function fold(event: StreamEvent): Work {
    const direct = Object.hasOwn(folds, event.type) ? folds[event.type] : undefined;
    if (direct) return direct(event);
    return event.data.event_type === "RunRecorded" ? foldRun(buffer, event) : accounts.fold(event);
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
