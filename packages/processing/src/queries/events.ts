import { type FactType, PROVIDER_FACTS } from "@counterfoil/contracts/fact";
import type { EventRecord, LifecycleModel } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { isAccountOf } from "@counterfoil/core/account";
import { formatTime } from "@counterfoil/core/exact/time";
import { partiesOf } from "@counterfoil/core/lifecycle/trade";
import { readData } from "@counterfoil/core/stream/read-event";
import {
  findSubjectPositions,
  readPositions,
  type SubjectSources,
} from "../audit/subject-events.ts";
import type { Clock } from "../ports/clock.ts";
import { BULK_TYPES, type EventStream, isLastPage, type ReadRange } from "../ports/event-stream.ts";
import type { ColumnType } from "../ports/model-store.ts";
import { LIST_BYTES_MAX, type Page } from "./answers.ts";
import { findRow } from "./lifecycles.ts";
import { hasRecordOf, tradeFieldsFor } from "./platform.ts";
import type { ServedModels } from "./serving.ts";

export const EVENT_KEY: readonly ColumnType[] = ["integer"];

type EventFilters = Readonly<{
  types?: readonly FactType[];
  subjects?: readonly string[];
  correlationIds?: readonly string[];
}>;

type EventQuery = Readonly<{
  range: StreamRange;
  limit: number;
  filters: EventFilters;
  /** The platform's view of events; null shows all of them. */
  standings: Standings | null;
  nextTurn: Clock["nextTurn"];
}>;

/** Limits of one page. Finding an event's owner takes lookups, so a platform's page reads fewer. */
const COST = { open: { batch: 1001, events: 10_000 }, ofPlatform: { batch: 100, events: 2000 } };

/** Lists the events of the stream, forward or backward. */
export function listEvents(sources: SubjectSources, query: EventQuery): Promise<Page<EventRecord>> {
  const { range, limit, filters, standings, nextTurn } = query;
  const { stream } = sources;
  const isAskedFor = filterOf(filters);
  const cost = standings === null ? COST.open : COST.ofPlatform;
  const isFiltered = filters.subjects !== undefined || filters.correlationIds !== undefined;
  const batch = isFiltered ? cost.batch : Math.min(limit + 1, cost.batch);
  return readStreamPage<EventRecord>({
    ...{ range, limit, nextTurn },
    cost: { ...cost, batch },
    source: sourceOf(sources, filters),
    recordsOf: async (events) => {
      const asked = events.filter(isAskedFor);
      const shown = new Map(await shownOf(stream, asked, standings));
      return events.map(({ position }) => shown.get(position) ?? null);
    },
  });
}

/** Events of a single subject are read by an index; types are indexed or filtered by the engine. */
function sourceOf(sources: SubjectSources, { subjects, types }: EventFilters) {
  const [subject, ...others] = subjects ?? [];
  if (subject !== undefined && others.length === 0) return eventsOfSubject(sources, subject);
  return eventsOf(sources.stream, types);
}

function filterOf({ types, subjects, correlationIds }: EventFilters) {
  return ({ type, subject, correlation_id }: RecordedEvent): boolean =>
    isAmong(types, type) && isAmong(subjects, subject) && isAmong(correlationIds, correlation_id);
}

const isAmong = (wanted: readonly string[] | undefined, value: string | null): boolean =>
  wanted === undefined || (value !== null && wanted.includes(value));

type Shown = readonly [position: number, record: EventRecord];

async function shownOf(
  stream: EventStream,
  events: readonly RecordedEvent[],
  standings: Standings | null,
): Promise<readonly Shown[]> {
  if (standings === null) return events.map((event) => [event.position, eventRecord(event)]);
  const stand = await standings.ofEvents(stream, events);
  return events
    .filter((_, at) => stand[at] === "inside")
    .map((event) => [event.position, eventFor(eventRecord(event), standings.platform)]);
}

