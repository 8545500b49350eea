import type { AnomalyRecord } from "@counterfoil/contracts/record";
import type { HeldState, TopicPublisher } from "../ports/topic-publisher.ts";
import type { StateChange } from "./message.ts";
import type { Snapshots } from "./record-differences.ts";
import { recordsAt, type Source } from "./source.ts";

export type Removed = Readonly<{
  publisher: Pick<TopicPublisher, "readStates">;
  sources: readonly Source[];
  /** Records are compared as they were at this position. */
  position: number;
  live: Snapshots;
}>;

/**
 * Tombstones for records that are on the topics and not in the live generation. The generation that
 * published them may have been dropped long ago, by pruning or by hand.
 */
export async function* removedRecords({ publisher, sources, ...at }: Removed) {
  for (const source of sources) {
    const gone = await goneFrom(publisher, source, at);
    for (const key of gone) yield { topic: source.topic, key, value: null } satisfies StateChange;
  }
}

type At = Pick<Removed, "position" | "live">;

/** Keys on the topic without a record of the live generation; only these are kept in memory. */
async function goneFrom(
  publisher: Removed["publisher"],
  source: Source,
  { position, live }: At,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  await publisher.readStates(source.topic, async (states) => {
    const ofModel = states.filter((state) => isOf(source, state));
    const ids = [...new Set(ofModel.map(({ key }) => key))];
    const now = await live((rows) => recordsAt(rows, source, { ids, position }));
    const missing = new Set(ofModel.filter(({ key }) => (now.get(key) ?? null) === null));
    for (const state of states) {
      if (missing.has(state)) gone.add(state.key);
      else gone.delete(state.key);
    }
  });
  return gone;
}

/** All models share the topic of anomalies. After a tombstone there is nothing to remove. */
function isOf({ model, topic }: Source, { value }: HeldState): boolean {
  if (value === null) return false;
  return topic !== "anomalies" || (JSON.parse(value) as AnomalyRecord).model === model;
}
