import {
  type DataOf,
  type Fact,
  type FactType,
  PROVIDER_FACTS,
  type ProviderFact,
} from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { type Nanos, timeOf } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";
import {
  amendmentId,
  eventId,
  factIdentity,
  factIdNamedBy,
  factKey,
  factSubject,
} from "../identity.ts";
import { presentVersion } from "../stream/read-event.ts";
import { AMENDMENTS, type FactData } from "./fact-state.ts";

/** The cause of an event: its delivery, and the correlation with other deliveries. */
export type Cause = Readonly<{
  deliveryId: string | null;
  correlationId: string | null;
  /** The position of the delivery, if its facts are recorded later than the delivery itself. */
  deliveredAt?: number;
}>;

/** A delivery that causes facts; they arrived when it did. */
export type DeliveryCause = Cause & Readonly<{ receivedAt: string }>;

type Envelope = Readonly<{
  id: string;
  subject: string;
  occurredAt?: Nanos | null;
  about?: string | null;
}>;

/**
 * Builds every event in its stored form: the present schema version, keys in the order of the
 * object.
 */
export function newEvent<Type extends FactType>(
  fact: Extract<Fact, { type: Type }>,
  { id, subject, occurredAt = null, about = null }: Envelope,
  cause: Cause,
): NewEvent {
  return {
    id,
    type: fact.type,
    schema_version: presentVersion(fact.type),
    subject,
    occurred_at: occurredAt,
    causation_id: cause.deliveryId,
    correlation_id: cause.correlationId,
    data: JSON.stringify(fact.data),
    about,
  };
}

/** The event that records a fact for the first time. */
export function providerEvent(fact: ProviderFact, id: string, cause: Cause): NewEvent {
  const { occurred_at } = fact.data;
  const occurredAt = occurred_at === undefined ? null : timeOf(occurred_at);
  const stated = { type: fact.type, data: dataFrom(fact, cause) } as ProviderFact;
  return newEvent(stated, { id, subject: factSubject(fact), occurredAt }, cause);
}

/**
 * Facts that are ordered against snapshots: if read later, they state where their delivery was
 * recorded.
 */
const ORDERED_BY_SNAPSHOTS: ReadonlySet<string> = new Set([
  "MovementRecorded",
  "BalanceReported",
  "FundsReported",
]);

/**
 * What names the fact of an event otherwise than its data does, in words; null if nothing does. Ingestors find
 * facts by their ids, proofs by their subjects, and models by what the data says: these have to agree.
 */
export function misnamed(event: RecordedEvent, data: FactData, hashing: Hashing): string | null {
  const { id, subject, type } = event;
  if (isProviderFact(type)) return misnamedFact({ id, type, data }, subject, hashing);
  if (!AMENDMENTS.has(type)) return null;
  const { event_id, event_type, key, data: corrected } = data as DataOf<"FactCorrected">;
  if (!isProviderFact(event_type)) return `it amends a ${event_type}, which no delivery states`;
  const amends = type === "FactWithdrawn" ? (data as DataOf<"FactWithdrawn">).amends : undefined;
  const amended = amends ?? event_id;
  const named = factIdNamedBy(event_type, key, hashing);
  if (named !== amended) return `it amends the fact ${amended}, and its key names ${named}`;
  const { account = subject } = key;
  if (account !== subject) return `its subject is ${subject}, and its key names ${account}`;
  if (type !== "FactCorrected") return null;
  return misnamedFact({ id: amended, type: event_type, data: corrected }, subject, hashing);
}

function misnamedFact(recorded: Recorded, subject: string, hashing: Hashing): string | null {
  const { id, type, data } = recorded;
  const fact = { type, data } as ProviderFact;
  const stated = factSubject(fact);
  if (stated !== subject) return `its subject is ${subject}, and its data names ${stated}`;
  // Not kept, as `providerEventId` does, which takes longer than to compute it once.
  const named = eventId(factIdentity(fact), hashing);
  return named === id ? null : `the id of the fact is ${id}, and its data names ${named}`;
}

const isProviderFact = (type: string): boolean => PROVIDER_FACT_TYPES.has(type);

const PROVIDER_FACT_TYPES: ReadonlySet<string> = new Set(PROVIDER_FACTS);

function dataFrom({ type, data }: ProviderFact, { deliveredAt }: Cause): ProviderFact["data"] {
  if (deliveredAt === undefined || !ORDERED_BY_SNAPSHOTS.has(type)) return data;
  return { ...data, delivered_at: String(deliveredAt) };
}

/** The id under which a fact is recorded. Cached, because each look-up and decision needs it. */
export function providerEventId(fact: ProviderFact, hashing: Hashing): string {
  const cached = idOfFact.get(fact);
  if (cached !== undefined) return cached;
  const id = eventId(factIdentity(fact), hashing);
  idOfFact.set(fact, id);
  return id;
}

const idOfFact = new WeakMap<ProviderFact, string>();

/** The fact that an amendment amends, by id and by natural key. */
type About = Readonly<{ event_id: string; event_type: string; key: Record<string, string> }>;

/**
 * A movement's amendments also name the run that it was recorded for: models keep movements by run,
 * and a copy that contradicts may name another.
 */
function aboutFact(fact: ProviderFact, recorded: FactData, hashing: Hashing): About {
  const event_id = providerEventId(fact, hashing);
  const key = { ...factKey(fact) };
  if (typeof recorded.run_id === "string") key.run_id = recorded.run_id;
  return { event_id, event_type: fact.type, key };
}

