/** A message as the client takes it. */
export type KafkaMessage = Readonly<{
  key: string;
  value: string | null;
  headers: Readonly<Record<string, string>>;
}>;

/** What stands around the records of a batch on the wire and on disk. */
export const BATCH_HEADER_BYTES = 61;

/** What a record takes besides where it is not the first, in a batch of fewer than 8,192. */
export const FOLLOWER_BYTES = 1;

/** Bytes that a record takes (record format version 2) as the first of its batch. */
export function recordBytes({ key, value, headers }: KafkaMessage): number {
  const entries = Object.entries(headers);
  const body =
    ATTRIBUTES +
    TIME_DIFFERENCE +
    OFFSET_DIFFERENCE +
    sizedBytes(key) +
    (value === null ? 1 : sizedBytes(value)) +
    varintBytes(entries.length) +
    entries.reduce((sum, [name, text]) => sum + sizedBytes(name) + sizedBytes(text), 0);
  return varintBytes(body) + body;
}

const ATTRIBUTES = 1;
const TIME_DIFFERENCE = 1;
const OFFSET_DIFFERENCE = 1;

function sizedBytes(text: string): number {
  const bytes = Buffer.byteLength(text);
  return varintBytes(bytes) + bytes;
}

/** Zigzag: a length takes one bit more than it says. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value * 2; left >= 128; left = Math.floor(left / 128)) bytes += 1;
  return bytes;
}
