import { isDeepStrictEqual } from "node:util";
import type { TopicRecord } from "@counterfoil/processing/ports/topics";
import type { KafkaMessage } from "kafkajs";
import type { Client } from "../client.ts";
import { type Part, readToEnd, wholeTopics } from "../read-to-end.ts";

type ReadRecord = Readonly<{
  topic: string;
  partition: number;
  key: string;
  value: string | null;
  headers: Readonly<Record<string, string>>;
}>;

/**
 * Reads all committed records of some topics, partition by partition, in order. A commit is acknowledged
 * before its markers are written, and until then the topics seem to end before it. So the read is
 * repeated until the topics' ends are the same before and after it.
 */
export async function readCommitted(
  kafka: Client,
  topics: readonly string[],
): Promise<readonly ReadRecord[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    let parts = await wholeTopics(admin, topics);
    for (;;) {
      const found = await readParts(kafka, parts);
      const now = await wholeTopics(admin, topics);
      if (isDeepStrictEqual(now, parts)) return found;
      parts = now;
    }
  } finally {
    await admin.disconnect();
  }
}

async function readParts(kafka: Client, parts: readonly Part[]): Promise<readonly ReadRecord[]> {
  const found: ReadRecord[] = [];
  await readToEnd({
    kafka,
    name: "test",
    parts,
    onPage: (messages, { topic, partition }) => {
      for (const message of messages) found.push({ topic, partition, ...contentOf(message) });
    },
  });
  return found;
}

function contentOf({ key, value, headers }: KafkaMessage) {
  const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)]);
  return {
    key: String(key),
    value: value === null ? null : String(value),
    headers: Object.fromEntries(texts) as TopicRecord["headers"],
  };
}
