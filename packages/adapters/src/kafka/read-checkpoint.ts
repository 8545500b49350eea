import type { Admin, Kafka, KafkaMessage } from "kafkajs";
import { asPort } from "./kafka-error.ts";
import { readToEnd, wholeTopics } from "./read-to-end.ts";

/** How many offsets before the end are read first; then ten times as many, and so on. */
const READ_BACK = 200n;

/**
 * The last committed record of a topic that has one partition and no other writer; null where there
 * is none.
 *
 * @throws TopicsUnavailable
 */
export async function readCheckpoint(
  kafka: Kafka,
  admin: Admin,
  topic: string,
): Promise<KafkaMessage | null> {
  const asking = "asking where the checkpoints end";
  const [whole] = await asPort(asking, () => wholeTopics(admin, [topic]));
  if (whole === undefined) return null;
  const { from: low, end } = whole;
  let last: KafkaMessage | null = null;
  for (let back = READ_BACK; last === null && low < end; back *= 10n) {
    const isWhole = end - back <= low;
    const from = isWhole ? low : end - back;
    const take = (messages: readonly KafkaMessage[]) => {
      last = messages.at(-1) ?? last;
    };
    const parts = [{ ...whole, from }];
    const reading = "reading the last checkpoint";
    await asPort(reading, () => readToEnd({ kafka, name: topic, parts, take }));
    if (isWhole) break;
  }
  return last;
}
