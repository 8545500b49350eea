import type { Topic } from "@counterfoil/contracts/kafka";
import type { IHeaders, KafkaMessage } from "kafkajs";
import type { RawMessage } from "./message.ts";

/** A message of kafkajs as text. */
export function rawMessage(
  topic: Topic,
  partition: number,
  { key, value, offset, headers = {} }: KafkaMessage,
): RawMessage {
  return {
    topic,
    partition,
    offset,
    key: key?.toString() ?? "",
    value: value === null ? null : value.toString(),
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, text]) => {
        const first = firstOf(text);
        return first === undefined ? [] : [[name, first.toString()]];
      }),
    ),
  };
}

const firstOf = (text: IHeaders[string]) => (Array.isArray(text) ? text[0] : text);
