import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, timeOf } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import {
  decideDelivery,
  deliveryIds,
  incompleteParts,
} from "@counterfoil/core/ingest/decide-delivery";
import { newEvent, providerEventId } from "@counterfoil/core/ingest/event";
import { type KnownFacts, noteEvent } from "@counterfoil/core/ingest/fact-state";
import type { FeedSessions } from "@counterfoil/core/ingest/feed-session";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { Body } from "../ports/event-stream.ts";
import type {
  Delivery,
  FeedClosing,
  FeedOpening,
  Receipt,
  SnapshotCompletion,
} from "../ports/ingest.ts";
import { type PreparedDelivery, prepareDelivery, socketOrder } from "./delivery.ts";

/** Something to be appended, decided from what is known. */
export type Request = Readonly<{
  /** The ids to look up before `decide`. */
  ids: () => readonly string[];
  body: Body | null;
  /** null: the delivery has to be read differently because of what is known, and `ids` have changed. */
  decide: (known: KnownFacts) => Decision | null;
}>;

export type Decision = Readonly<{
  outcome: Receipt["outcome"];
  appends: readonly (readonly NewEvent[])[];
  deliveryId: string;
  reason: string | null;
  leftOut: number;
}>;

type Options = Readonly<{
  translations: Translations;
  hashing: Hashing;
  feedSessions: FeedSessions;
}>;

/**
 * The request for a delivery that is read and decided as a whole. It is read again if the look-up shows
 * that it was begun differently.
 */
export function deliveryRequest(
  delivery: Delivery,
  { translations, hashing, feedSessions }: Options,
): Request {
  const session = delivery.place === null ? null : feedSessions.of(delivery.place.connection);
  let prepared = prepareDelivery(delivery, translations, hashing, session);
  return {
    ids: () => idsOf(prepared, hashing),
    body: { sha256: prepared.received.sha256, bytes: delivery.bytes },
    decide(known) {
      const begun = begunDifferently(delivery, prepared, known, hashing);
      if (begun !== null) {
        const { delivery: arrived, translation: present } = begun;
        prepared = prepareDelivery(arrived, { ...translations, present }, hashing);
        return null;
      }
      const { id: deliveryId, reading } = prepared;
      const decision = decideDelivery(prepared, known, hashing);
      const reason = decision.reason ?? (reading.ok ? null : reading.reason);
      return { leftOut: 0, ...decision, deliveryId, reason };
    },
  };
}

/** The ids that a delivery is decided by: its own, and those of the facts that it states. */
export function idsOf(prepared: PreparedDelivery, hashing: Hashing): readonly string[] {
  const { reading } = prepared;
  const facts = reading.ok ? reading.facts.map((fact) => providerEventId(fact, hashing)) : [];
  return [...deliveryIds(prepared, hashing), ...facts];
}

/** A delivery, and the translation with which it is read: those of its first arrival if it was begun before. */
export type ReadingTerms = Readonly<{ delivery: Delivery; translation: number }>;

/**
 * Whether an incomplete delivery was begun by another translation or with another arrival. It is
 * completed as it was begun, so that every ingestor records the same facts.
 *
 * @returns how to read it then; null if it is read so already, or was not begun
 */
export function begunDifferently(
  delivery: Delivery,
  { id, received }: PreparedDelivery,
  known: KnownFacts,
  hashing: Hashing,
): ReadingTerms | null {
  if (incompleteParts(id, known, hashing) === null) return null;
  const begun = known.states.get(id)?.data as DataOf<"DeliveryReceived"> | undefined;
  if (begun === undefined) return null;
  const { translation, received_at } = begun;
  if (translation === received.translation && received_at === received.received_at) return null;
  const arrived = { receivedAt: timeOf(received_at), ...socketOrder(begun) };
  return { delivery: { ...delivery, ...arrived }, translation };
}

/** The request for the event that a connection of the feed was opened. */
export function openingRequest({ openedAt, ...opening }: FeedOpening, hashing: Hashing): Request {
  const { connection } = opening;
  const id = eventId(["FeedOpened", connection], hashing);
  const data = { ...opening, ordered: true, opened_at: formatTime(openedAt) };
  const envelope = { id, subject: "ledger", occurredAt: openedAt };
  return feedRequest(newEvent({ type: "FeedOpened", data }, envelope, causeOf(connection)));
}

/** The request for the event that a connection of the feed has ended. */
export function closingRequest({ closedAt, ...closing }: FeedClosing, hashing: Hashing): Request {
  const { connection } = closing;
  const id = eventId(["FeedClosed", connection], hashing);
  const data = { ...closing, closed_at: formatTime(closedAt) };
  const envelope = { id, subject: "ledger", occurredAt: closedAt };
  return feedRequest(newEvent({ type: "FeedClosed", data }, envelope, causeOf(connection)));
}

/** A connection may send more of its snapshot later; its snapshot is then completed again. */
export function completionRequest(data: SnapshotCompletion, hashing: Hashing): Request {
  const { connection, frames } = data;
  const id = eventId(["SnapshotCompleted", connection, String(frames)], hashing);
  const envelope = { id, subject: "ledger" };
  return feedRequest(newEvent({ type: "SnapshotCompleted", data }, envelope, causeOf(connection)));
}

const causeOf = (connection: string) => ({ deliveryId: null, correlationId: connection });

function feedRequest(event: NewEvent): Request {
  return {
    ids: () => [event.id],
    body: null,
    decide: (known) => {
      const about = { deliveryId: event.id, reason: null, leftOut: 0 };
      if (known.ids.has(event.id)) return { outcome: "repeated", appends: [], ...about };
      noteEvent(known, event);
      return { outcome: "recorded", appends: [[event]], ...about };
    },
  };
}
