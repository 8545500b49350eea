import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import {
  type Change,
  type ChangeRange,
  PUBLISHED_SINCE_VERSION,
  readChanges,
  sourcesOf,
} from "../changes/change-rows.ts";
import type { Activations } from "../generations/activations.ts";
import { isUnreadable, StreamForked } from "../ports/errors.ts";
import { type EventStream, isLastPage } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import type { TopicRecord } from "../ports/topics.ts";
import type { Traces } from "../ports/tracing.ts";
import type { Readers } from "../queries/serving.ts";
import type { StoppedWatch } from "./stopped-subjects.ts";
import {
  factMessage,
  type PublishedModel,
  type PublisherCheckpoint,
  stateMessage,
} from "./topic-format.ts";

/** Size limits of one transaction. */
export type TransactionLimits = Readonly<{
  /** Maximum number of events, states, or change rows of one table. */
  count: number;
  /** Maximum size, estimated before the messages are written. */
  bytes: number;
}>;

/** The sources that an open publisher reads. */
export type PublishContext = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  readers: Readers;
  activations: Activations;
  limits: TransactionLimits;
}>;

/** The result of a publishing step: the stream position reached, and the numbers of messages and facts. */
export type Published = Readonly<{ position: number; messages: number; facts: number }>;

/** Events and all the changes that they made to the models; they are published in one transaction. */
export type Batch = Readonly<{
  events: readonly RecordedEvent[];
  /** By position, then table by table. */
  changes: readonly Change[];
}>;

/** The open publisher, as far as a batch depends on it. */
type Reading = Readonly<{
  context: PublishContext;
  checkpoint: PublisherCheckpoint;
  stopped: StoppedWatch;
}>;

/** Estimated size of a message's key and headers. */
const BYTES_OVERHEAD = 600;

/**
 * Reads the next events, up to the position that all models have projected, or up to an activation.
 *
 * @returns null if there is nothing to publish yet
 * @throws StreamForked if the stream is not the one that was published
 */
export async function readBatch({ context, checkpoint, stopped }: Reading): Promise<Batch | null> {
  const { position: after, models } = checkpoint;
  const { limits } = context;
  const page = await readAfterCheckpoint(context.stream, checkpoint, limits.count);
  let upTo = endByEvents(page, after, limits);
  const changes: Change[] = [];
  for (const model of modelName.options) {
    if (upTo <= after) return null;
    const range = { after, upTo };
    const read = await readModelChanges({ context, stopped }, model, { ...models[model], range });
    upTo = read.upTo;
    changes.push(...read.changes);
  }
  if (upTo <= after) return null;
  upTo = endBySize(sizedItems(page, changes, upTo), upTo, limits.bytes);
  upTo = endOfDelivery(page, upTo);
  const isWithin = ({ position }: RecordedEvent | Change) => position <= upTo;
  return { events: page.filter(isWithin), changes: changes.filter(isWithin) };
}

/**
 * Reads the events after the checkpoint, and checks that the event at it is the published one.
 *
 * @throws StreamForked if it is another event
 */
export async function readAfterCheckpoint(
  stream: EventStream,
  { position, hash }: PublisherCheckpoint,
  count: number,
): Promise<readonly RecordedEvent[]> {
  // One event more shows whether the last delivery continues.
  if (position === 0) return stream.read({ after: 0, limit: count + 1 });
  const [last, ...page] = await stream.read({ after: position - 1, limit: count + 2 });
  if (last?.position === position && last.hash === hash) {
    // If the event at the checkpoint fills the page, the following events need another read.
    return page.length > 0 ? page : stream.read({ after: position, limit: count + 1 });
  }
  const found = last ? `hash ${last.hash}` : `its head at ${(await stream.head()).position}`;
  throw new StreamForked(
    `the topics hold a stream up to position ${position} with hash ${hash}, and this stream has ${found}: it was restored from a backup, or another ledger has its name. What was published cannot be taken back: publish this stream under another topic prefix`,
  );
}

