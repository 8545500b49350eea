import type { Hashing } from "@counterfoil/core/hashing";
import { createFeedSessions, type FeedSessions } from "@counterfoil/core/ingest/feed-session";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { Clock } from "../ports/clock.ts";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { type Ingest, Overloaded, type Receipt } from "../ports/ingest.ts";
import { commitGroups, type Pending } from "./group-commit.ts";
import {
  closingRequest,
  completionRequest,
  deliveryRequest,
  openingRequest,
  type Request,
} from "./request.ts";

export type IngestOptions = Readonly<{
  stream: EventStream;
  translations: Translations;
  hashing: Hashing;
  clock: Clock;
  /** What clients of the feed remember; its own where it is not given. */
  feedSessions?: FeedSessions;
  /** Bytes of deliveries that may be pending; beyond, `submit` throws Overloaded. */
  pendingBytesMax?: number;
}>;

const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** Bounds of one group: enough to share a disk flush, small enough that nobody waits long for it. */
const GROUP_SIZE_MAX = 256;
const GROUP_BYTES_MAX = 512 * 1024;
/** What a request takes of memory beside the bytes of its delivery. */
const REQUEST_BYTES = 1024;

type Queued = Pending & Readonly<{ size: number }>;

/**
 * The ingestor's heart: deliveries that arrive together are looked up, decided and appended
 * together (group commit), and each is acknowledged after its append is durable. Exactly once is
 * arbitrated by the stream: on conflict the group is looked up and decided again.
 */
export function createIngest(options: IngestOptions): Ingest {
  const { stream, hashing, clock, pendingBytesMax = PENDING_BYTES_MAX } = options;
  const feedSessions = options.feedSessions ?? createFeedSessions();
  const queue: Queued[] = [];
  let pendingBytes = 0;
  let running: Promise<void> | null = null;
  let isStopped = false;

  async function enqueue(bytes: number, makeRequest: () => Request): Promise<Receipt> {
    const size = bytes + REQUEST_BYTES;
    if (isStopped) throw new StreamUnavailable("the ingestor is stopping");
    // One of any size is taken where nothing is pending: whatever the receiver lets in can be appended.
    if (pendingBytes > 0 && pendingBytes + size > pendingBytesMax) {
      throw new Overloaded(`${pendingBytes} bytes of deliveries are pending already`);
    }
    const request = makeRequest();
    pendingBytes += size;
    const receipt = new Promise<Receipt>((resolve, reject) => {
      queue.push({ request, size, resolve, reject });
    });
    running ??= run();
    try {
      return await receipt;
    } finally {
      pendingBytes -= size;
    }
  }

  async function run(): Promise<void> {
    const pending = { takeGroup: () => takeGroup(queue), rejectAll };
    while (queue.length > 0) {
      // Requests whose bytes are in already join the first group.
      await clock.nextTurn();
      await commitGroups({ stream, clock, queue: pending });
    }
    running = null;
  }

  function rejectAll(error: unknown): void {
    for (const { reject } of queue.splice(0)) reject(error);
  }

  return {
    submit: (delivery) =>
      enqueue(delivery.bytes.length, () => deliveryRequest(delivery, { ...options, feedSessions })),
    async feedOpened(opening) {
      await enqueue(0, () => openingRequest(opening, hashing));
      feedSessions.opened(opening.connection, opening.continues);
    },
    snapshotCompleted: async (completion) =>
      void (await enqueue(0, () => completionRequest(completion, hashing))),
    feedClosed: async (closing) => void (await enqueue(0, () => closingRequest(closing, hashing))),
    stop: async () => {
      isStopped = true;
      await running;
    },
  };
}

function takeGroup(queue: Queued[]): readonly Queued[] {
  let bytes = 0;
  let count = 0;
  for (const { size } of queue) {
    if (count > 0 && (count >= GROUP_SIZE_MAX || bytes + size > GROUP_BYTES_MAX)) break;
    bytes += size;
    count += 1;
  }
  return queue.splice(0, count);
}
