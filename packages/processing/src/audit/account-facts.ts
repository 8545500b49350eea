import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { StreamCorrupted, StreamUnavailable } from "../ports/errors.ts";
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

/** Of a delivery its facts come right behind it: with so many before a fact it is mostly at hand. */
const BEFORE = 6;
/** Of what is read around so many facts, only what belongs to them is kept. */
const FACTS_AT_ONCE = 500;
const IDS_AT_ONCE = 500;

/**
 * All that is needed to show what an account's balance follows from, as of a position.
 *
 * @throws NotProvable where they are too many; StreamCorrupted where an event is not what its hash says: nobody could check a proof of it
 */
export async function factsOf(options: FactsOptions, account: string, to: number): Promise<Facts> {
  const positions = await positionsOf(options, account, to);
  const [events, related]: [RecordedEvent[], Map<string, RecordedEvent>] = [[], new Map()];
  const before = new Map<number, string>();
  const missing = new Set<string>();
  for (let from = 0; from < positions.length; from += FACTS_AT_ONCE) {
    const some = positions.slice(from, from + FACTS_AT_ONCE);
    const found = await readPositions(options.stream, some, BEFORE);
    const byId = new Map([...found.values()].map((event) => [event.id, event]));
    const facts = some.map((position) => at(found, position));
    const nearby: RecordedEvent[] = [...facts];
    for (const id of facts.flatMap((event) => relatedIds(event, options))) {
      const event = byId.get(id);
      if (event === undefined) missing.add(id);
      else nearby.push(event);
    }
    events.push(...facts);
    for (const event of nearby) {
      if (event.subject !== account) related.set(event.id, event);
      const previous = found.get(event.position - 1);
      if (previous !== undefined) before.set(event.position, previous.hash);
    }
  }
  for (const event of await findAll(
    options,
    [...missing].filter((id) => !related.has(id)),
  )) {
    if (event.position <= to) related.set(event.id, event);
  }
  const all = [...events, ...related.values()];
  await readBefore(options, all, before);
  for (const event of all) checkFollows(event, before, options.hashing);
  const ofType = (type: string) => [...related.values()].filter((event) => event.type === type);
  return { events, deliveries: ofType("DeliveryReceived"), feeds: ofType("FeedOpened"), before };
}

async function findAll({ stream }: FactsOptions, ids: readonly string[]) {
  const events: RecordedEvent[] = [];
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
    const { known } = await stream.findByIds(ids.slice(from, from + IDS_AT_ONCE));
    events.push(...[...known.values()].map(({ event }) => event));
  }
  return events;
}

/** The hashes before those events of which they are not known yet. */
async function readBefore(
  { stream, ledger, hashing }: FactsOptions,
  events: readonly RecordedEvent[],
  before: Map<number, string>,
): Promise<void> {
  const unknown = events.map(({ position }) => position).filter((one) => !before.has(one));
  const lacking = unknown.map((position) => position - 1).filter((one) => one > 0);
  const found = await readPositions(
    stream,
    lacking.toSorted((a, b) => a - b),
  );
  for (const position of unknown) {
    const hash = position === 1 ? emptyHead(ledger, hashing).hash : at(found, position - 1).hash;
    before.set(position, hash);
  }
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
