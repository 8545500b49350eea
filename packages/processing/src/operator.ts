import type { DataOf, FactType } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord, RetryRecord } from "@counterfoil/contracts/operations-record";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedEvent, mentionsParticipant, participantsIn } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { completionId } from "@counterfoil/core/ingest/decide-delivery";
import { newEvent } from "@counterfoil/core/ingest/event";
import { dismissalId, retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import { appendContended, appendDecided, type ConcurrentWriter } from "./ingest/append-decided.ts";
import { decodeBody } from "./ingest/delivery.ts";
import { retryQuarantined } from "./ingest/retry-quarantined.ts";
import type { EventStream, OutOfReach } from "./ports/event-stream.ts";
import type { ReadLarge } from "./ports/ingest.ts";
import { findInModels } from "./queries/anomalies.ts";
import type { StuckRule } from "./queries/anomaly-record.ts";
import type { Platform } from "./queries/platform.ts";
import { findQuarantined } from "./queries/quarantine.ts";
import type { ServedModels } from "./queries/serving.ts";

/** Operators' actions, which are recorded as events with the actor and a note. */
type Operating = ConcurrentWriter & Readonly<{ hashing: Hashing }>;

/** An operator's note on something named by its id. */
export type OperatorNote = Readonly<{ id: string; note: string; actor: string }>;

/** The anomaly or delivery does not exist. */
export class NothingThere extends Error {
  override readonly name = "NothingThere";
}

/** The anomaly or delivery needs no action any more. */
export class AlreadyClosed extends Error {
  override readonly name = "AlreadyClosed";
}

type Action = Omit<DataOf<"OperatorActed">, "target"> & Readonly<{ target?: string | undefined }>;

/** Records an operator's action before it starts. @returns the event's position */
export function recordAction(
  operating: Operating,
  { action, target, actor }: Action,
): Promise<number> {
  const data = { action, ...(target === undefined ? {} : { target }), actor };
  return appendActed(operating, "OperatorActed", [action, target ?? null], data);
}

type Acknowledging = Operating &
  Readonly<{
    models: Pick<ServedModels, "snapshot">;
    rule: StuckRule;
    /** The platform whose anomalies the operator may see. */
    platform: Platform;
  }>;

/**
 * Acknowledges an anomaly in its current state: it is listed after the others, and `status` does not
 * ask for attention until it changes.
 *
 * @returns the position of the event; the model shows it once it has projected it
 * @throws NothingThere, AlreadyClosed
 */
export async function acknowledgeAnomaly(
  { models, rule, platform, ...operating }: Acknowledging,
  { id, note, actor }: OperatorNote,
): Promise<number> {
  const found = await findInModels(models, { id, rule, platform });
  if (found === null) {
    throw new NothingThere(`there is no anomaly "${id}": \`anomalies list\` shows which are`);
  }
  const { position, record } = found;
  const { model, closed_position } = record;
  if (closed_position !== null) {
    throw new AlreadyClosed(`anomaly "${id}" was closed at position ${closed_position}`);
  }
  await recordAction(operating, { action: "acknowledge", target: id, actor });
  const data = { anomaly_id: id, model, as_of: String(position), note, actor };
  return appendActed(operating, "AnomalyAcknowledged", [model, id], data);
}

type Dismissing = Operating & Readonly<{ translations: Translations }>;

/**
 * Dismisses a quarantined delivery: it leaves the lists and the counts until another attempt to read
 * it fails.
 *
 * @returns the dismissed delivery; unchanged if it was dismissed before
 * @throws NothingThere, AlreadyClosed
 */
export async function dismissQuarantined(
  options: Dismissing,
  { id, note, actor }: OperatorNote,
): Promise<QuarantinedRecord> {
  const { stream, hashing, translations } = options;
  const before = await findQuarantined(stream, id, options);
  if (before === null) throw notQuarantined(id);
  if (before.resolved_position !== null) {
    throw new AlreadyClosed(`delivery ${id} was read at position ${before.resolved_position}`);
  }
  if (before.acknowledged_at !== null) return before;
  await recordAction(options, { action: "dismiss", target: id, actor });
  const retries = retryIdsOf(id, translations.present, hashing);
  const dismissals = [null, ...retries].map((_, at) => dismissalId(id, at + 1, hashing));
  await appendDecided(options, [...retries, ...dismissals], (known) => {
    const attempts = 1 + retries.filter((retry) => known.has(retry)).length;
    const eventId = dismissalId(id, attempts, hashing);
    if (known.has(eventId)) return [];
    const data = { delivery_id: id, attempts, note, actor };
    return [actedEvent("QuarantineDismissed", data, eventId, `delivery:${id}`)];
  });
  const after = await findQuarantined(stream, id, options);
  if (after === null) throw notQuarantined(id);
  return after;
}

/**
 * Reads a quarantined delivery again with the current translation.
 *
 * @returns the result, and the head position after it
 * @throws NothingThere, AlreadyClosed
 */
export async function retryForOperator(
  options: Dismissing & Readonly<{ readLarge?: ReadLarge }>,
  { id, actor }: Omit<OperatorNote, "note">,
): Promise<RetryRecord & Readonly<{ position: number }>> {
  const delivery = await findQuarantined(options.stream, id, options);
  if (delivery === null) throw notQuarantined(id);
  if (delivery.resolved_position !== null) {
    throw new AlreadyClosed(`delivery ${id} was read at position ${delivery.resolved_position}`);
  }
  await recordAction(options, { action: "retry", target: id, actor });
  const retried = await retryQuarantined(delivery, options);
  return { ...retried, position: (await options.stream.head()).position };
}

export const notQuarantined = (id: string): NothingThere =>
  new NothingThere(`no delivery "${id}" is in quarantine: \`quarantine list\` shows which are`);

type Acted = "OperatorActed" | "AnomalyAcknowledged";

/** Appends an operator's action at the head of the stream. */
async function appendActed<Type extends Acted>(
  options: Operating,
  type: Type,
  about: readonly (string | null)[],
  data: DataOf<Type>,
): Promise<number> {
  const { stream, hashing } = options;
  let appended = 0;
  await appendContended(options, async () => {
    const { position } = await stream.head();
    // The position makes the id of a repeated action unique.
    const id = eventId([type, ...about, String(position)], hashing);
    const event = actedEvent(type, data, id, "ledger");
    const result = await stream.append(position, [event], [], new Set([id]));
    if (result.outcome === "appended") appended = result.head.position;
    return result.outcome;
  });
  return appended;
}

function actedEvent<Type extends FactType>(
  type: Type,
  data: DataOf<Type>,
  id: string,
  subject: string,
): NewEvent {
  return newEvent({ type, data } as never, { id, subject }, NO_CAUSE);
}

const NO_CAUSE = { deliveryId: null, correlationId: null };

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
