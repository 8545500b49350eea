import type { TopicRecord } from "@counterfoil/processing/ports/topic-publisher";
import type { Kafka, KafkaMessage } from "kafkajs";
import { readToEnd, wholeTopics } from "../read-to-end.ts";

export type ReadRecord = Readonly<{
  topic: string;
  partition: number;
  key: string;
  value: string | null;
  headers: Readonly<Record<string, string>>;
}>;

/** Everything committed that lies in some topics by now, partition by partition, in order. */
export async function readCommitted(
  kafka: Kafka,
  topics: readonly string[],
): Promise<readonly ReadRecord[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const found: ReadRecord[] = [];
    await readToEnd({
      kafka,
      name: "test",
      parts: await wholeTopics(admin, topics),
      take: (messages, { topic, partition }) => {
        for (const message of messages) found.push({ topic, partition, ...contentOf(message) });
      },
    });
    return found;
  } finally {
    await admin.disconnect();
  }
}

function contentOf({ key, value, headers }: KafkaMessage) {
  const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)]);
  return {
    key: String(key),
    value: value === null ? null : String(value),
    headers: Object.fromEntries(texts) as TopicRecord["headers"],
  };
}
