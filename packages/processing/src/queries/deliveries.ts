import type { ErasureRecord } from "@counterfoil/contracts/audit";
import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { APPEND_EVENTS_MAX, providerEventId } from "@counterfoil/core/ingest/event";
import { factIdOf } from "@counterfoil/core/ingest/fact-state";
import { retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import { arrivalOf, bytesOf } from "../ingest/delivery.ts";
import { readLarge } from "../ingest/large-reading.ts";
import { type EventStream, isLastPage } from "../ports/event-stream.ts";
import { eventFor, eventRecord, namesOthers, type Standing, type Standings } from "./events.ts";

type DeliveryRecord = Readonly<{
  delivery_id: string;
  received: EventRecord;
  facts: EventRecord[];
  /** The delivery caused more events than `facts` shows. */
  has_more: boolean;
  erased: ErasureRecord | null;
}>;

export type FindOptions = Readonly<{ translations: Translations; hashing: Hashing }>;

/** `standings`: the platform's view of deliveries; null shows all of them. */
export type DeliveryQuery = FindOptions & Readonly<{ standings: Standings | null }>;

/**
 * A delivery with the events that it caused, whenever they were recorded, or the first of very many; null
 * if it is not on the stream or not visible.
 */
export async function findDelivery(
  stream: EventStream,
  id: string,
  query: DeliveryQuery,
): Promise<DeliveryRecord | null> {
  const received = await findReceived(stream, id);
  if (received === null) return null;
  const { standings } = query;
  const { first, hasMore, whole } = await readDelivery(stream, received, query, SHOWN_MAX);
  const record = { delivery_id: id, received: eventRecord(received), has_more: hasMore };
  if (standings === null) {
    const erased = await erasureOf(stream, received, query);
    return { ...record, facts: first.map(eventRecord), erased };
  }
  if (whole === "outside") return null;
  const { platform } = standings;
  return {
    ...record,
    received: receivedFor(record.received, platform, whole),
    facts: first.map((event) => eventFor(eventRecord(event), platform)),
    // An operator's note may mention other platforms.
    erased: null,
  };
}

/** A snapshot causes as many events as there are accounts. */
const SHOWN_MAX = 1_000;

/** How much of a delivery is visible to the platform; everything if no platform is given. */
export async function partOfDelivery(
  stream: EventStream,
  received: RecordedEvent,
  query: DeliveryQuery,
): Promise<Whole> {
  if (query.standings === null) return "inside";
  return (await readDelivery(stream, received, query, 0)).whole;
}

async function erasureOf(
  stream: EventStream,
  received: RecordedEvent,
  { hashing }: FindOptions,
): Promise<ErasureRecord | null> {
  const { sha256 } = readData(received) as DataOf<"DeliveryReceived">;
  return (await findErasures(stream, [sha256], hashing)).get(sha256) ?? null;
}

/** `part`: some of the delivery is the platform's, and some is not. */
export type Whole = "inside" | "part" | "outside";

/** If the bytes hold others' facts, their digest and length would reveal something about these. */
function receivedFor(received: EventRecord, platform: string, whole: Whole): EventRecord {
  const shown = eventFor(received, platform);
  if (whole === "inside") return shown;
  const { sha256: _, length: _length, parts: _parts, ...data } = shown.data;
  return { ...shown, data };
}

type DeliveryRead = Readonly<{
  /** The first of the visible events that the delivery caused, in order. */
  first: readonly RecordedEvent[];
  hasMore: boolean;
  whole: Whole;
}>;

/**
 * Reads what a delivery caused, and the facts in its bytes, part by part, until the first events and what a
 * platform may see of the whole are known.
 */
async function readDelivery(
  stream: EventStream,
  received: RecordedEvent,
  query: DeliveryQuery,
  shownMax: number,
): Promise<DeliveryRead> {
  const { standings, hashing } = query;
  const events = collectFirst(shownMax);
  const view = createView(standings);
  const isDone = () => events.hasMore() && view.isMixed();
  let isRead = false;

  /** Notes those of the events that the delivery caused. */
  async function note(found: readonly RecordedEvent[]): Promise<void> {
    const caused = found.filter(
      ({ causation_id, position }) =>
        causation_id === received.id && position !== received.position,
    );
    events.add(await view.visibleOf(stream, caused));
  }

  /** The same for facts and their amendments. */
  async function noteFacts(ids: readonly string[]): Promise<void> {
    const { known } = await stream.findByIds([...new Set(ids)]);
    await note([...known.values()].flatMap(({ event, amendments }) => [event, ...amendments]));
  }

  let [isSnapshot, isUnread] = [false, false];
  for await (const page of inPages(eventsNear(stream, received, query), PART)) {
    await note(page);
    isSnapshot ||= page.some((event) => isCompleteSnapshot(event, received, query));
    for (const event of page) isUnread = isUnreadAfter(event, received, isUnread);
    if (isDone()) break;
  }
  if (!isDone()) await noteFacts(events.first().map(factIdOf));
  if (isSnapshot) {
    isRead = (await erasureOf(stream, received, query)) === null;
  } else if (!isUnread && !isDone()) {
    for await (const { facts, isPresent } of factsIn(stream, received, query)) {
      isRead ||= isPresent;
      await view.addFacts(facts);
      await noteFacts(facts.map((fact) => providerEventId(fact, hashing)));
      if (isDone()) break;
    }
  }
  return { first: events.first(), hasMore: events.hasMore(), whole: view.whole(isRead) };
}

/** Whether the delivery is in quarantine after the event: then its bytes state no facts. */
function isUnreadAfter(event: RecordedEvent, { id }: RecordedEvent, before: boolean): boolean {
  if (event.causation_id !== id) return before;
  if (event.type === "DeliveryQuarantined") return true;
  if (event.type !== "QuarantineRetried") return before;
  return (readData(event) as DataOf<"QuarantineRetried">).outcome !== "resolved";
}

/**
 * Whether the event ends a snapshot that the present translation recorded: no other delivery states its
 * facts, so its bytes hold those on the stream and no others.
 */
function isCompleteSnapshot(
  event: RecordedEvent,
  received: RecordedEvent,
  { translations }: FindOptions,
): boolean {
  if (event.type !== "DeliveryCompleted" || event.causation_id !== received.id) return false;
  const { snapshot } = readData(event) as DataOf<"DeliveryCompleted">;
  const { translation } = readData(received) as DataOf<"DeliveryReceived">;
  return snapshot !== undefined && translation === translations.present;
}

/** Number of events or facts that are looked up together. */
const PART = 500;

/** Collects events, each once, and keeps the first. */
function collectFirst(max: number) {
  let kept = new Map<number, RecordedEvent>();
  let hasMore = false;
  const inOrder = () => [...kept.values()].sort((a, b) => a.position - b.position);
  return {
    add(events: readonly RecordedEvent[]): void {
      for (const event of events) kept.set(event.position, event);
      if (kept.size <= max) return;
      kept = new Map(
        inOrder()
          .slice(0, max)
          .map((event) => [event.position, event]),
      );
      hasMore = true;
    },
    first: inOrder,
    hasMore: () => hasMore,
  };
}

/** What a platform sees of a delivery; everything if there is none. */
function createView(standings: Standings | null) {
  const all = new Set<Standing>();
  return {
    /** Adds events, and returns those that are visible. */
    async visibleOf(stream: EventStream, events: readonly RecordedEvent[]) {
      if (standings === null) return events;
      const stand = await standings.ofEvents(stream, events);
      for (const each of stand) all.add(each);
      return events.filter((_, at) => stand[at] === "inside");
    },
    async addFacts(facts: readonly ProviderFact[]): Promise<void> {
      if (standings === null) return;
      for (const fact of facts) {
        all.add(await standings.of(fact));
        if (namesOthers(fact.data, standings.platform)) all.add("outside");
      }
    },
    /** Nothing that follows changes the answer. */
    isMixed: () => standings === null || (all.has("inside") && all.has("outside")),
    whole(isRead: boolean): Whole {
      if (standings === null) return "inside";
      if (!all.has("inside")) return "outside";
      return isRead && !all.has("outside") ? "inside" : "part";
    },
  };
}

async function* inPages<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let page: T[] = [];
  for await (const item of items) {
    page.push(item);
    if (page.length < size) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/** The facts that any translation finds in the bytes, in parts; none if the bytes are gone. */
async function* factsIn(
  stream: EventStream,
  received: RecordedEvent,
  { translations, hashing }: FindOptions,
): AsyncGenerator<Readonly<{ facts: readonly ProviderFact[]; isPresent: boolean }>> {
  const bytes = await bytesOf(received, stream);
  if (bytes === null) return;
  for (const version of Object.keys(translations.versions)) {
    const translation = Number(version);
    const isPresent = translation === translations.present;
    const source = { ...arrivalOf(received), bytes, translation };
    const reading = readLarge(source, { translations, hashing });
    if (!reading.summary.ok) continue;
    if (reading.count === 0) yield { facts: [], isPresent };
    for (let at = 0; at < reading.count; at += PART) {
      yield { facts: await reading.facts(at, at + PART), isPresent };
    }
  }
}

/**
 * The exact bytes of a delivery, null if they are gone. A platform sees them only if every fact in
 * them is its own and names nobody else.
 */
export async function findBody(
  stream: EventStream,
  id: string,
  query: DeliveryQuery,
): Promise<Readonly<{ sha256: string } & (Stored | Gone)> | null> {
  const received = await findReceived(stream, id);
  if (received === null) return null;
  if ((await partOfDelivery(stream, received, query)) !== "inside") return null;
  const { sha256 } = readData(received) as DataOf<"DeliveryReceived">;
  const erased = await erasureOf(stream, received, query);
  // A body recorded as erased is not shown, even if its bytes are still to be removed.
  const bytes = erased === null ? await stream.body(sha256) : null;
  return bytes === null ? { sha256, bytes, erased } : { sha256, bytes };
}

type Stored = { bytes: Uint8Array };
/** Bytes that are missing without a recorded erasure are reported by `verify`. */
type Gone = { bytes: null; erased: ErasureRecord | null };

/** A delivery's id is that of its first event. */
async function findReceived(stream: EventStream, id: string): Promise<RecordedEvent | null> {
  const event = (await stream.findByIds([id])).known.get(id)?.event;
  return event?.type === "DeliveryReceived" ? event : null;
}

/**
 * The events near a delivery, among them those that it caused. No index leads from a delivery to
 * its facts. They follow `DeliveryReceived`, up to `DeliveryCompleted` if it was divided, and lie
 * next to each retry of a quarantined delivery. Facts elsewhere (parts far apart, facts recorded by
 * a later translation) are found by the identities of the facts in its bytes.
 */
async function* eventsNear(
  stream: EventStream,
  received: RecordedEvent,
  options: FindOptions,
): AsyncGenerator<RecordedEvent> {
  const { parts = 1 } = readData(received) as DataOf<"DeliveryReceived">;
  let wasQuarantined = false;
  for await (const event of causedAfter(stream, received, parts > 1)) {
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
    yield* causedAfter(stream, { id: received.id, position: retry.position }, false);
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

/** Most deliveries cause a few events: those of a long one are read in longer pages. */
const PAGE_FIRST = 8;
const PAGE_MAX = 200;
/** Positions searched for the parts of a divided delivery, which other deliveries may separate. */
const SEARCHED_MAX = 100_000;

async function* causedAfter(
  stream: EventStream,
  { id, position }: Pick<RecordedEvent, "id" | "position">,
  isDivided: boolean,
): AsyncGenerator<RecordedEvent> {
  let limit = PAGE_FIRST;
  for (let after = position; after < position + SEARCHED_MAX; ) {
    const events = await stream.read({ after, limit });
    for (const event of events) {
      const isCaused = event.causation_id === id;
      if (isCaused) yield event;
      const isEnd = isDivided ? isCaused && event.type === "DeliveryCompleted" : !isCaused;
      if (isEnd) return;
    }
    const last = events.at(-1);
    if (last === undefined || isLastPage(events, limit)) return;
    after = last.position;
    limit = Math.min(4 * limit, PAGE_MAX);
  }
}

/** The recorded erasures of these bodies, by digest. */
export async function findErasures(
  stream: Pick<EventStream, "findByIds">,
  digests: readonly string[],
  hashing: Hashing,
): Promise<ReadonlyMap<string, ErasureRecord>> {
  const ids = new Map(digests.map((sha256) => [bodyErasedId(sha256, hashing), sha256]));
  if (ids.size === 0) return new Map();
  const { known } = await stream.findByIds([...ids.keys()]);
  return new Map(
    [...known.values()].map(({ event }) => [ids.get(event.id) ?? "", erasureRecord(event)]),
  );
}

function erasureRecord(event: RecordedEvent): ErasureRecord {
  const { actor, note } = readData(event) as DataOf<"BodyErased">;
  const { id: event_id, position, recorded_at } = event;
  return {
    event_id,
    position: String(position),
    erased_at: formatTime(recorded_at),
    actor,
    note,
  };
}
