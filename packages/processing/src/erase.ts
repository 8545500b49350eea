import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedEvent, isAbout, participantsIn } from "@counterfoil/core/erasure";
import { completionId } from "@counterfoil/core/ingest/decide-delivery";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { appendDecided } from "./ingest/append-decided.ts";
import { decodeBody } from "./ingest/delivery.ts";
import { NothingThere, type Operating } from "./operator.ts";
import type { EventStream, OutOfReach } from "./ports/event-stream.ts";

/**
 * Erases the bytes of deliveries: first the event that says so, from which on no ingestor stores them
 * again, and then the bytes. What was read from them stays, since balances follow from it.
 */

/** Whose bytes: of one delivery, or of every one that names a participant. */
export type ErasureTarget = Readonly<{ deliveryId: string }> | Readonly<{ participant: string }>;

/** The bytes of a delivery that are meant. */
export type Erasable = Readonly<{
  delivery_id: string;
  position: string;
  sha256: string;
  length: number;
  /** Whom they name beside the one who is meant; null where nobody can read it. */
  others: readonly string[] | null;
  /** Not every fact of the delivery is recorded yet, and the rest can come from the bytes alone. */
  is_needed: boolean;
}>;

/** Bytes that concern others too, or may: these go only where a person has said so. */
export const isShared = ({ others }: Erasable): boolean => others === null || others.length > 0;

export type LookingUp = Pick<Operating, "stream" | "hashing"> &
  Readonly<{
    signal?: AbortSignal;
    onProgress?: (position: number, head: number) => void;
  }>;

/**
 * What is stored still of the target's bytes, page by page of the stream. No index leads from a
 * participant to all bytes that name him, so for one every body is read.
 *
 * @throws NothingThere where there is no such delivery
 */
export async function* findErasable(
  options: LookingUp,
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

/** Null where nothing is stored, or it does not name the participant. */
async function erasableOf(
  { stream, hashing }: LookingUp,
  event: RecordedEvent,
  participant: string | null,
): Promise<Erasable | null> {
  if (isTooNew(event)) return null;
  const { sha256, length, parts } = readData(event) as DataOf<"DeliveryReceived">;
  const bytes = await stream.body(sha256);
  if (bytes === null) return null;
  if (participant !== null && !isAbout(textOf(bytes), participant)) return null;
  const { id: delivery_id, position } = event;
  const completed = completionId(delivery_id, hashing);
  const is_needed =
    parts !== undefined && !(await stream.findByIds([completed])).known.has(completed);
  const others = othersIn(bytes, participant);
  return { delivery_id, position: String(position), sha256, length, others, is_needed };
}

/** One participant alone is nobody's other; who is meant is not one of the others. */
function othersIn(bytes: Uint8Array, participant: string | null): readonly string[] | null {
  const named = participantsIn(decodeBody(bytes));
  if (named === null) return null;
  if (participant === null) return named.length > 1 ? named : [];
  return named.filter((name) => name !== participant);
}

const lenient = new TextDecoder("utf-8");

/** As text in which a name is found also where JSON spells a letter of it as an escape. */
function textOf(bytes: Uint8Array): string {
  const text = lenient.decode(bytes);
  if (!text.includes("\\u")) return text;
  return text.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

export type Erasing = Operating & Readonly<{ note: string; actor: string }>;

/**
 * Records that these bytes are erased, and removes them. Stopped in between it is to be done once
 * more: what is recorded already is removed then. With none it still sees to it that no file of the
 * engine holds what an earlier call, which was stopped, has removed.
 *
 * @returns how many were not recorded as erased before, and where bytes may lie still
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

/** Where every engine's bytes may lie, out of reach of the service. */
export const ALWAYS_OUT_OF_REACH: readonly OutOfReach[] = [
  { where: "backups and copies of the stream's files", until: "they are removed" },
  {
    where: "exports and proofs that were given away, and what was answered over HTTP",
    until: "whoever holds them removes them",
  },
];