/** An event as readers get it. */
export function eventRecord(event: RecordedEvent): EventRecord {
  const { position, id, type, schema_version, subject, causation_id, correlation_id } = event;
  return {
    position: String(position),
    id,
    type,
    schema_version,
    subject,
    occurred_at: event.occurred_at === null ? null : formatTime(event.occurred_at),
    recorded_at: formatTime(event.recorded_at),
    causation_id,
    correlation_id,
    data: JSON.parse(event.data),
    hash: event.hash,
  };
}

/**
 * Pages of filtered events. No index serves most filters, so a page ends short of its limit, even
 * empty, when it has read as much as one request may cost, and returns the key to continue from.
 */

/** The range of positions of a page: after `after`, up to `upTo`, which is the head at most. */
export type StreamRange = Omit<ReadRange, "limit">;

/** Events of a part of a range, and the last position that was read; null if all of it was. */
type Batch = Readonly<{ items: readonly Item[]; reached: number | null }>;
/** `at`: the key by which the list is ordered; the event's position in nearly all lists. */
export type Item = Readonly<{ event: RecordedEvent; at: number }>;
export type BatchSource = (range: ReadRange) => Promise<Batch>;

type StreamPageQuery<Record> = Readonly<{
  range: StreamRange;
  limit: number;
  source: BatchSource;
  /** The record of each event; null if it is filtered out. */
  recordsOf: (events: readonly RecordedEvent[]) => Promise<readonly (Record | null)[]>;
  /** How many events are read at once, and how many for one page. */
  cost: Readonly<{ batch: number; events: number }>;
  nextTurn: Clock["nextTurn"];
}>;

/**
 * Maximum number of steps for one page; each reads at most one `WINDOW` of positions if not
 * indexed.
 */
const STEPS_MAX = 25;
/** Positions scanned in one step for types without an index: a few milliseconds. */
const WINDOW = 10_000;
/** Limit of the data of the events read for one page. */
const BYTES_MAX = 16 * 1024 * 1024;

/** Reads a page of events. It ends early where its bounds of steps, events or bytes are reached. */
export async function readStreamPage<Record>(
  query: StreamPageQuery<Record>,
): Promise<Page<Record>> {
  const { limit, source, recordsOf, cost, nextTurn } = query;
  const data: Record[] = [];
  let range = query.range;
  let last: number | null = null;
  let [scanned, bytes, shown] = [0, 0, 0];
  for (let step = 0; step < STEPS_MAX && scanned < cost.events && bytes < BYTES_MAX; step += 1) {
    if (range.after >= range.upTo) return { data, next: null };
    const { items, reached } = await source({ ...range, limit: cost.batch });
    const records = await recordsOf(items.map(({ event }) => event));
    for (const [index, { event, at }] of items.entries()) {
      const record = records[index] ?? null;
      const isFull = data.length === limit || shown >= LIST_BYTES_MAX;
      // One record over the limit shows that another page follows.
      if (record !== null && isFull) return { data, next: [last] };
      if (record !== null) {
        data.push(record);
        shown += event.data.length;
      }
      last = at;
      bytes += event.data.length;
    }
    scanned += items.length;
    if (reached === null) return { data, next: null };
    last = reached;
    range = beyond(range, reached);
    await nextTurn();
  }
  return { data, next: [last] };
}

/** The rest of a range after the last key of a page. */
export const beyond = <Range extends StreamRange>(range: Range, last: number): Range =>
  range.order === "asc" ? { ...range, after: last } : { ...range, upTo: last - 1 };

/** All events of some types. Indexed types are read from the whole range, others by window. */
export function eventsOf(stream: EventStream, types?: readonly FactType[]): BatchSource {
  const isIndexed = types?.every((type) => !BULK_TYPES.has(type)) ?? true;
  return async (range) => {
    const window = isIndexed ? range : firstWindow(range);
    const events = await stream.read(types === undefined ? window : { ...window, types });
    const reached = isLastPage(events, window.limit) ? farEnd(window) : events.at(-1)?.position;
    return batchOf(range, events, reached ?? farEnd(window));
  };
}

function firstWindow(range: ReadRange): ReadRange {
  const { after, upTo, order } = range;
  return order === "asc"
    ? { ...range, upTo: Math.min(after + WINDOW, upTo) }
    : { ...range, after: Math.max(after, upTo - WINDOW) };
}

