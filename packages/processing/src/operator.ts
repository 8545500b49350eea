import type { DataOf, FactType } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord, RetryRecord } from "@counterfoil/contracts/operations-record";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedEvent, isAbout, participantsIn } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { completionId } from "@counterfoil/core/ingest/decide-delivery";
import { newEvent } from "@counterfoil/core/ingest/event";
import { dismissalId, retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import { appendContended, appendDecided, type Contender } from "./ingest/append-decided.ts";
import { decodeBody } from "./ingest/delivery.ts";
import { retryQuarantined } from "./ingest/retranslate.ts";
import type { EventStream, OutOfReach } from "./ports/event-stream.ts";
import { findInModels } from "./queries/anomalies.ts";
import type { StuckRule } from "./queries/anomaly-record.ts";
import type { Platform } from "./queries/platform.ts";
import { findQuarantined } from "./queries/quarantine.ts";
import type { ServedModels } from "./queries/serving.ts";

/** What persons do, as events: who did it, and why. */
type Operating = Contender & Readonly<{ hashing: Hashing }>;

/** A person's word on something that he names by its id. */
export type Word = Readonly<{ id: string; note: string; actor: string }>;

/** What was to be acknowledged or dismissed is not there. */
export class NothingThere extends Error {
  override readonly name = "NothingThere";
}

/** It needs nobody any more. */
export class AlreadyClosed extends Error {
  override readonly name = "AlreadyClosed";
}

/** Records that somebody starts something, before it begins. @returns its position */
export function recordAction(
  operating: Operating,
  { action, target, actor }: DataOf<"OperatorActed">,
): Promise<number> {
  const data = { action, ...(target === undefined ? {} : { target }), actor };
  return appendActed(operating, "OperatorActed", [action, target ?? null], data);
}

type Acknowledging = Operating &
  Readonly<{
    models: Pick<ServedModels, "snapshot">;
    rule: StuckRule;
    /** Whose anomalies there are for who acts. */
    platform: Platform;
  }>;

/**
 * Says that somebody knows of an anomaly, as it is now: it is shown behind the others, and `status`
 * asks nobody to look at it until it changes.
 *
 * @returns the position of the event; the model shows it once it has got there
 * @throws NothingThere, AlreadyClosed
 */
export async function acknowledgeAnomaly(
  { models, rule, platform, ...operating }: Acknowledging,
  { id, note, actor }: Word,
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
 * Says that a quarantined delivery needs nobody: it leaves the lists and the counts, until one more
 * attempt to read it fails.
 *
 * @returns the delivery with that; unchanged where it was dismissed before
 * @throws NothingThere, AlreadyClosed
 */
export async function dismissQuarantined(
  options: Dismissing,
  { id, note, actor }: Word,
): Promise<QuarantinedRecord> {
  const { stream, hashing, translations } = options;
  const before = await findQuarantined(stream, id, options);
  if (before === null) throw nothingThere(id);
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
  if (after === null) throw nothingThere(id);
  return after;
}

/**
 * Reads a quarantined delivery once more, with the present translation.
 *
 * @returns what came of it, and where the stream was after it
 * @throws NothingThere, AlreadyClosed
 */
export async function retryForOperator(
  options: Dismissing,
  { id, actor }: Omit<Word, "note">,
): Promise<RetryRecord & Readonly<{ position: number }>> {
  const delivery = await findQuarantined(options.stream, id, options);
  if (delivery === null) throw nothingThere(id);
  if (delivery.resolved_position !== null) {
    throw new AlreadyClosed(`delivery ${id} was read at position ${delivery.resolved_position}`);
  }
  await recordAction(options, { action: "retry", target: id, actor });
  const { outcome, detail } = await retryQuarantined(delivery, options);
  return { delivery_id: id, outcome, detail, position: (await options.stream.head()).position };
}

const nothingThere = (id: string) =>
  new NothingThere(`no delivery "${id}" is in quarantine: \`quarantine list\` shows which are`);

type Acted = "OperatorActed" | "AnomalyAcknowledged";

/** Appends what somebody did, wherever the stream has got to. */
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
    // The same may be done again: the place tells the two apart.
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

type LookingUp = Pick<Operating, "stream" | "hashing"> &
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

type Erasing = Operating & Readonly<{ note: string; actor: string }>;

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
