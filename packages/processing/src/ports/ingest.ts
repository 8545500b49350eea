import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { Channel, Provider } from "@counterfoil/contracts/scalar";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Reading, SocketOrder, Source } from "@counterfoil/core/translate/translation";

/** One webhook POST, feed frame or backfill page, as it arrived. */
export type Delivery = Readonly<{
  provider: Provider;
  channel: Channel;
  /** The provider's word for it; on the feed `feed`; "" where it gave none. */
  payloadType: string;
  notificationId: string | null;
  /** Feed only: connection, and the frame's number on it from 1. */
  place: Readonly<{ connection: string; frame: number }> | null;
  verdict: Readonly<{
    /** `none`: the channel has no signatures (the feed). */
    signature: "valid" | "stale" | "unsigned" | "none";
    scheme?: string;
    /** Which of several keys matched: its place in the configuration, from 1. */
    key?: string;
    sentAt?: Nanos;
    /** The signature headers as they came, see `DeliveryReceived`. */
    evidence?: DataOf<"DeliveryReceived">["verdict"]["evidence"];
  }>;
  bytes: Uint8Array;
  receivedAt: Nanos;
  correlationId: string | null;
  /** The span that took it in. */
  traceparent?: string;
  /** Of a frame that was begun before: what the order of its socket said then. */
  order?: SocketOrder;
}>;

/** A large body, and how it is to be read. */
export type LargeSource = Omit<Source, "text"> &
  Readonly<{ bytes: Uint8Array; translation: number }>;

/** What a large body says; its facts are handed out some at a time. */
export type LargeReading = Readonly<{
  sha256: string;
  /** All that it says but the facts. */
  said: Reading;
  count: number;
  isTimeless: boolean;
  facts: (from: number, upTo: number) => Promise<readonly ProviderFact[]>;
  /** Lets go of the facts. */
  close: () => void;
}>;

/** Reads a large body where it holds up nobody. */
export type ReadLarge = (source: LargeSource) => Promise<LargeReading>;

export type Receipt = Readonly<{
  /** `repeated`: the very delivery was here before and nothing was appended. */
  outcome: "recorded" | "repeated" | "quarantined";
  deliveryId: string;
  /** The head after its append; everything it said can be read from there on. */
  position: number;
  /** Why it is quarantined. */
  reason: string | null;
}>;

export type FeedOpening = Omit<DataOf<"FeedOpened">, "opened_at"> & Readonly<{ openedAt: Nanos }>;
export type SnapshotCompletion = DataOf<"SnapshotCompleted">;
export type FeedClosing = Omit<DataOf<"FeedClosed">, "closed_at"> & Readonly<{ closedAt: Nanos }>;

/** What receivers hand deliveries to. Requests that come together are appended together. */
export interface Ingest {
  /**
   * Resolves when the delivery is durable.
   *
   * @throws StreamUnavailable when it is not, and must not be acknowledged;
   * @throws Overloaded before it is looked at, when too many bytes wait already.
   */
  submit(delivery: Delivery): Promise<Receipt>;
  /** Records the opening of a feed connection; same promises as `submit`. */
  feedOpened(opening: FeedOpening): Promise<void>;
  feedClosed(closing: FeedClosing): Promise<void>;
  /** Records that every frame of a connection's snapshot is recorded. */
  snapshotCompleted(completion: SnapshotCompletion): Promise<void>;
  /** Waits for what was submitted; takes nothing more. */
  stop(): Promise<void>;
}

export class Overloaded extends Error {
  override readonly name = "Overloaded";
}