/** The position at which a batch ends, considering only its events. */
function endByEvents(
  page: readonly RecordedEvent[],
  after: number,
  { count, bytes }: TransactionLimits,
): number {
  // Unless the page reaches the stream's end, its last event only shows whether a delivery continues.
  const isAtEnd = page.length < 2 || isLastPage(page, count + 1);
  const last = page.at(isAtEnd ? -1 : -2)?.position ?? after;
  // Another generation may be live after an activation.
  const activation = page.find(({ type }) => type === "ModelActivated")?.position ?? last;
  const items = page.map(({ position, data }) => ({ position, bytes: data.length }));
  return endOfDelivery(page, endBySize(items, Math.min(last, activation), bytes));
}

function* sizedItems(
  page: readonly RecordedEvent[],
  changes: readonly Change[],
  upTo: number,
): Generator<SizedItem> {
  for (const { position, data } of page) {
    if (position <= upTo) yield { position, bytes: data.length + BYTES_OVERHEAD };
  }
  for (const { position, value } of changes) {
    if (position <= upTo) yield { position, bytes: (value?.length ?? 0) + BYTES_OVERHEAD };
  }
}

/** The position and the size of an event or a change of a batch. */
type SizedItem = Readonly<{ position: number; bytes: number }>;

/**
 * The position at which a batch ends so that it does not exceed a number of bytes. A batch holds all
 * items of a position, and at least one position, however large.
 *
 * @param items in any order
 */
export function endBySize(items: Iterable<SizedItem>, upTo: number, bytesMax: number): number {
  const byPosition = new Map<number, number>();
  for (const { position, bytes } of items) {
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
 * The position at which a batch ends so that it does not split a delivery, if possible: between the
 * facts of one delivery there can be transient anomalies.
 *
 * @param events of the batch, and the event after it if there is one
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

/** The id of the delivery that an event belongs to, or the event's own id. */
const deliveryOf = ({ type, id, causation_id }: RecordedEvent): string =>
  type === "DeliveryReceived" ? id : (causation_id ?? id);

/**
 * The messages of a batch.
 *
 * @param numbers of the batch's events, each among the events of its subject
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
  const states = dropTransientAnomalies(changes, position).map(({ source, id, value, ...change }) =>
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
 * Drops anomalies that are opened and removed within the batch: a delivery's facts are projected one
 * by one, and an anomaly that exists only between two of them was never true.
 */
function dropTransientAnomalies(changes: readonly Change[], after: number): readonly Change[] {
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

/** Whether the change opens a new anomaly. */
function isOpening({ value }: Change, after: number): boolean {
  if (value === null) return false;
  const { opened_position } = JSON.parse(value) as AnomalyRecord;
  return Number(opened_position) > after;
}

/** The changes of a model's rows in a range, and the position up to which they are complete. */
type ModelChanges = Readonly<{
  upTo: number;
  changes: readonly Change[];
}>;

/**
 * Reads the changes of a range from the generation that was live at its beginning. Only the last
 * event of the range may be an activation.
 */
async function readModelChanges(
  { context, stopped }: Omit<Reading, "checkpoint">,
  model: ModelName,
  { generation, version, range }: PublishedModel & Readonly<{ range: ChangeRange }>,
): Promise<ModelChanges> {
  const { readers, activations, limits } = context;
  const { after, upTo } = range;
  if (version === null || version < PUBLISHED_SINCE_VERSION)
    return skipRange(context, model, range);
  try {
    return await readers.snapshot(model, generation, async (rows, checkpoint) => {
      const { position } = checkpoint;
      const isBehind = position < upTo;
      if (isBehind) await activations.refresh();
      const isSuperseded = isBehind && (await hasBuiltSuccessor(context, model, after));
      const end = isBehind && !isSuperseded ? position : upTo;
      if (end <= after) return { upTo: after, changes: [] };
      await stopped.follow(model, rows, { generation, checkpoint, publishedTo: after });
      return readChanges(rows, sourcesOf(model), { after, upTo: end, limits });
    });
  } catch (error) {
    if (isUnreadable(error)) return skipRange(context, model, range);
    throw error;
  }
}

/** Skips an unreadable generation if a later one has replaced it: all records of the later one are published. */
async function skipRange(context: PublishContext, model: ModelName, { after, upTo }: ChangeRange) {
  await context.activations.refresh();
  return { upTo: (await hasBuiltSuccessor(context, model, after)) ? upTo : after, changes: [] };
}

/**
 * Whether a generation activated after a position has been built up to its activation. From then on
 * earlier generations are not projected any further.
 */
export async function hasBuiltSuccessor(
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
