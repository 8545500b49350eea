import type {
  Delivery,
  FeedClosing,
  FeedOpening,
  Ingest,
  Receipt,
  SnapshotCompletion,
} from "@counterfoil/processing/ports/ingest";
import { createWatchedList, type WatchedList } from "./watched-list.ts";

export type IngestCall =
  | Readonly<{ kind: "delivery"; delivery: Delivery }>
  | Readonly<{ kind: "opened"; opening: FeedOpening }>
  | Readonly<{ kind: "closed"; closing: FeedClosing }>;

type RecordingIngest = Ingest &
  Readonly<{
    /** Calls that succeeded, in order. */
    recorded: WatchedList<IngestCall>;
    /** Snapshots that were reported as complete. */
    completed: WatchedList<SnapshotCompletion>;
    /** Every call, also those that failed. */
    attempted: WatchedList<IngestCall>;
    deliveries: () => readonly Delivery[];
    /** The next calls fail with these errors, one each. */
    failNext: (...errors: readonly Error[]) => void;
    /** Every call fails until this is called with null. */
    failAlways: (error: Error | null) => void;
    /** Calls wait until the returned function is called. */
    hold: () => () => void;
    answerWith: (answer: (delivery: Delivery) => Partial<Receipt>) => void;
  }>;

/** An ingest that records its calls, and fails or waits as the test says. */
export function createRecordingIngest(): RecordingIngest {
  const recorded = createWatchedList<IngestCall>();
  const completed = createWatchedList<SnapshotCompletion>();
  const attempted = createWatchedList<IngestCall>();
  const failures: Error[] = [];
  let failure: Error | null = null;
  let gate: Promise<void> = Promise.resolve();
  let answer: (delivery: Delivery) => Partial<Receipt> = () => ({});
  const record = async (call: IngestCall) => {
    attempted.add(call);
    await gate;
    const error = failures.shift() ?? failure;
    if (error !== null) throw error;
    recorded.add(call);
  };
  return {
    recorded,
    completed,
    attempted,
    deliveries: () =>
      recorded.all().flatMap((call) => (call.kind === "delivery" ? [call.delivery] : [])),
    failNext: (...errors) => failures.push(...errors),
    failAlways: (error) => {
      failure = error;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    answerWith: (given) => {
      answer = given;
    },
    async submit(delivery) {
      await record({ kind: "delivery", delivery });
      return { ...receiptAt(recorded.all().length), ...answer(delivery) };
    },
    feedOpened: (opening) => record({ kind: "opened", opening }),
    snapshotCompleted: async (completion) => completed.add(completion),
    feedClosed: (closing) => record({ kind: "closed", closing }),
    stop: async () => {},
  };
}

function receiptAt(position: number): Receipt {
  const deliveryId = `00000000-0000-0000-0000-${String(position).padStart(12, "0")}`;
  return { outcome: "recorded", reason: null, deliveryId, position, leftOut: 0 };
}
