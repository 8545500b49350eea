import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { StreamCorrupted, StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { findSubjectPositions, readPositions, type SubjectSources } from "./subject-events.ts";

/** What was asked for cannot be proven. */
export class NotProvable extends Error {
  override readonly name = "NotProvable";
}

type FactsOptions = SubjectSources &
  Readonly<{
    ledger: string;
    /** A proof is one text, made and checked in memory: so many events of an account are 180 MB. */
    eventsMax?: number;
  }>;

const EVENTS_MAX = 100_000;

export type Facts = Readonly<{
  /** All events whose subject is the account: its facts, and what was said of them later. */
  events: readonly RecordedEvent[];
  /** The deliveries that brought them. */
  deliveries: readonly RecordedEvent[];
  /** Where the feeds were opened whose snapshots state the account. */
  feeds: readonly RecordedEvent[];
  /** The hash before each of these positions. */
  before: ReadonlyMap<number, string>;
}>;

/** Read together: few enough that what is not kept of them is no matter. */
const AT_ONCE = 500;
/** Of ids only the positions come back. */
const IDS_AT_ONCE = 10_000;

/**
 * All that is needed to show what an account's balance follows from, as of a position. Where each event
 * is an index tells, so that it costs what the account has and not what lies between.
 *
 * @throws NotProvable where they are too many; StreamCorrupted where an event is not what its hash says: nobody could check a proof of it
 */
export async function factsOf(options: FactsOptions, account: string, to: number): Promise<Facts> {
  const { stream, hashing } = options;
  const positions = await positionsOf(options, account, to);
  const events = await eventsAt(stream, positions);
  const ids = new Set(events.flatMap((event) => relatedIds(event, options)));
  const related = await eventsAt(stream, await relatedPositions(stream, [...ids], to));
  const others = related.filter(({ subject }) => subject !== account);
  const all = [...events, ...others];
  const before = await hashesBefore(options, all);
  for (const event of all) checkFollows(event, before, hashing);
  const ofType = (type: string) => others.filter((event) => event.type === type);
  return { events, deliveries: ofType("DeliveryReceived"), feeds: ofType("FeedOpened"), before };
}

async function eventsAt(
  stream: EventStream,
  positions: readonly number[],
): Promise<readonly RecordedEvent[]> {
  const found = await readPositions(stream, positions);
  return positions.map((position) => at(found, position));
}

/** Where these ids are up to a position, in order. */
async function relatedPositions(
  stream: EventStream,
  ids: readonly string[],
  to: number,
): Promise<readonly number[]> {
  const positions: number[] = [];
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
    const found = await stream.findPositions(ids.slice(from, from + IDS_AT_ONCE));
    for (const { position } of found.values()) if (position <= to) positions.push(position);
  }
  return positions.sort((a, b) => a - b);
}

/** The hash before each of these events: mostly that of another of them. */
async function hashesBefore(
  { stream, ledger, hashing }: FactsOptions,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<number, string>> {
  const hashes = new Map(events.map(({ position, hash }) => [position, hash]));
  hashes.set(0, emptyHead(ledger, hashing).hash);
  const lacking = events
    .map(({ position }) => position - 1)
    .filter((position) => !hashes.has(position))
    .sort((a, b) => a - b);
  for (let from = 0; from < lacking.length; from += AT_ONCE) {
    for (const event of await eventsAt(stream, lacking.slice(from, from + AT_ONCE))) {
      hashes.set(event.position, event.hash);
    }
  }
  return new Map(events.map(({ position }) => [position, hashes.get(position - 1) as string]));
}

const PAGE = 1000;

/** By the index, which has come as far as the head. */
async function positionsOf(options: FactsOptions, subject: string, to: number) {
  const { eventsMax = EVENTS_MAX } = options;
  const positions: number[] = [];
  for (let after = 0; ; ) {
    const page = await findSubjectPositions(options, { subject, after, limit: PAGE });
    if (page.upTo < to) throw new StreamUnavailable(`the index ends at ${page.upTo}: try again`);
    positions.push(...page.positions.filter((position) => position <= to));
    if (positions.length > eventsMax) {
      throw new NotProvable(
        `${subject} has more than ${eventsMax} events, too many for one proof: name an earlier point (--at), or give an export, which the same scripts check against a head`,
      );
    }
    const last = page.positions.at(-1);
    if (last === undefined || last >= to || page.positions.length < PAGE) return positions;
    after = last;
  }
}

function at(found: ReadonlyMap<number, RecordedEvent>, position: number): RecordedEvent {
  const event = found.get(position);
  if (event !== undefined) return event;
  throw new StreamCorrupted(`position ${position}: no event is there`);
}

/** Of what brought an event, and of what says where its snapshot's feed was opened: what surely is in it. */
function relatedIds(event: RecordedEvent, { hashing }: FactsOptions): readonly string[] {
  const place = placeOf(event);
  const opening = place === undefined ? [] : [eventId(["FeedOpened", place.connection], hashing)];
  return [event.causation_id ?? [], opening].flat();
}

/** Of a report that a snapshot states. */
export function placeOf(event: RecordedEvent) {
  if (event.type !== "BalanceReported" || isTooNew(event)) return undefined;
  const { run_id, place } = readData(event) as DataOf<"BalanceReported">;
  return run_id === undefined ? place : undefined;
}

function checkFollows(
  event: RecordedEvent,
  before: ReadonlyMap<number, string>,
  hashing: Hashing,
): void {
  const { position, hash } = event;
  if (chainHash(before.get(position) ?? "", event, hashing) === hash) return;
  throw new StreamCorrupted(
    `position ${position}: the event there is not what its hash says, so nobody could check a proof of it: keep the stream, and run \`counterfoil verify\``,
  );
}
