import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedEvent, mentionsParticipant, participantsIn } from "@counterfoil/core/erasure";
import { completionId } from "@counterfoil/core/ingest/decide-delivery";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { appendDecided } from "./ingest/append-decided.ts";
import { decodeBody } from "./ingest/delivery.ts";
import { NothingThere, type Operating } from "./operator.ts";
import type { EventStream, OutOfReach } from "./ports/event-stream.ts";

/**
 * Erases the bytes of deliveries: first an event is appended, after which no ingestor stores the bytes
 * again, then the bytes are removed. Facts read from them stay, because balances follow from them.
 */

/** The deliveries to erase: one, or all that name a participant. */
export type ErasureTarget = Readonly<{ deliveryId: string }> | Readonly<{ participant: string }>;

/** A delivery with stored bytes that can be erased. */
export type Erasable = Readonly<{
  delivery_id: string;
  position: string;
  sha256: string;
  length: number;
  /** Other participants named in the bytes; null if the bytes cannot be read. */
  others: readonly string[] | null;
  /** Not all facts of the delivery are recorded yet, and the rest can only be read from the bytes. */
  is_needed: boolean;
}>;

/** Whether the bytes may concern other participants; these are erased only on explicit request. */
export const isShared = ({ others }: Erasable): boolean => others === null || others.length > 0;

type FindOptions = Pick<Operating, "stream" | "hashing"> &
  Readonly<{
    signal?: AbortSignal;
    onProgress?: (position: number, head: number) => void;
  }>;

/**
 * Finds the stored bytes of the target, one page of the stream at a time. There is no index from a
 * participant to the bytes that name him, so every body is read to find them.
 *
 * @throws NothingThere if there is no such delivery
 */
export async function* findErasable(
  options: FindOptions,
  target: ErasureTarget,
): AsyncGenerator<readonly Erasable[]> {
  const { stream, signal, onProgress } = options;
  if ("deliveryId" in target) {
    const erasable = await erasableOf(options, await receivedOf(stream, target.deliveryId), null);
    return yield erasable === null ? [] : [erasable];
  }
  const end = (await stream.head()).position;
  const types = ["DeliveryReceived"];
  for (let after = 0; ; ) {
    signal?.throwIfAborted();
    const page = await stream.read({ after, limit: PAGE, types });
    const found: Erasable[] = [];
    for (const event of page.filter(({ position }) => position <= end)) {
      const erasable = await erasableOf(options, event, target.participant);
      if (erasable !== null) found.push(erasable);
    }
    yield found;
    after = page.at(-1)?.position ?? end;
    onProgress?.(Math.min(after, end), end);
    if (after >= end) return;
  }
}

const PAGE = 500;

async function receivedOf(stream: EventStream, id: string): Promise<RecordedEvent> {
  const event = (await stream.findByIds([id])).known.get(id)?.event;
  if (event?.type === "DeliveryReceived") return event;
  throw new NothingThere(
    `there is no delivery "${id}": an event's causation_id names its delivery`,
  );
}

/** @returns null if nothing is stored, or the bytes do not name the participant */
async function erasableOf(
  { stream, hashing }: FindOptions,
  event: RecordedEvent,
  participant: string | null,
): Promise<Erasable | null> {
  if (isTooNew(event)) return null;
  const { sha256, length, parts } = readData(event) as DataOf<"DeliveryReceived">;
  const bytes = await stream.body(sha256);
  if (bytes === null) return null;
  if (participant !== null && !mentionsParticipant(textOf(bytes), participant)) return null;
  const { id: delivery_id, position } = event;
  const completed = completionId(delivery_id, hashing);
  const is_needed =
    parts !== undefined && !(await stream.findByIds([completed])).known.has(completed);
  const others = othersIn(bytes, participant);
  return { delivery_id, position: String(position), sha256, length, others, is_needed };
}

/** The participants named besides the target; without a target, all of them if there are several. */
function othersIn(bytes: Uint8Array, participant: string | null): readonly string[] | null {
  const named = participantsIn(decodeBody(bytes));
  if (named === null) return null;
  if (participant === null) return named.length > 1 ? named : [];
  return named.filter((name) => name !== participant);
}

const lenient = new TextDecoder("utf-8");

/** The text with JSON's `\u` escapes decoded, so that an escaped name is found. */
function textOf(bytes: Uint8Array): string {
  const text = lenient.decode(bytes);
  if (!text.includes("\\u")) return text;
  return text.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

type Erasing = Operating & Readonly<{ note: string; actor: string }>;

/**
 * Records the erasure of these bytes, and removes them. If it is interrupted it has to be repeated,
 * which removes bytes whose erasure is already recorded. With an empty list it still cleans the
 * engine's files of bytes that an interrupted call has removed.
 *
 * @returns the number of newly recorded erasures, and where bytes can remain
 */
export async function eraseBodies(
  options: Erasing,
  erasable: readonly Erasable[],
): Promise<Readonly<{ erased: number; outOfReach: readonly OutOfReach[] }>> {
  const { stream, hashing, note, actor } = options;
  const bySha = new Map(erasable.map((each) => [each.sha256, each]));
  const events = [...bySha.values()].map(({ sha256, length, delivery_id }) =>
    bodyErasedEvent({ sha256, length, delivery_id, note, actor }, hashing),
  );
  const ids = events.map(({ id }) => id);
  const recorded =
    ids.length === 0
      ? []
      : await appendDecided(options, ids, (known) => events.filter(({ id }) => !known.has(id)));
  return { erased: recorded.length, outOfReach: await stream.eraseBodies([...bySha.keys()]) };
}

/** Places out of the service's reach where bytes can remain with any engine. */
export const ALWAYS_OUT_OF_REACH: readonly OutOfReach[] = [
  { where: "backups and copies of the stream's files", until: "they are removed" },
  {
    where: "exports and proofs that were given away, and what was answered over HTTP",
    until: "whoever holds them removes them",
  },
];