/** The last position of a range, in its order. */
const farEnd = ({ after, upTo, order }: StreamRange): number =>
  order === "asc" ? upTo : after + 1;

function batchOf(range: ReadRange, events: readonly RecordedEvent[], reached: number): Batch {
  const items = events.map((event) => ({ event, at: event.position }));
  const isEnd = range.order === "asc" ? reached >= range.upTo : reached <= range.after + 1;
  return { items, reached: isEnd ? null : reached };
}

/**
 * One subject's events. The index stored with the signed heads is used as far as it reaches; of
 * later positions, all events are returned and the caller filters them.
 */
function eventsOfSubject(sources: SubjectSources, subject: string): BatchSource {
  const all = eventsOf(sources.stream);
  return async (range) => {
    const { positions, upTo } = await findSubjectPositions(sources, { ...range, subject });
    const isBeyondIndex = range.order === "asc" ? range.after >= upTo : range.upTo > upTo;
    if (isBeyondIndex) {
      const rest = { ...range, after: Math.max(range.after, upTo) };
      const { items, reached } = await all(rest);
      const hasIndexedRest = reached === null && rest.after > range.after;
      return { items, reached: hasIndexedRest ? farEnd(rest) : reached };
    }
    const indexed = { ...range, upTo: Math.min(range.upTo, upTo) };
    const found = await readPositions(
      sources.stream,
      positions.toSorted((a, b) => a - b),
    );
    const events = positions.flatMap((position) => found.get(position) ?? []);
    const isLastBatch = positions.length < range.limit;
    return batchOf(range, events, isLastBatch ? farEnd(indexed) : (positions.at(-1) as number));
  };
}

/** How a fact relates to a platform; `nobody`: it names no owner. */
export type Standing = "inside" | "outside" | "nobody";

type Data = Readonly<Record<string, unknown>>;
type Fact = Readonly<{ type: string; data: Data }>;

/** The record that a status is about: its id, and the models that may hold it. */
type RecordReference = Readonly<{ id: unknown; models: readonly LifecycleModel[] }>;

/** Whether a fact names the platform as an owner. A fact of a type without a rule is outside. */
const OWNS: Readonly<Partial<Record<FactType, (data: Data, platform: string) => boolean>>> = {
  MovementRecorded: isOfAccount,
  BalanceReported: isOfAccount,
  DepositStatusReported: isOfOwner,
  WithdrawalStatusReported: isOfOwner,
  PaymentStatusReported: isOfOwner,
  FundReported: isOfOwner,
  TradeStatusReported: ({ fields }, platform) => partiesOf(fields).has(platform),
};

/** The record that may know the group of a fact that names a participant and no group. */
const RECORD_OF: Readonly<Partial<Record<FactType, (data: Data) => RecordReference>>> = {
  DepositStatusReported: ({ deposit_id: id }) => ({ id, models: ["deposits"] }),
  WithdrawalStatusReported: ({ withdrawal_id: id }) => ({ id, models: ["withdrawals"] }),
  PaymentStatusReported: ({ payment: id }) => ({ id, models: ["withdrawals", "deposits"] }),
  FundReported: ({ fund: id }) => ({ id, models: ["deposits"] }),
};

function isOfAccount({ account }: Data, platform: string): boolean {
  return typeof account === "string" && isAccountOf(account, platform);
}

function isOfOwner({ participant_code, account_group }: Data, platform: string): boolean {
  return participant_code === platform || account_group === platform;
}

/** Facts without an owner; the other facts of their delivery decide whose it is. */
const WITHOUT_OWNER: ReadonlySet<string> = new Set([
  "RunRecorded",
  "DeliveryDivided",
  "DeliveryCompleted",
  "SnapshotCompleted",
]);

/** Classifies facts for one platform, during one request. */
export type Standings = Readonly<{
  platform: string;
  of: (fact: Fact) => Promise<Standing>;
  /** Classifies events; an amendment is classified like the fact that it amends. */
  ofEvents: (stream: EventStream, events: readonly RecordedEvent[]) => Promise<readonly Standing[]>;
}>;

