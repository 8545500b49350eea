import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import {
  type Change,
  type ChangeRange,
  FOLLOWED_SINCE,
  readChanges,
  readStopped,
  sourcesOf,
} from "../changes/change-rows.ts";
import type { Activations } from "../generations/activations.ts";
import { isUnreadable, StreamForked } from "../ports/errors.ts";
import { type EventStream, isLastPage } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import type { TopicRecord } from "../ports/topics.ts";
import type { Traces } from "../ports/tracing.ts";
import type { StoppedSubject } from "../projection/projection.ts";
import type { Readers } from "../queries/serving.ts";
import {
  factMessage,
  type PublishedModel,
  type PublisherCheckpoint,
  stateMessage,
} from "./topic-format.ts";

/** How large a transaction grows before the next one begins. */
export type TransactionLimits = Readonly<{
  /** Events, or states, or change rows of one table. */
  count: number;
  /** As near as they are known before it is written. */
  bytes: number;
}>;

/** What the steps of an open publisher read from. */
export type PublishContext = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  readers: Readers;
  activations: Activations;
  limits: TransactionLimits;
}>;

/** What a step has published, and up to which position of the stream. */
export type Published = Readonly<{ position: number; messages: number; facts: number }>;

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
  for (const model of modelName.options) {
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
  if (last?.position === position && last.hash === hash) {
    // An event that fills a page by itself has left no room for what follows it.
    return page.length > 0 ? page : stream.read({ after: position, limit: count + 1 });
  }
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
  // The last event of a page that does not reach the stream's end only tells whether a delivery goes on.
  const isWhole = page.length < 2 || isLastPage(page, count + 1);
  const last = page.at(isWhole ? -1 : -2)?.position ?? after;
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

/** Something of a batch: at which position it happened, and how much of a transaction it takes. */
type Piece = Readonly<{ position: number; bytes: number }>;

/**
 * Where a batch ends so that it is not larger than a number of bytes: at a whole position, and after
 * one at least, however large that is.
 *
 * @param pieces in any order.
 */
export function endWithin(pieces: Iterable<Piece>, upTo: number, bytesMax: number): number {
  const byPosition = new Map<number, number>();
  for (const { position, bytes } of pieces) {
    byPosition.set(position, (byPosition.get(position) ?? 0) + bytes);
  }
  let sum = 0;
  let end: number | null = null;
  for (const [position, bytes] of [...byPosition].sort(([a], [b]) => a - b)) {
    sum += bytes;
    if (end !== null && sum > bytesMax) return position - 1;
    end = position;
  }
  return upTo;
}

/**
 * Where a batch ends so that it does not cut a delivery in two, if it can: between a delivery's facts
 * there are anomalies that are none.
 *
 * @param events those of the batch and, where there is one, the event after it.
 */
export function endOfDelivery(events: readonly RecordedEvent[], upTo: number): number {
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const event = events[at];
    if (event === undefined || event.position > upTo) continue;
    const next = events[at + 1];
    if (next === undefined || deliveryOf(next) !== deliveryOf(event)) return event.position;
  }
  return upTo;
}

/** The id of the delivery that an event belongs to; its own where it belongs to none. */
const deliveryOf = ({ type, id, causation_id }: RecordedEvent): string =>
  type === "DeliveryReceived" ? id : (causation_id ?? id);

/**
 * The messages of a batch.
 *
 * @param numbers of the batch's events: which of its subject's each is.
 */
export function batchMessages(
  { events, changes }: Batch,
  { ledger, position, models }: PublisherCheckpoint,
  numbers: readonly number[],
  traces: Traces,
): readonly TopicRecord[] {
  const origins = new Map(events.map((event) => [event.position, originOf(event, traces)]));
  const facts = events.map((event, at) =>
    factMessage(event, {
      ledger,
      keySequence: numbers[at] ?? 0,
      traceparent: traces.of(event),
    }),
  );
  const states = withoutBriefAnomalies(changes, position).map(({ source, id, value, ...change }) =>
    stateMessage(
      { topic: source.topic, key: id, value },
      {
        ledger,
        position: change.position,
        ...(origins.get(change.position) ?? NO_ORIGIN),
        generation: models[source.model].generation,
      },
    ),
  );
  return [...facts, ...states];
}

