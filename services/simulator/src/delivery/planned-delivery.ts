import { nsOfMs } from "../exact.ts";
import type { HistoryMessage, HistoryStep } from "../history/history.ts";
import { createRandom } from "../random.ts";

type Arrival = Readonly<{
  /** On the receiver's clock. */
  arrivesAtNs: bigint;
}>;

export type PlannedWebhook = Arrival &
  Readonly<{
    kind: "webhook";
    provider: "zerohash" | "layer1";
    payloadType: string;
    body: string;
    /** Layer1 has no such thing. */
    notificationId: string | null;
    /** The earliest time at which it could arrive, on the receiver's clock. */
    sentAtNs: bigint;
    message: HistoryMessage;
  }>;

type OnConnection = Arrival & Readonly<{ feed: string; connection: string }>;

export type FeedOpened = OnConnection &
  Readonly<{
    kind: "feed-opened";
    atNs: bigint;
    /** The connection of the same feed before this one. */
    continues: string | null;
  }>;

export type FeedFrame = OnConnection &
  Readonly<{
    kind: "feed-frame";
    /** From 1 on each connection. */
    frame: number;
    text: string;
    /** The message that the frame carries; null for a snapshot. */
    message: HistoryMessage | null;
    /** The last step that a snapshot knows of; null for an update. */
    snapshotAfterStep: number | null;
  }>;

export type FeedClosed = OnConnection & Readonly<{ kind: "feed-closed"; atNs: bigint }>;

/**
 * Nothing marks the last frame of a snapshot: a reader takes it for complete when no other has come
 * for a while, or when the connection is closed.
 */
export type SnapshotCompleted = OnConnection &
  Readonly<{
    kind: "snapshot-completed";
    /** How many frames the snapshot had. */
    frames: number;
  }>;

/** What arrives at one receiver: over a webhook, or over one of its feeds. */
export type PlannedDelivery =
  | PlannedWebhook
  | FeedOpened
  | FeedFrame
  | SnapshotCompleted
  | FeedClosed;

export type FeedDelivery = Exclude<PlannedDelivery, PlannedWebhook>;

export function plannedWebhook(
  fields: Omit<PlannedWebhook, "kind" | "provider" | "payloadType" | "body">,
): PlannedWebhook {
  const { message } = fields;
  return {
    kind: "webhook",
    provider: message.provider,
    ...fields,
    // Read from the message whenever they are asked for: a plan holds many copies of one text.
    get payloadType() {
      return message.webhook?.payloadType ?? "";
    },
    get body() {
      return message.webhook?.body ?? "";
    },
  };
}

/** Where and when a frame arrives. */
export type FrameHeader = OnConnection & Readonly<{ frame: number }>;

export function plannedUpdate(header: FrameHeader, message: HistoryMessage): FeedFrame {
  return {
    kind: "feed-frame",
    ...header,
    message,
    snapshotAfterStep: null,
    get text() {
      return message.feed ?? "";
    },
  };
}

/** A frame of a snapshot; its text, too, is made whenever it is asked for. */
export function plannedSnapshot(
  header: FrameHeader,
  { afterStep, print }: Readonly<{ afterStep: number; print: () => string }>,
): FeedFrame {
  return {
    kind: "feed-frame",
    ...header,
    message: null,
    snapshotAfterStep: afterStep,
    get text() {
      return print();
    },
  };
}

export function isWebhook(delivery: PlannedDelivery): delivery is PlannedWebhook {
  return delivery.kind === "webhook";
}

/** Stable: what arrives at one instant keeps its order. */
export function byArrival(a: PlannedDelivery, b: PlannedDelivery): number {
  return a.arrivesAtNs < b.arrivesAtNs ? -1 : Number(a.arrivesAtNs > b.arrivesAtNs);
}

export type Range = Readonly<{ min: number; max: number }>;

/** The messages of a step, and when the provider sends them out: in the true order. */
export type Emission = Readonly<{
  /** When the step happened. */
  atNs: bigint;
  sentNs: bigint;
  messages: readonly HistoryMessage[];
}>;

/** Each step is sent out after a delay, and none before the step before it. */
export function emissionsOf(
  steps: readonly HistoryStep[],
  seed: number | string,
  delayMs: Range,
): readonly Emission[] {
  const random = createRandom(seed, "emissions");
  let lastNs = 0n;
  return steps.map(({ atNs, messages }) => {
    const drawnNs = atNs + nsOfMs(random.between(delayMs.min, delayMs.max));
    lastNs = drawnNs > lastNs ? drawnNs : lastNs;
    return { atNs, sentNs: lastNs, messages };
  });
}