export function createStandings(
  models: Pick<ServedModels, "snapshot">,
  platform: string,
): Standings {
  /** By model and participant, whether any record is of the platform's group; it seldom is. */
  const participants = new Map<string, Promise<boolean>>();

  function hasRecords(model: LifecycleModel, participant: string): Promise<boolean> {
    const key = `${model}:${participant}`;
    const known = participants.get(key);
    if (known !== undefined) return known;
    const result = models.snapshot(model, (rows) => hasRecordOf(rows, participant, platform));
    participants.set(key, result);
    return result;
  }

  async function isOfRecord({ type, data }: Fact): Promise<boolean> {
    const { participant_code: participant, account_group } = data;
    const about = RECORD_OF[type as FactType]?.(data);
    if (about === undefined || account_group !== undefined) return false;
    if (typeof participant !== "string" || typeof about.id !== "string") return false;
    const { id } = about;
    for (const model of about.models) {
      if (!(await hasRecords(model, participant))) continue;
      const query = { model, id, platform };
      const found = await models.snapshot(model, (rows) => findRow(rows, query));
      if (found.outcome === "found" && found.record.participant_code === participant) return true;
    }
    return false;
  }

  const of = async (fact: Fact): Promise<Standing> => {
    const { type, data } = fact;
    if (WITHOUT_OWNER.has(type)) return "nobody";
    const isInside = OWNS[type as FactType]?.(data, platform) || (await isOfRecord(fact));
    return isInside ? "inside" : "outside";
  };

  return {
    platform,
    of,
    ofEvents: async (stream, events) => {
      const read = events.map((event) => ({ type: event.type, data: readData(event) }));
      const amendedIds = read.map(({ data }) => amendedIdOf(data));
      const { known } = await stream.findByIds(amendedIds.filter((id) => id !== null));
      const standings: Standing[] = [];
      for (const [at, fact] of read.entries()) {
        const about = amendedIds[at] ?? null;
        const amended = about === null ? null : (known.get(about)?.event ?? null);
        if (about === null) standings.push(await of(fact));
        else if (amended === null) standings.push("outside");
        else standings.push(await of({ type: amended.type, data: readData(amended) }));
      }
      return standings;
    },
  };
}

const AMENDABLE: ReadonlySet<string> = new Set(PROVIDER_FACTS);

function amendedIdOf({ event_id, event_type }: Data): string | null {
  return typeof event_id === "string" && AMENDABLE.has(String(event_type)) ? event_id : null;
}

/** Replaces digests of the chain, which depend on other platforms' facts. */
export const NO_DIGEST = "0".repeat(64);

/** A platform's event without the data about others. */
export function eventFor(event: EventRecord, platform: string): EventRecord {
  return { ...event, hash: NO_DIGEST, data: dataFor(event.data, platform) };
}

/** Whether a platform's fact also has data about others. */
export const namesOthers = (data: Data, platform: string): boolean =>
  JSON.stringify(dataFor(data as EventRecord["data"], platform)) !== JSON.stringify(data);

const PARTS = ["data", "adds", "contradicts"] as const;

function dataFor(data: EventRecord["data"], platform: string): EventRecord["data"] {
  const isPaid = data.beneficiary_code === platform || data.beneficiary_group === platform;
  const isShown = ([name]: [string, unknown]) => isPaid || !name.startsWith("beneficiary_");
  const shown: Record<string, unknown> = Object.fromEntries(Object.entries(data).filter(isShown));
  if (isObject(shown.fields)) shown.fields = tradeFieldsFor(shown.fields, platform);
  // The parts of an amendment have the shape of the fact that it amends.
  for (const part of PARTS) if (isObject(shown[part])) shown[part] = dataFor(shown[part], platform);
  return shown as EventRecord["data"];
}

const isObject = (value: unknown): value is EventRecord["data"] =>
  typeof value === "object" && value !== null && !Array.isArray(value);
