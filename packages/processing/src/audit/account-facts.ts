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

/** The requested proof cannot be made. */
export class NotProvable extends Error {
  override readonly name = "NotProvable";
}

type FactsOptions = SubjectSources &
  Readonly<{
    ledger: string;
    /** A proof is one text that is checked in memory: this many events of an account are 180 MB. */
    eventsMax?: number;
  }>;

const EVENTS_MAX = 100_000;

/** A page of an account's events, with what a proof of them needs in addition. */
export type FactPage = Readonly<{
  /** The next events whose subject is the account: its facts and their amendments. */
  events: readonly RecordedEvent[];
  /** The deliveries that contained them and no event of an earlier page. */
  deliveries: readonly RecordedEvent[];
  /** The openings of feeds whose snapshots first state the account on this page. */
  feeds: readonly RecordedEvent[];
  /** The hash before each of these positions. */
  before: ReadonlyMap<number, string>;
  /** Deliveries whose bytes also state other accounts. */
  shared: ReadonlySet<string | null>;
}>;

/** Number of events read together: few enough that what is discarded of them does not matter. */
const PAGE_EVENTS = 500;

/**
 * Everything that an account's balance at a position follows from, page by page, so that it is
 * never in memory as a whole. An index gives the events' positions, so the cost depends on the
 * account's events and not on those between them.
 *
 * @throws NothingThere if there are none, NotProvable if there are too many; StreamCorrupted if an
 *   event does not match its hash, so that a proof of it could not be checked
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
  for (let from = 0; from < positions.length; from += PAGE_EVENTS) {
    yield readPage(options, { account, to, known }, positions.slice(from, from + PAGE_EVENTS));
  }
}

/** `known` holds the ids of related events that an earlier page returned. */
type PageContext = Readonly<{ account: string; to: number; known: Set<string> }>;

async function readPage(
  options: FactsOptions,
  { account, to, known }: PageContext,
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
  const relatedPositions = [...found.values()]
    .map(({ position }) => position)
    .filter((at) => at <= to);
  const related = await eventsAt(stream, relatedPositions.sort(ascending));
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

/**
 * The hash before each of these events, mostly that of another of them; each event is checked
 * against it.
 */
async function checkedHashesBefore(
  { stream, ledger, hashing }: FactsOptions,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<number, string>> {
  const hashes = new Map(events.map(({ position, hash }) => [position, hash]));
  hashes.set(0, emptyHead(ledger, hashing).hash);
  const missing = events
    .map(({ position }) => position - 1)
    .filter((position) => !hashes.has(position));
  for (const { position, hash } of await eventsAt(stream, missing.sort(ascending))) {
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

/** The positions of a subject's events, from the index, which has to reach `to`. */
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

/** The place of a report that a snapshot states. */
function placeOf(event: RecordedEvent) {
  if (event.type !== "BalanceReported" || isTooNew(event)) return undefined;
  const { run_id, place } = readData(event) as DataOf<"BalanceReported">;
  return run_id === undefined ? place : undefined;
}
