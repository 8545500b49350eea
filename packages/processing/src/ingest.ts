import type { Hashing } from "@counterfoil/core/hashing";
import { createFeedSessions, type FeedSessions } from "@counterfoil/core/ingest/feed-session";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { Waiting } from "./ingest-group.ts";
import {
  closingRequest,
  completionRequest,
  deliveryRequest,
  openingRequest,
  type Request,
} from "./ingest-request.ts";
import { appendInTurn } from "./ingest-turns.ts";
import type { Clock } from "./ports/clock.ts";
import { StreamUnavailable } from "./ports/errors.ts";
import type { EventStream } from "./ports/event-stream.ts";
import { type Ingest, Overloaded, type Receipt } from "./ports/ingest.ts";

export type IngestOptions = Readonly<{
  stream: EventStream;
  translations: Translations;
  hashing: Hashing;
  clock: Clock;
  /** What clients of the feed remember; its own where it is not given. */
  feedSessions?: FeedSessions;
  /** Bytes of deliveries that may wait; beyond, `submit` throws Overloaded. */
  waitingBytesMax?: number;
}>;

const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** Bounds of one group: enough to share a disk flush, small enough that nobody waits long for it. */
const GROUP_SIZE_MAX = 256;
const GROUP_BYTES_MAX = 512 * 1024;
/** What a request takes of memory beside the bytes of its delivery. */
const REQUEST_BYTES = 1024;

type Queued = Waiting & Readonly<{ size: number }>;

/**
 * The ingestor's heart: deliveries that arrive together are looked up, decided and appended
 * together (group commit), and each is acknowledged after its append is durable. While a group is
 * being appended the next one is looked up and decided on top of it. Exactly once is arbitrated by
 * the stream: on conflict the group is looked up and decided again.
 */
export function createIngest(options: IngestOptions): Ingest {
  const { stream, hashing, clock, waitingBytesMax = WAITING_BYTES_MAX } = options;
  const feedSessions = options.feedSessions ?? createFeedSessions();
  const waiting: Queued[] = [];
  let waitingBytes = 0;
  let running: Promise<void> | null = null;
  let isStopped = false;

  async function enqueue(bytes: number, makeRequest: () => Request): Promise<Receipt> {
    const size = bytes + REQUEST_BYTES;
    if (isStopped) throw new StreamUnavailable("the ingestor is stopping");
    // One of any size is taken where nothing waits: whatever the receiver lets in can be appended.
    if (waitingBytes > 0 && waitingBytes + size > waitingBytesMax) {
      throw new Overloaded(`${waitingBytes} bytes of deliveries wait already`);
    }
    const request = makeRequest();
    waitingBytes += size;
    const receipt = new Promise<Receipt>((resolve, reject) => {
      waiting.push({ request, size, resolve, reject });
    });
    running ??= run();
    try {
      return await receipt;
    } finally {
      waitingBytes -= size;
    }
  }

  async function run(): Promise<void> {
    const line = { take: () => takeGroup(waiting), rejectAll };
    while (waiting.length > 0) {
      // Requests whose bytes are in already join the first group.
      await clock.nextTurn();
      await appendInTurn({ stream, clock, line });
    }
    running = null;
  }

  function rejectAll(error: unknown): void {
    for (const { reject } of waiting.splice(0)) reject(error);
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

function takeGroup(waiting: Queued[]): readonly Queued[] {
  let bytes = 0;
  let count = 0;
  for (const { size } of waiting) {
    if (count > 0 && (count >= GROUP_SIZE_MAX || bytes + size > GROUP_BYTES_MAX)) break;
    bytes += size;
    count += 1;
  }
  return waiting.splice(0, count);
}
