import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/record";
import { MODEL_NAMES } from "../models/registry.ts";
import { ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import type { TopicPublisher, TopicRecord } from "../ports/topic-publisher.ts";
import type { StoppedSubject } from "../projection/projection.ts";
import { openReaders } from "../queries/readers.ts";
import { createActivationLog } from "./activation-log.ts";
import { type Batch, readBatch, readOnward } from "./batch.ts";
import { batchMessages } from "./batch-messages.ts";
import {
  formatCheckpoint,
  type PublisherCheckpoint,
  parseCheckpoint,
  withModel,
} from "./checkpoint.ts";
import type { PublishContext, TransactionLimits } from "./context.ts";
import { findSwitches, type GenerationSwitch } from "./generation-switch.ts";
import { type StateChange, stateMessage } from "./message.ts";
import type { Change } from "./model-changes.ts";
import { readStopped } from "./model-changes.ts";
import { recordDifferences, recordsTouched, type Snapshots } from "./record-differences.ts";
import { removedRecords } from "./removed-records.ts";
import { createRepublish, type Republish } from "./republish.ts";
import { FOLLOWED_SINCE, sourcesOf } from "./source.ts";
import { openSubjectCounts, type SubjectCounts } from "./subject-counts.ts";

export type SessionOptions = Readonly<{
  ledger: string;
  stream: EventStream;
  catalogue: ModelCatalogue;
  publisher: TopicPublisher;
  limits?: TransactionLimits;
}>;

const LIMITS: TransactionLimits = { count: 2000, bytes: 8 * 1024 * 1024 };

/** A publisher that is open, going on from its last committed checkpoint. */
export interface PublishSession {
  readonly position: number;
  /** Publishes what comes next; null where there is nothing that can be published just now. */
  step(): Promise<Published | null>;
  close(): Promise<void>;
}

/** What a step has published, and up to which position of the stream. */
export type Published = Readonly<{ position: number; messages: number; facts: number }>;

type Session = Readonly<{
  publisher: TopicPublisher;
  context: PublishContext;
  counts: SubjectCounts;
  republish: Republish;
}> & { checkpoint: PublisherCheckpoint; isThorough: boolean };

/** @throws StreamForked, LedgerMismatch, FormatTooNew, and engine errors as they come. */
export async function openSession(options: SessionOptions): Promise<PublishSession> {
  const { ledger, stream, catalogue, publisher, limits = LIMITS } = options;
  const checkpoint = parseCheckpoint(publisher.checkpoint, ledger);
  // Before anything is counted: another stream must not be counted.
  await readOnward(stream, checkpoint, 0);
  const log = createActivationLog(stream);
  await log.refresh();
  const counts = await openSubjectCounts({ catalogue, stream }, checkpoint);
  const readers = openReaders(catalogue);
  const context = { stream, catalogue, readers, log, limits };
  const republish = createRepublish(checkpoint.models);
  const session: Session = { publisher, context, counts, republish, checkpoint, isThorough: true };
  return {
    get position() {
      return session.checkpoint.position;
    },
    step: () => takeStep(session),
    close: async () => {
      await counts.close();
      await readers.close();
    },
  };
}

async function takeStep(session: Session): Promise<Published | null> {
  const { context, checkpoint, isThorough } = session;
  const { ready, isWaiting, begun } = await findSwitches(context, checkpoint, isThorough);
  for (const { model, version } of begun) {
    session.checkpoint = withModel(session.checkpoint, model, { version });
  }
  const [first] = ready;
  if (first !== undefined) return publishSwitch(session, first);
  if (isWaiting) return null;
  session.isThorough = false;
  const republished = await republishResumed(session);
  if (republished !== null) return republished;
  const batch = await readBatch(session.context, session.checkpoint);
  return batch && publishBatch(session, batch);
}

async function publishBatch(session: Session, batch: Batch): Promise<Published | null> {
  const { publisher, context, counts, checkpoint } = session;
  const { events } = batch;
  const last = events.at(-1);
  if (last === undefined) return null;
  const { position, hash } = last;
  const numbers = await counts.number(events);
  const records = batchMessages(batch, checkpoint, numbers);
  let next: PublisherCheckpoint = { ...checkpoint, position, hash };
  for (const model of MODEL_NAMES) {
    const stopped = (batch.stopped[model] ?? []).filter((one) => one.position <= position);
    const { republishFrom } = checkpoint.models[model];
    const resumed = resumedIn(batch.changes, model);
    next = withModel(next, model, {
      republishFrom: session.republish.note(model, { republishFrom, stopped, resumed }),
    });
  }
  await publisher.publish({ records, checkpoint: formatCheckpoint(next) });
  session.checkpoint = next;
  await counts.commit({ position, hash });
  if (events.some(({ type }) => type === "ModelActivated")) await context.log.refresh();
  return { position, messages: records.length, facts: events.length };
}

/** Where subjects had stopped whose anomaly the changes close. */
function resumedIn(changes: readonly Change[], model: ModelName): readonly number[] {
  return changes
    .filter(({ source, id }) => source.model === model && id.startsWith("stopped:"))
    .map(({ value }) => JSON.parse(value ?? "null") as AnomalyRecord | null)
    .filter((anomaly) => anomaly !== null && anomaly.closed_position !== null)
    .map((anomaly) => Number(anomaly?.opened_position));
}

/** Publishes how the live generation differs from the published one, and that it is the published one now. */
async function publishSwitch(
  session: Session,
  { model, generation, version, published }: GenerationSwitch,
): Promise<Published> {
  const { publisher, context, checkpoint, republish } = session;
  const { position } = checkpoint;
  const live = snapshotsFrom(context, model, { generation, position });
  const isFollowed = version >= FOLLOWED_SINCE;
  const stopped = isFollowed ? await stoppedUpTo(live, position) : [];
  const republishFrom = republish.finish(model, stopped);
  const next = withModel(checkpoint, model, { generation, version, republishFrom });
  const sources = isFollowed ? sourcesOf(model) : [];
  const before = published === null ? null : snapshotsOf(context, model, published);
  async function* changes() {
    yield* recordDifferences({ model, sources, position, published: before, live });
    if (before === null) yield* removedRecords({ publisher, sources, position, live });
  }
  const result = await publishStates(session, { changes: changes(), generation, next });
  context.readers.keepOnly(model, [generation]);
  return result;
}

/** Publishes again what stopped subjects have changed since they went on. */
async function republishResumed(session: Session): Promise<Published | null> {
  const { context, checkpoint, republish } = session;
  const { position, models } = checkpoint;
  for (const model of MODEL_NAMES) {
    const { generation, version, republishFrom } = models[model];
    if (republishFrom === null || version === null || version < FOLLOWED_SINCE) continue;
    const live = snapshotsFrom(context, model, { generation, position });
    const stopped = await stoppedUpTo(live, position);
    republish.note(model, { republishFrom, stopped, resumed: [] });
    if (!republish.isDue(model)) continue;
    const sources = sourcesOf(model);
    const changes = recordsTouched({ sources, from: republishFrom, position, live });
    const next = withModel(checkpoint, model, { republishFrom: republish.finish(model, stopped) });
    return publishStates(session, { changes, generation, next });
  }
  return null;
}

async function stoppedUpTo(
  snapshots: Snapshots,
  position: number,
): Promise<readonly StoppedSubject[]> {
  const stopped = await snapshots(readStopped);
  return stopped.filter((one) => one.position <= position);
}

const snapshotsOf =
  ({ readers }: PublishContext, model: ModelName, generation: number): Snapshots =>
  (read) =>
    readers.snapshot(model, generation, read);

/** A generation that is being built again must not be read before it is back at the position. */
const snapshotsFrom =
  ({ readers }: PublishContext, model: ModelName, at: Readonly<GenerationAt>): Snapshots =>
  (read) =>
    readers.snapshot(model, at.generation, (rows, { position }) => {
      if (position >= at.position) return read(rows);
      throw new ModelUnavailable(
        `generation ${at.generation} of ${model} is at ${position}, and ${at.position} is published: it is being built again`,
      );
    });

type GenerationAt = { generation: number; position: number };

type States = Readonly<{
  changes: AsyncIterable<StateChange>;
  generation: number;
  /** Committed with the last of them. */
  next: PublisherCheckpoint;
}>;

/**
 * Publishes states as of the publisher's position, in as many transactions as it takes. After a crash
 * in between it begins again: the same states a second time change nothing.
 */
async function publishStates(
  session: Session,
  { changes, generation, next }: States,
): Promise<Published> {
  const { publisher, context, checkpoint } = session;
  const { ledger, position } = checkpoint;
  const { limits } = context;
  const [event] = await context.stream.read({ after: position - 1, limit: 1 });
  const provenance = { ledger, position, recordedAt: event?.recorded_at ?? 0n, generation };
  const unchanged = formatCheckpoint(checkpoint);
  let records: TopicRecord[] = [];
  let bytes = 0;
  let messages = 0;
  for await (const change of changes) {
    records.push(stateMessage(change, provenance));
    bytes += change.value?.length ?? 0;
    messages += 1;
    if (records.length < limits.count && bytes < limits.bytes) continue;
    await publisher.publish({ records, checkpoint: unchanged });
    records = [];
    bytes = 0;
  }
  await publisher.publish({ records, checkpoint: formatCheckpoint(next) });
  session.checkpoint = next;
  return { position, messages, facts: 0 };
}