const originOf = (event: RecordedEvent, traces: Traces) => ({
  recordedAt: event.recorded_at,
  traceparent: traces.of(event),
});

const NO_ORIGIN = { recordedAt: 0n };

/**
 * Drops an anomaly that is opened and removed within the batch: a delivery's facts are projected one
 * by one, and what is wrong between two of them was never true.
 */
function withoutBriefAnomalies(changes: readonly Change[], after: number): readonly Change[] {
  const firstOf = new Map<string, Change>();
  const removedAt = new Map<string, number>();
  for (const [at, change] of changes.entries()) {
    if (change.source.topic !== "anomalies") continue;
    const key = keyOf(change);
    if (!firstOf.has(key)) firstOf.set(key, change);
    if (change.value === null) removedAt.set(key, at);
  }
  if (removedAt.size === 0) return changes;
  return changes.filter((change, at) => {
    const key = keyOf(change);
    const first = firstOf.get(key);
    return at > (removedAt.get(key) ?? -1) || first === undefined || !isOpening(first, after);
  });
}

const keyOf = ({ source, id }: Change): string => `${source.model}:${source.topic}:${id}`;

/** Whether there was nothing under the id before. */
function isOpening({ value }: Change, after: number): boolean {
  if (value === null) return false;
  const { opened_position } = JSON.parse(value) as AnomalyRecord;
  return Number(opened_position) > after;
}

/** The changes of a model's rows in a range of positions, and up to where they are known. */
type Followed = Readonly<{
  upTo: number;
  changes: readonly Change[];
  stopped: readonly StoppedSubject[];
}>;

const NOTHING = { changes: [], stopped: [] } as const;

/**
 * Follows a model in the generation that was live at the beginning of a range, which holds no
 * activation of it but at its end.
 */
async function followModel(
  context: PublishContext,
  model: ModelName,
  { generation, version, range }: PublishedModel & Readonly<{ range: ChangeRange }>,
): Promise<Followed> {
  const { readers, activations, limits } = context;
  const { after, upTo } = range;
  if (version === null || version < FOLLOWED_SINCE) return skipRange(context, model, range);
  try {
    return await readers.snapshot(model, generation, async (rows, { position }) => {
      const isBehind = position < upTo;
      if (isBehind) await activations.refresh();
      const isSuperseded = isBehind && (await isBuiltAfter(context, model, after));
      const end = isBehind && !isSuperseded ? position : upTo;
      if (end <= after) return { upTo: after, ...NOTHING };
      const read = await readChanges(rows, sourcesOf(model), { after, upTo: end, limits });
      return { ...read, stopped: await readStopped(rows) };
    });
  } catch (error) {
    if (isUnreadable(error)) return skipRange(context, model, range);
    throw error;
  }
}

/** Skips a generation that cannot be read, where a later one has taken its place: that one is published whole. */
async function skipRange(context: PublishContext, model: ModelName, { after, upTo }: ChangeRange) {
  await context.activations.refresh();
  return { upTo: (await isBuiltAfter(context, model, after)) ? upTo : after, ...NOTHING };
}

/**
 * Whether a generation that is activated later has been built up to its activation. From then on
 * nobody projects the ones before it any further.
 */
export async function isBuiltAfter(
  { catalogue, activations }: PublishContext,
  model: ModelName,
  position: number,
): Promise<boolean> {
  const later = activations.after(model, position);
  if (later.length === 0) return false;
  const known = await catalogue.generations(model);
  return later.some((activation) =>
    known.some(
      ({ generation, checkpoint }) =>
        generation === activation.generation && checkpoint.position >= activation.position,
    ),
  );
}
