import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { FACT_TOPIC, HEAD_TOPIC, type Topic } from "@counterfoil/contracts/kafka";
import { PUBLISHED_SINCE_VERSION, sourcesOf } from "../changes/change-rows.ts";
import { isEngineError } from "../ports/errors.ts";
import { TopicMisconfigured, type TopicPublisher } from "../ports/topics.ts";
import type { PublishContext } from "./batch.ts";
import { type Live, recordDifferences, snapshotsFrom } from "./republish.ts";
import {
  formatCheckpoint,
  type PublisherCheckpoint,
  REPUBLISH_ALL,
  withModel,
} from "./topic-format.ts";

/**
 * Topics that were deleted after they had been published to. Opening creates them anew, empty, and what
 * does not change later would be missing from them for good.
 */

/**
 * Facts have numbers and an order, so they cannot be published again beside states that follow from them.
 *
 * @throws TopicMisconfigured if facts were published to a topic that was deleted since
 */
export function checkFactsAreThere(
  { position, stopped }: PublisherCheckpoint,
  { unwritten }: TopicPublisher,
): void {
  const isPublished = position > 0 && stopped.every(({ topic }) => topic !== FACT_TOPIC);
  if (!isPublished || !unwritten.has(FACT_TOPIC)) return;
  throw new TopicMisconfigured(
    `the topic of facts is empty, and facts up to position ${position} were published to it: it was deleted. Delete all topics of this prefix, the publisher's own too, and everything is published again; or publish under another topic prefix`,
  );
}

/**
 * Notes in the checkpoint what has to be published again because its topic was deleted and created
 * anew. It is committed before anything is written to that topic, so that a crash does not lose it.
 */
export async function restoreLost(
  context: PublishContext,
  checkpoint: PublisherCheckpoint,
  publisher: TopicPublisher,
): Promise<PublisherCheckpoint> {
  const { unwritten } = publisher;
  const lost = await lostRecords(context, checkpoint, unwritten);
  const areHeadsLost = checkpoint.heads > 0 && unwritten.has(HEAD_TOPIC);
  if (lost.length === 0 && !areHeadsLost) return checkpoint;
  const heads = areHeadsLost ? 0 : checkpoint.heads;
  const next = lost.reduce(
    (noted, model) => withModel(noted, model, { republishFrom: REPUBLISH_ALL }),
    { ...checkpoint, heads },
  );
  await publisher.publish({ records: [], checkpoint: formatCheckpoint(next) });
  return next;
}

/**
 * Finds the models with records that were published to a topic to which nothing was ever written: it was
 * deleted and created anew. Most topics without records have just not had one yet.
 */
async function lostRecords(
  context: PublishContext,
  { position, models }: PublisherCheckpoint,
  unwritten: ReadonlySet<Topic>,
): Promise<readonly ModelName[]> {
  const lost: ModelName[] = [];
  for (const model of modelName.options) {
    const { generation, version } = models[model];
    if (version === null || version < PUBLISHED_SINCE_VERSION) continue;
    const sources = sourcesOf(model).filter(({ topic }) => unwritten.has(topic));
    const live = snapshotsFrom(context, model, { generation, position });
    if (await hasRecord({ sources, position, live })) lost.push(model);
  }
  return lost;
}

/** Also true if the rows cannot be read now: publishing once too often harms nobody. */
async function hasRecord(live: Live): Promise<boolean> {
  try {
    const { done } = await recordDifferences(live, null).next();
    return done !== true;
  } catch (error) {
    if (isEngineError(error)) return true;
    throw error;
  }
}
