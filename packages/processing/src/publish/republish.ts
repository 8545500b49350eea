import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { ModelUnavailable } from "../ports/errors.ts";
import type { GenerationInfo } from "../ports/model-store.ts";
import type { TopicPublisher, TopicRecord } from "../ports/topic-publisher.ts";
import type { StoppedSubject } from "../projection/projection.ts";
import { formatCheckpoint, type PublisherCheckpoint, withModel } from "./checkpoint.ts";
import type { PublishContext, Published } from "./context.ts";
import { type StateChange, stateMessage } from "./message.ts";
import { isBuiltAfter, readStopped } from "./model-changes.ts";
import {
  recordDifferences,
  recordsTouched,
  removedRecords,
  type Snapshots,
} from "./record-differences.ts";
import { FOLLOWED_SINCE, sourcesOf } from "./source.ts";
import type { StoppedWatch } from "./stopped-subjects.ts";

/** What is published again, by whom and from where. */
export type Republishing = Readonly<{
  publisher: TopicPublisher;
  context: PublishContext;
  checkpoint: PublisherCheckpoint;
  stopped: StoppedWatch;
}>;

/** What was published again, and the checkpoint that was committed with it. */
export type Republished = Readonly<{ published: Published; checkpoint: PublisherCheckpoint }>;

/** One generation has been published, and another one is live at the publisher's position. */
export type GenerationSwitch = Readonly<{
  model: ModelName;
  generation: number;
  version: number;
  /**
   * The generation that has been published; null where its rows are gone, so that the topics alone
   * say what was published.
   */
  published: number | null;
}>;

type Switches = Readonly<{
  /** Those that can be made. */
  ready: readonly GenerationSwitch[];
  /** Whether a live generation has not been built up to the publisher's position. */
  isWaiting: boolean;
  /** Generations whose rows are published for the first time, with their version. */
  begun: readonly Readonly<{ model: ModelName; version: number }>[];
}>;

/**
 * Compares what has been published with what is live at the publisher's position.
 *
 * @param isThorough also where the number is the same: a program of another version may have built
 *   its rows again while no publisher ran.
 */
export async function findSwitches(
  context: PublishContext,
  { position, models }: PublisherCheckpoint,
  isThorough: boolean,
): Promise<Switches> {
  const ready: GenerationSwitch[] = [];
  const begun: { model: ModelName; version: number }[] = [];
  let isWaiting = false;
  for (const model of modelName.options) {
    const live = context.log.liveAt(model, position);
    const published = models[model];
    const isSame = live.generation === published.generation;
    if (isSame && published.version !== null && !isThorough) continue;
    const known = await context.catalogue.generations(model);
    const found = known.find(({ generation }) => generation === live.generation);
    if (isSame && found?.modelVersion === published.version) continue;
    if (isSame && (found === undefined || published.version === null)) {
      // A generation that was skipped is not taken up in the middle.
      const isNew = found !== undefined && live.position === position;
      if (isNew) begun.push({ model, version: found.modelVersion });
      continue;
    }
    if (found !== undefined && found.checkpoint.position >= position) {
      const { generation, modelVersion: version } = found;
      ready.push({ model, generation, version, published: publishedRows(known, published) });
      continue;
    }
    await context.log.refresh();
    // One that nobody will build any further is skipped: the one after it is published.
    if (!(await isBuiltAfter(context, model, position))) isWaiting = true;
  }
  return { ready, isWaiting, begun };
}

/** The published generation, where its rows are still those that were published. */
function publishedRows(
  known: readonly GenerationInfo[],
  { generation, version }: PublisherCheckpoint["models"][ModelName],
): number | null {
  if (version === null || version < FOLLOWED_SINCE) return null;
  const found = known.find((other) => other.generation === generation);
  return found?.modelVersion === version ? generation : null;
}

/** Publishes how the live generation differs from the published one, which it then takes the place of. */
export async function publishSwitch(
  at: Republishing,
  { model, generation, version, published }: GenerationSwitch,
): Promise<Republished> {
  const { publisher, context, checkpoint } = at;
  const { position } = checkpoint;
  const live = snapshotsFrom(context, model, { generation, position });
  const isFollowed = version >= FOLLOWED_SINCE;
  const found = isFollowed ? await stoppedUpTo(live, position) : [];
  const republishFrom = at.stopped.finish(model, found);
  const next = withModel(checkpoint, model, { generation, version, republishFrom });
  const sources = isFollowed ? sourcesOf(model) : [];
  const before = published === null ? null : snapshotsOf(context, model, published);
  async function* changes() {
    yield* recordDifferences({ model, sources, position, published: before, live });
    if (before === null) yield* removedRecords({ publisher, sources, position, live });
  }
  const result = await publishStates(at, { changes: changes(), generation, next });
  context.readers.keepOnly(model, [generation]);
  return result;
}

/** Publishes again what stopped subjects have changed since they went on. */
export async function republishResumed(at: Republishing): Promise<Republished | null> {
  const { context, checkpoint, stopped } = at;
  const { position, models } = checkpoint;
  for (const model of modelName.options) {
    const { generation, version, republishFrom } = models[model];
    if (republishFrom === null || version === null || version < FOLLOWED_SINCE) continue;
    const live = snapshotsFrom(context, model, { generation, position });
    const found = await stoppedUpTo(live, position);
    stopped.note(model, { republishFrom, stopped: found, resumed: [] });
    if (!stopped.isDue(model)) continue;
    const sources = sourcesOf(model);
    const changes = recordsTouched({ sources, from: republishFrom, position, live });
    const next = withModel(checkpoint, model, { republishFrom: stopped.finish(model, found) });
    return publishStates(at, { changes, generation, next });
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
  { publisher, context, checkpoint }: Republishing,
  { changes, generation, next }: States,
): Promise<Republished> {
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
  return { published: { position, messages, facts: 0 }, checkpoint: next };
}