/** A copy of a known fact, and what was recorded for it before. */
type Copy = Readonly<{ fact: ProviderFact; recorded: FactData }>;

/** The amendment for a copy that adds something, such as a time or an account id. */
export function seenEvent(
  { fact, recorded }: Copy,
  adds: DataOf<"FactSeen">["adds"],
  cause: DeliveryCause,
  hashing: Hashing,
): NewEvent {
  const about = aboutFact(fact, recorded, hashing);
  const id = amendmentId("FactSeen", about.event_id, adds, hashing);
  const { translation } = fact.data;
  const data = { ...about, adds, received_at: cause.receivedAt, translation };
  return amendment({ type: "FactSeen", data }, id, fact, cause);
}

/** The amendment for a copy that states something else than is recorded. */
export function contradictedEvent(
  { fact, recorded }: Copy,
  contradicts: DataOf<"FactContradicted">["contradicts"],
  cause: DeliveryCause,
  hashing: Hashing,
): NewEvent {
  const about = aboutFact(fact, recorded, hashing);
  const id = amendmentId("FactContradicted", about.event_id, contradicts, hashing);
  const { translation } = fact.data;
  const data = { ...about, contradicts, received_at: cause.receivedAt, translation };
  return amendment({ type: "FactContradicted", data }, id, fact, cause);
}

/**
 * Restates a withdrawn amendment. Its id covers translation and delivery, since the first id is
 * taken.
 */
export function restatedEvent(
  event: NewEvent,
  { data: { translation } }: ProviderFact,
  { deliveryId }: Cause,
  hashing: Hashing,
): NewEvent {
  const content = [String(translation), deliveryId];
  return { ...event, id: amendmentId(event.type, event.id, content, hashing) };
}

/** Replaces the content in force by that of `fact`. The cause is the delivery that states it. */
export function correctedEvent({ fact, recorded }: Copy, cause: Cause, hashing: Hashing): NewEvent {
  const about = aboutFact(fact, recorded, hashing);
  const { translation } = fact.data;
  const content = [String(translation), cause.deliveryId];
  const id = amendmentId("FactCorrected", about.event_id, content, hashing);
  const data = {
    ...about,
    data: dataFrom(fact, cause) as DataOf<"FactCorrected">["data"],
    translation,
  };
  return amendment({ type: "FactCorrected", data }, id, fact, cause);
}

/** A recorded fact that is withdrawn. */
export type Recorded = Readonly<{ type: string; id: string; data: FactData }>;

/** Withdraws a fact that its delivery does not state under this translation. */
export function withdrawnEvent(
  { type, id: event_id, data }: Recorded,
  translation: number,
  cause: Cause,
  hashing: Hashing,
): NewEvent {
  const fact = { type, data } as ProviderFact;
  const id = amendmentId(
    "FactWithdrawn",
    event_id,
    [String(translation), cause.deliveryId],
    hashing,
  );
  const about = aboutFact(fact, data, hashing);
  return amendment(
    { type: "FactWithdrawn", data: { ...about, event_id, translation } },
    id,
    fact,
    cause,
  );
}

/** Withdraws an amendment: the copy does not add or contradict what was recorded. */
export function withdrawnAmendmentEvent(
  { id: event_id, subject }: Pick<RecordedEvent, "id" | "subject">,
  { event_id: amends, event_type, key }: About,
  {
    translation,
    cause,
    hashing,
  }: Readonly<{ translation: number; cause: Cause; hashing: Hashing }>,
): NewEvent {
  const id = amendmentId(
    "FactWithdrawn",
    event_id,
    [String(translation), cause.deliveryId],
    hashing,
  );
  const data = { event_id, event_type, key, amends, translation };
  return newEvent({ type: "FactWithdrawn", data }, { id, subject, about: amends }, cause);
}

type AmendmentFact = Extract<
  Fact,
  { type: "FactSeen" | "FactContradicted" | "FactCorrected" | "FactWithdrawn" }
>;

function amendment(event: AmendmentFact, id: string, fact: ProviderFact, cause: Cause): NewEvent {
  const subject = factSubject(fact);
  return newEvent(event as never, { id, subject, about: event.data.event_id }, cause);
}

/** Limits of one append (EventStoreDB before 25.1 accepts 1 MiB, including metadata and types). */
export const APPEND_EVENTS_MAX = 1000;
export const APPEND_BYTES_MAX = 640 * 1024;

/** Divides events into appends within the limits; without events into one empty append. */
export function cutAppends(events: readonly NewEvent[]): NewEvent[][] {
  const appends: NewEvent[][] = [[]];
  let bytes = 0;
  for (const event of events) {
    const size = storedSize(event);
    const last = appends.at(-1) ?? [];
    if (last.length >= APPEND_EVENTS_MAX || (last.length > 0 && bytes + size > APPEND_BYTES_MAX)) {
      appends.push([event]);
      bytes = size;
    } else {
      last.push(event);
      bytes += size;
    }
  }
  return appends;
}

/** The most bytes that an event adds to an append: its data in UTF-8 and everything else. */
export function storedSize({ data }: Pick<NewEvent, "data">): number {
  return (ASCII.test(data) ? data.length : 3 * data.length) + 512;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
const ASCII = /^[\u0000-\u007f]*$/;
