import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { NothingThere } from "../operator.ts";
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
    /** A proof is one text that is checked in memory: so many events of an account are 180 MB. */
    eventsMax?: number;
  }>;

const EVENTS_MAX = 100_000;

/** Some events of an account, and what a proof of them needs beside. */
export type FactPage = Readonly<{
  /** The next events whose subject is the account: its facts, and what was said of them later. */
  events: readonly RecordedEvent[];
  /** The deliveries that brought them and no event of an earlier page. */
  deliveries: readonly RecordedEvent[];
  /** Where the feeds were opened whose snapshots state the account here first. */
  feeds: readonly RecordedEvent[];
  /** The hash before each of these positions. */
  before: ReadonlyMap<number, string>;
  /** Deliveries whose bytes state other accounts too. */
  shared: ReadonlySet<string | null>;
}>;

/** Events that are read together: few enough that what is not kept of them is no matter. */
const AT_ONCE = 500;

/**
 * All that is needed to show what an account's balance follows from, as of a position: page by page, so
 * that nobody holds all of it. Where each event is an index tells, so that it costs what the account
 * has and not what lies between.
 *
 * @throws NothingThere where there are none, NotProvable where there are too many; StreamCorrupted where an event is not what its hash says: nobody could check a proof of it
 */
export async function* factPages(
  options: FactsOptions,
  account: string,
  to: number,
): AsyncGenerator<FactPage> {
  const positions = await positionsOf(options, account, to);
  if (positions.length === 0) {
    throw new NothingThere(`no event of account ${account} up to position ${to}`);
  }
  const known = new Set<string>();
  for (let from = 0; from < positions.length; from += AT_ONCE) {
    yield readPage(options, { account, to, known }, positions.slice(from, from + AT_ONCE));
  }
}

/** `known`: ids beside the account's events that an earlier page has brought. */
type Reading = Readonly<{ account: string; to: number; known: Set<string> }>;

async function readPage(
  options: FactsOptions,
  { account, to, known }: Reading,
  positions: readonly number[],
): Promise<FactPage> {
  const { stream, hashing } = options;
  const events = await eventsAt(stream, positions);
  const ids = new Set<string>();
  const shared = new Set<string | null>();
  for (const event of events) {
    const place = placeOf(event);
    if (place !== undefined) {
      shared.add(event.causation_id);
      ids.add(eventId(["FeedOpened", place.connection], hashing));
    }
    if (event.causation_id !== null) ids.add(event.causation_id);
  }
  const found = await stream.findPositions([...ids].filter((id) => !known.has(id)));
  for (const id of ids) known.add(id);
  const beside = [...found.values()].map(({ position }) => position).filter((at) => at <= to);
  const related = await eventsAt(stream, beside.sort(ascending));
  const others = related.filter(({ subject }) => subject !== account);
  const before = await checkedHashesBefore(options, [...events, ...others]);
  const ofType = (type: string) => others.filter((event) => event.type === type);
  const [deliveries, feeds] = [ofType("DeliveryReceived"), ofType("FeedOpened")];
  return { events, deliveries, feeds, before, shared };
}

const ascending = (a: number, b: number): number => a - b;

async function eventsAt(
  stream: EventStream,
  positions: readonly number[],
): Promise<readonly RecordedEvent[]> {
  const found = await readPositions(stream, positions);
  return positions.map((position) => at(found, position));
}

function at(found: ReadonlyMap<number, RecordedEvent>, position: number): RecordedEvent {
  const event = found.get(position);
  if (event !== undefined) return event;
  throw new StreamCorrupted(`position ${position}: no event is there`);
}

/** The hash before each of these events, mostly that of another of them; each follows from it. */
async function checkedHashesBefore(
  { stream, ledger, hashing }: FactsOptions,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<number, string>> {
  const hashes = new Map(events.map(({ position, hash }) => [position, hash]));
  hashes.set(0, emptyHead(ledger, hashing).hash);
  const lacking = events
    .map(({ position }) => position - 1)
    .filter((position) => !hashes.has(position));
  for (const { position, hash } of await eventsAt(stream, lacking.sort(ascending))) {
    hashes.set(position, hash);
  }
  const before = new Map<number, string>();
  for (const event of events) {
    const hash = hashes.get(event.position - 1) as string;
    checkFollows(event, hash, hashing);
    before.set(event.position, hash);
  }
  return before;
}

function checkFollows(event: RecordedEvent, before: string, hashing: Hashing): void {
  if (chainHash(before, event, hashing) === event.hash) return;
  throw new StreamCorrupted(
    `position ${event.position}: the event there is not what its hash says, so nobody could check a proof of it: keep the stream, and run \`counterfoil verify\``,
  );
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

/** Where a report stands that a snapshot states. */
function placeOf(event: RecordedEvent) {
  if (event.type !== "BalanceReported" || isTooNew(event)) return undefined;
  const { run_id, place } = readData(event) as DataOf<"BalanceReported">;
  return run_id === undefined ? place : undefined;
}
