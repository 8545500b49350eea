import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { Channel, Provider } from "@counterfoil/contracts/scalar";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Reading, SocketOrder, Source } from "@counterfoil/core/translate/translation";

/** One webhook POST, feed frame or backfill page, as it arrived. */
export type Delivery = Readonly<{
  provider: Provider;
  channel: Channel;
  /** The provider's payload type; `feed` on the feed; "" if the provider gave none. */
  payloadType: string;
  notificationId: string | null;
  /** Feed only: the connection, and the frame's number on it from 1. */
  place: Readonly<{ connection: string; frame: number }> | null;
  verdict: Readonly<{
    /** `none`: the channel has no signatures (the feed). */
    signature: "valid" | "stale" | "unsigned" | "none";
    scheme?: string;
    /** Which of several keys matched: its number in the configuration, from 1. */
    key?: string;
    sentAt?: Nanos;
    /** The signature headers as received, see `DeliveryReceived`. */
    evidence?: DataOf<"DeliveryReceived">["verdict"]["evidence"];
  }>;
  bytes: Uint8Array;
  receivedAt: Nanos;
  correlationId: string | null;
  /** The span that received it. */
  traceparent?: string;
  /** Only of a frame that was begun before: its order on the socket as recorded then. */
  order?: SocketOrder;
}>;

/** A larger body is read on another thread, and its facts are recorded part by part. */
export const LARGE_BYTES = 256 * 1024;

/** A large body, and the translation that reads it. */
export type LargeSource = Omit<Source, "text"> &
  Readonly<{ bytes: Uint8Array; translation: number }>;

/** The reading of a large body; its facts are fetched in parts. */
export type LargeReading = Readonly<{
  sha256: string;
  /** The reading without its facts. */
  summary: Reading;
  count: number;
  isTimeless: boolean;
  facts: (from: number, upTo: number) => Promise<readonly ProviderFact[]>;
  /** Releases the facts. */
  close: () => void;
}>;

/** Reads a large body without blocking other deliveries. */
export type ReadLarge = (source: LargeSource) => Promise<LargeReading>;

export type Receipt = Readonly<{
  /** `repeated`: the same delivery was recorded before, and nothing was appended. */
  outcome: "recorded" | "repeated" | "quarantined";
  deliveryId: string;
  /** The head position after the append; all of the delivery's facts are at or before it. */
  position: number;
  /** Why it is quarantined. */
  reason: string | null;
  /** How many of its facts state more than is recorded: they already have as many differing copies as are kept. */
  leftOut: number;
}>;

export type FeedOpening = Omit<DataOf<"FeedOpened">, "opened_at"> & Readonly<{ openedAt: Nanos }>;
export type SnapshotCompletion = DataOf<"SnapshotCompleted">;
export type FeedClosing = Omit<DataOf<"FeedClosed">, "closed_at"> & Readonly<{ closedAt: Nanos }>;

/** Records deliveries for receivers. Requests that arrive together are appended together. */
export interface Ingest {
  /**
   * Resolves when the delivery is durable.
   *
   * @throws StreamUnavailable, or another error of the stream, if it must not be acknowledged
   * @throws Overloaded before it is read, if too many bytes are pending
   */
  submit(delivery: Delivery): Promise<Receipt>;
  /** Records the opening of a feed connection, with the same guarantees as `submit`. */
  feedOpened(opening: FeedOpening): Promise<void>;
  feedClosed(closing: FeedClosing): Promise<void>;
  /** Records that every frame of a connection's snapshot is recorded. */
  snapshotCompleted(completion: SnapshotCompletion): Promise<void>;
  /** Waits for submitted requests, and refuses further ones. */
  stop(): Promise<void>;
}

export class Overloaded extends Error {
  override readonly name = "Overloaded";
}
