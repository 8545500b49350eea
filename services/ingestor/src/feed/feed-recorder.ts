import type {
  FeedClosing,
  FeedOpening,
  Ingest,
  Receipt,
} from "@counterfoil/processing/ports/ingest";
import { createQueue, createWaiting } from "./backlog.ts";
import type { Persist } from "./durable.ts";
import type { FeedSocket } from "./feed-socket.ts";
import type { Frame } from "./frame.ts";

export type RecorderOptions = Readonly<{
  connection: string;
  ingest: Ingest;
  persist: Persist;
  /** Where frames come from; it is paused while too many wait. */
  flow: Pick<FeedSocket, "pause" | "resume">;
  /** Runs before the next frame is handed over. */
  onReceipt: (frame: Frame, receipt: Receipt) => void;
}>;

export type FeedRecorder = Readonly<{
  /** Comes first; what is taken meanwhile waits for it. */
  open: (opening: Pick<FeedOpening, "continues" | "openedAt">) => Promise<void>;
  take: (frame: Frame) => void;
  isPaused: () => boolean;
  /** From now on frames are recorded for quarantine (DESIGN section 4). */
  distrust: () => void;
  /** Every frame of the snapshot is recorded; comes after what was taken before. */
  completeSnapshot: (frames: number) => void;
  /** When nothing waits any more; answers how many frames could not be recorded before a stop. */
  drained: () => Promise<number>;
  /** Does nothing where the opening itself was not recorded. */
  close: (closing: Pick<FeedClosing, "reason" | "detail" | "closedAt">) => Promise<void>;
}>;

/**
 * Records one connection: its opening, its frames in their order, its closing, each durable before
 * the next is handed over. Two frames under way at once could change places when the first is
 * refused for overload, and those behind a single-chain snapshot must not be read as if it were
 * none.
 */
export function createFeedRecorder(options: RecorderOptions): FeedRecorder {
  const { connection, ingest, persist, flow, onReceipt } = options;
  const queue = createQueue(persist);
  const waiting = createWaiting(flow);
  let payloadType = "feed";
  let isOpened = false;
  return {
    async open(opening) {
      const about = { provider: "zerohash", connection, multi_chain: true, ...opening } as const;
      await queue.add(() => ingest.feedOpened(about));
      isOpened = true;
    },
    take(frame) {
      waiting.add(frame);
      const submit = () => ingest.submit(deliveryOf(frame, connection, payloadType));
      const settle = (receipt: Receipt) => {
        waiting.remove(frame);
        onReceipt(frame, receipt);
      };
      // What fails for good stays among the waiting, and `drained` counts it.
      queue.add(submit, settle).catch(() => {});
    },
    isPaused: waiting.isPaused,
    distrust() {
      payloadType = "feed:single_chain";
    },
    completeSnapshot(frames) {
      const completion = { provider: "zerohash", connection, frames } as const;
      queue.add(() => ingest.snapshotCompleted(completion)).catch(() => {});
    },
    drained: () => queue.drained().then(waiting.count),
    async close(closing) {
      if (!isOpened) return;
      await persist(() => ingest.feedClosed({ provider: "zerohash", connection, ...closing }));
    },
  };
}

function deliveryOf(frame: Frame, connection: string, payloadType: string) {
  return {
    provider: "zerohash",
    channel: "feed",
    payloadType,
    notificationId: null,
    place: { connection, frame: frame.number },
    verdict: { signature: "none" },
    bytes: frame.bytes,
    receivedAt: frame.receivedAt,
    correlationId: connection,
  } as const;
}
