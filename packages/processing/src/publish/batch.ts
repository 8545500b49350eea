import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { MODEL_NAMES } from "../models/registry.ts";
import { StreamForked } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { StoppedSubject } from "../projection/projection.ts";
import type { PublisherCheckpoint } from "./checkpoint.ts";
import type { PublishContext, TransactionLimits } from "./context.ts";
import { endOfDelivery, endWithin, type Piece } from "./cut-batch.ts";
import { followModel } from "./follow-model.ts";
import type { Change } from "./model-changes.ts";

/** What is published together: some events, and everything that they did to the models. */
export type Batch = Readonly<{
  events: readonly RecordedEvent[];
  /** In the order of their positions, table by table. */
  changes: readonly Change[];
  stopped: Readonly<Partial<Record<ModelName, readonly StoppedSubject[]>>>;
}>;

/** Of a message besides its value: key and headers. */
const BYTES_AROUND = 600;

/**
 * The events that come next, never past a model that has not projected them, nor past an activation.
 *
 * @returns null where there is nothing to publish just now.
 * @throws StreamForked where the stream is not the one that was published.
 */
export async function readBatch(
  context: PublishContext,
  checkpoint: PublisherCheckpoint,
): Promise<Batch | null> {
  const { position: after, models } = checkpoint;
  const { limits } = context;
  const page = await readOnward(context.stream, checkpoint, limits.count);
  let upTo = firstEnd(page, after, limits);
  const changes: Change[] = [];
  const stopped: Partial<Record<ModelName, readonly StoppedSubject[]>> = {};
  for (const model of MODEL_NAMES) {
    if (upTo <= after) return null;
    const range = { after, upTo };
    const followed = await followModel(context, model, { ...models[model], range });
    upTo = followed.upTo;
    changes.push(...followed.changes);
    stopped[model] = followed.stopped;
  }
  if (upTo <= after) return null;
  upTo = endWithin(pieces(page, changes, upTo), upTo, limits.bytes);
  upTo = endOfDelivery(page, upTo);
  const isWithin = ({ position }: Piece | RecordedEvent | Change) => position <= upTo;
  return { events: page.filter(isWithin), changes: changes.filter(isWithin), stopped };
}

/** The events after the checkpoint, once the event at it is seen to be the one that was published. */
export async function readOnward(
  stream: EventStream,
  { position, hash }: PublisherCheckpoint,
  count: number,
): Promise<readonly RecordedEvent[]> {
  // One more, to know whether a delivery goes on.
  if (position === 0) return stream.read({ after: 0, limit: count + 1 });
  const [last, ...page] = await stream.read({ after: position - 1, limit: count + 2 });
  if (last?.position === position && last.hash === hash) return page;
  const found = last ? `hash ${last.hash}` : `its head at ${(await stream.head()).position}`;
  throw new StreamForked(
    `the topics hold a stream up to position ${position} with hash ${hash}, and this stream has ${found}: it was restored from a backup, or another ledger has its name. What was published cannot be taken back: publish this stream under another topic prefix`,
  );
}

/** Where a batch ends by its events alone. */
function firstEnd(
  page: readonly RecordedEvent[],
  after: number,
  { count, bytes }: TransactionLimits,
): number {
  const last = page.slice(0, count).at(-1)?.position ?? after;
  // Another generation may be live from there on.
  const activation = page.find(({ type }) => type === "ModelActivated")?.position ?? last;
  const pieces = page.map(({ position, data }) => ({ position, bytes: data.length }));
  return endOfDelivery(page, endWithin(pieces, Math.min(last, activation), bytes));
}

function* pieces(
  page: readonly RecordedEvent[],
  changes: readonly Change[],
  upTo: number,
): Generator<Piece> {
  for (const { position, data } of page) {
    if (position <= upTo) yield { position, bytes: data.length + BYTES_AROUND };
  }
  for (const { position, value } of changes) {
    if (position <= upTo) yield { position, bytes: (value?.length ?? 0) + BYTES_AROUND };
  }
}
