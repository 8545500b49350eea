import type { DataOf } from "@counterfoil/contracts/fact";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { APPEND_EVENTS_MAX, providerEventId } from "@counterfoil/core/ingest/event";
import { factIdOf } from "@counterfoil/core/ingest/fact-state";
import { retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import { readStored } from "../ingest/delivery.ts";
import { type EventStream, isLastPage } from "../ports/event-stream.ts";
import { eventRecord } from "./events.ts";

export type DeliveryRecord = Readonly<{
  delivery_id: string;
  received: EventRecord;
  facts: EventRecord[];
}>;

export type FindOptions = Readonly<{ translations: Translations; hashing: Hashing }>;

/**
 * A delivery with everything that it caused to be recorded, whenever that was; null where it is not
 * on the stream.
 */
export async function findDelivery(
  stream: EventStream,
  id: string,
  options: FindOptions,
): Promise<DeliveryRecord | null> {
  const received = await findReceived(stream, id);
  if (received === null) return null;
  const caused = new Map<number, RecordedEvent>();
  const note = (event: RecordedEvent) => {
    if (event.causation_id === id) caused.set(event.position, event);
  };
  for await (const event of lyingNear(stream, received, options)) note(event);
  const ids = new Set([...caused.values()].map(factIdOf));
  for (const factId of await factsRead(stream, received, options)) ids.add(factId);
  for (const { event, amendments } of (await stream.findByIds([...ids])).known.values()) {
    for (const each of [event, ...amendments]) note(each);
  }
  caused.delete(received.position);
  const facts = [...caused.values()].sort((a, b) => a.position - b.position).map(eventRecord);
  return { delivery_id: id, received: eventRecord(received), facts };
}

/** Ids of all facts that any translation finds in its bytes; none where those are gone. */
async function factsRead(
  stream: EventStream,
  received: RecordedEvent,
  options: FindOptions,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const version of Object.keys(options.translations.versions)) {
    const reading = await readStored(received, Number(version), { stream, ...options });
    if (!reading?.ok) continue;
    ids.push(...reading.facts.map((fact) => providerEventId(fact, options.hashing)));
  }
  return ids;
}

/** The exact bytes of a delivery: what `sha256` names is gone where they are null. */
export async function findBody(
  stream: EventStream,
  id: string,
): Promise<Readonly<{ sha256: string; bytes: Uint8Array | null }> | null> {
  const received = await findReceived(stream, id);
  if (received === null) return null;
  const { sha256 } = readData(received) as DataOf<"DeliveryReceived">;
  return { sha256, bytes: await stream.body(sha256) };
}

/** A delivery's id is that of its first event. */
async function findReceived(stream: EventStream, id: string): Promise<RecordedEvent | null> {
  const event = (await stream.findByIds([id])).known.get(id)?.event;
  return event?.type === "DeliveryReceived" ? event : null;
}

/**
 * No index leads from a delivery to its facts. They lie behind `DeliveryReceived`, up to
 * `DeliveryCompleted` where it was divided, and beside each retry of a delivery that was
 * quarantined. What lies elsewhere (parts far apart, what a later translation recorded) is found by
 * the identities of what its bytes say.
 */
async function* lyingNear(
  stream: EventStream,
  received: RecordedEvent,
  options: FindOptions,
): AsyncGenerator<RecordedEvent> {
  const { parts = 1 } = readData(received) as DataOf<"DeliveryReceived">;
  let wasQuarantined = false;
  for await (const event of following(stream, received, parts > 1)) {
    wasQuarantined ||= event.type === "DeliveryQuarantined";
    yield event;
  }
  if (!wasQuarantined) return;
  const { known } = await stream.findByIds(
    retryIdsOf(received.id, options.translations.present, options.hashing),
  );
  for (const { event: retry } of known.values()) {
    const after = Math.max(received.position, retry.position - APPEND_EVENTS_MAX);
    yield* between(stream, after, retry.position);
    yield* following(stream, { id: received.id, position: retry.position }, false);
  }
}

async function* between(
  stream: EventStream,
  after: number,
  upTo: number,
): AsyncGenerator<RecordedEvent> {
  for (let last = after; last < upTo; ) {
    const events = await stream.read({ after: last, limit: upTo - last });
    yield* events;
    last = events.at(-1)?.position ?? upTo;
  }
}

const PAGE = 200;
/** How far the parts of a divided delivery may lie apart, other deliveries between them. */
const SEARCHED_MAX = 100_000;

async function* following(
  stream: EventStream,
  { id, position }: Pick<RecordedEvent, "id" | "position">,
  isDivided: boolean,
): AsyncGenerator<RecordedEvent> {
  for (let after = position; after < position + SEARCHED_MAX; ) {
    const events = await stream.read({ after, limit: PAGE });
    for (const event of events) {
      const isCaused = event.causation_id === id;
      if (isCaused) yield event;
      const isEnd = isDivided ? isCaused && event.type === "DeliveryCompleted" : !isCaused;
      if (isEnd) return;
    }
    const last = events.at(-1);
    if (last === undefined || isLastPage(events, PAGE)) return;
    after = last.position;
  }
}
