import type { Hashing } from "@counterfoil/core/hashing";
import { createFeedSessions, type FeedSessions } from "@counterfoil/core/ingest/feed-session";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { Clock } from "../ports/clock.ts";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import {
  type Delivery,
  type Ingest,
  LARGE_BYTES,
  Overloaded,
  type ReadLarge,
  type Receipt,
} from "../ports/ingest.ts";
import { NO_TRACING, type Tracing } from "../ports/tracing.ts";
import { commitGroups, type Pending } from "./group-commit.ts";
import { recordLarge } from "./large-delivery.ts";
import { readLarge } from "./large-reading.ts";
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
  /** Sessions of the feed's clients; new ones if not given. */
  feedSessions?: FeedSessions;
  /** Reads large bodies on another thread; on this one if not given. */
  readLarge?: ReadLarge;
  tracing?: Tracing;
  /** Limit of the pending deliveries' bytes, above which `submit` throws Overloaded. */
  pendingBytesMax?: number;
}>;

const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** Limits of one group: large enough to share a disk flush, small enough to keep latency low. */
const GROUP_SIZE_MAX = 256;
const GROUP_BYTES_MAX = 512 * 1024;
/** Estimated memory of a request besides the bytes of its delivery. */
const REQUEST_BYTES = 1024;

type Queued = Pending & Readonly<{ size: number }>;

/**
 * Ingests deliveries by group commit: those that arrive together are looked up, decided and appended
 * together, and each is acknowledged when its append is durable. The stream's expected position
 * guarantees exactly-once recording: after a conflict the group is looked up and decided again.
 */
export function createIngest(options: IngestOptions): Ingest {
  const { translations, hashing, tracing = NO_TRACING } = options;
  const { pendingBytesMax = PENDING_BYTES_MAX } = options;
  const feedSessions = options.feedSessions ?? createFeedSessions();
  const queue = createQueue(options);
  // Separate limits, so that one large delivery does not block all others.
  const limits = {
    whole: createPendingLimit(pendingBytesMax),
    large: createPendingLimit(pendingBytesMax),
  };

  const submitWhole = (bytes: number, makeRequest: () => Request) =>
    limits.whole.during(bytes, async (size) => queue.add(makeRequest(), size));

  const read: ReadLarge =
    options.readLarge ?? (async (source) => readLarge(source, { translations, hashing }));

  function submitLarge(delivery: Delivery): Promise<Receipt> {
    const { place, bytes } = delivery;
    const session = place === null ? null : feedSessions.of(place.connection);
    const terms = { delivery, translation: translations.present };
    const reading = { read, session, hashing };
    return limits.large.during(bytes.length, () => recordLarge(terms, reading, queue.add));
  }

  function submit(delivery: Delivery): Promise<Receipt> {
    const { length } = delivery.bytes;
    if (length > LARGE_BYTES) return submitLarge(delivery);
    return submitWhole(length, () => deliveryRequest(delivery, { ...options, feedSessions }));
  }

  return {
    submit: (delivery) =>
      tracing.isOn ? traceAppend(tracing, delivery, submit) : submit(delivery),
    async feedOpened(opening) {
      await submitWhole(0, () => openingRequest(opening, hashing));
      feedSessions.opened(opening.connection, opening.continues);
    },
    snapshotCompleted: async (completion) =>
      void (await submitWhole(0, () => completionRequest(completion, hashing))),
    feedClosed: async (closing) =>
      void (await submitWhole(0, () => closingRequest(closing, hashing))),
    stop: async () => {
      await Promise.all([limits.whole.close(), limits.large.close()]);
      await queue.whenIdle();
    },
  };
}

/** Commits the pending requests in groups, one group after the other, as long as there are any. */
function createQueue({ stream, clock }: Pick<IngestOptions, "stream" | "clock">) {
  const queue: Queued[] = [];
  let running: Promise<void> | null = null;

  async function run(): Promise<void> {
    const pending = { takeGroup: () => takeGroup(queue), reject: rejectPending };
    while (queue.length > 0) {
      // Requests that have already arrived join the first group.
      await clock.nextTurn();
      await commitGroups({ stream, clock, queue: pending });
    }
    running = null;
  }

  function rejectPending(error: unknown, isMeant: (pending: Pending) => boolean = () => true) {
    for (const pending of queue.splice(0)) {
      if (isMeant(pending)) pending.reject(error);
      else queue.push(pending);
    }
  }

  return {
    add(request: Request, size: number): Promise<Receipt> {
      const receipt = new Promise<Receipt>((resolve, reject) => {
        queue.push({ request, since: clock.now(), size, resolve, reject });
      });
      running ??= run();
      return receipt;
    },
    whenIdle: async () => void (await running),
  };
}

/**
 * Traces a delivery from its submission until it is durable. A feed frame has no trace context, so its
 * trace starts here.
 */
async function traceAppend(
  tracing: Tracing,
  delivery: Delivery,
  submit: (delivery: Delivery) => Promise<Receipt>,
): Promise<Receipt> {
  const { provider, channel } = delivery;
  const attributes = { "counterfoil.provider": provider, "counterfoil.channel": channel };
  const span = tracing.start("append delivery", { parent: delivery.traceparent, attributes });
  const { traceparent = span.traceparent } = delivery;
  try {
    const receipt = await submit(
      traceparent === undefined ? delivery : { ...delivery, traceparent },
    );
    const { deliveryId, outcome, position } = receipt;
    span.end({
      "counterfoil.delivery_id": deliveryId,
      "counterfoil.outcome": outcome,
      "counterfoil.position": position,
    });
    return receipt;
  } catch (error) {
    span.end({}, error);
    throw error;
  }
}

/** Limits the bytes that are pending at once. */
function createPendingLimit(bytesMax: number) {
  const working = new Set<Promise<unknown>>();
  let bytes = 0;
  let isClosed = false;
  return {
    /** Counts a delivery while the work on it is in progress. */
    async during<T>(length: number, work: (size: number) => Promise<T>): Promise<T> {
      const size = length + REQUEST_BYTES;
      if (isClosed) throw new StreamUnavailable("the ingestor is stopping");
      // If nothing is pending, a delivery of any size is accepted, so that none is refused forever.
      if (bytes > 0 && bytes + size > bytesMax) {
        throw new Overloaded(`${bytes} bytes of deliveries are pending already`);
      }
      bytes += size;
      const done = work(size);
      working.add(done);
      try {
        return await done;
      } finally {
        working.delete(done);
        bytes -= size;
      }
    },
    /** Refuses further work, and waits for work in progress. */
    close: async () => {
      isClosed = true;
      await Promise.allSettled(working);
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
