import { add, type Money, moneyOf } from "../exact/money.ts";
import { type Nanos, timeOf } from "../exact/time.ts";
import type { Connection } from "../feed-lines.ts";
import {
  accountIdsOf,
  type FactState,
  firstArrivalOf,
  inForce,
  type Place,
  placesOf,
} from "../ingest/fact-state.ts";
import { CLOCK_LIMIT, type LinePlace, type Running } from "./report.ts";

/**
 * One report in an account's book: a run on the account, the funds of a Layer1 message, or a
 * snapshot. The first part is a function of its facts, the second of its place among the others,
 * the third notes when it was recorded. The book owns its entries and changes them in place.
 */
export type Entry = {
  readonly kind: "run" | "snapshot";
  /** The run's id; Layer1: the envelope's time; snapshot: connection and frame. */
  readonly key: string;
  facts: EntryFacts;

  ownTime: Nanos;
  places: readonly LinePlace[];
  change: Money | null;
  balance: Money | null;
  tolerance: Money | null;
  /** Layer1's BLOCKCHAIN: what the other funds of its message add up to. */
  expected: Money | null;
  /** The provider's ids of the account, sorted. */
  accountIds: readonly string[];
  /** When the first of its facts reached us. */
  arrivedAt: Nanos;
  /** The time that the provider gave, before any rule moved it; null where it gave none. */
  statedTime: Nanos | null;

  /** No frame before it on one of its lines is later than this. */
  floor: Nanos;
  effectiveAt: Nanos;
  /** Order: by (chainAt, rank). The first run of a chain has rank 0. */
  chainAt: Nanos;
  rank: number;
  /** Runs always stand; a snapshot that only confirms takes no place. */
  standing: boolean;
  /** The balance after it, standing snapshots included; and as the order of runs sees it. */
  running: Running;
  orderRunning: Running;
  /** What is missing before it; null where nothing is. */
  missing: Money | null;
  /** Id of the standing entry before the gap. */
  missingAfter: string | null;
  /** The balance before the account's first report, where it is not zero. */
  opening: Money | null;

  late: boolean;
  position: number;
  deliveryId: string | null;
};

export type EntryFacts = Readonly<{
  report: FactState | null;
  /** By movement id. */
  movements: ReadonlyMap<string, FactState>;
}>;

/** Layer1 rounds its deltas (DOMAIN 7.4: 2.8125e-19 off in a printed example). */
const LAYER1_TOLERANCE = moneyOf("0.000000000000000001");

export const entryId = ({ kind, key }: Pick<Entry, "kind" | "key">): string => `${kind}:${key}`;

export function createEntry(kind: Entry["kind"], key: string, position: number): Entry {
  return {
    kind,
    key,
    facts: { report: null, movements: new Map() },
    ownTime: 0n,
    places: [],
    change: null,
    balance: null,
    tolerance: null,
    expected: null,
    accountIds: [],
    arrivedAt: 0n,
    statedTime: null,
    floor: 0n,
    effectiveAt: 0n,
    chainAt: 0n,
    rank: 0,
    standing: kind === "run",
    running: null,
    orderRunning: null,
    missing: null,
    missingAfter: null,
    opening: null,
    late: false,
    position,
    deliveryId: null,
  };
}

/** Whether any fact is left; an entry whose facts were all withdrawn goes. */
export function hasFacts(entry: Entry): boolean {
  return inForceOf(entry).length > 0;
}

/** Where the first of its facts was recorded. */
export function firstPosition(entry: Entry): number {
  return Math.min(...inForceOf(entry).map(({ position }) => position));
}

/** The facts that were not withdrawn. */
export function inForceOf({ facts }: Entry): readonly FactState[] {
  const states = [...facts.movements.values()];
  if (facts.report !== null) states.push(facts.report);
  return states.filter(({ withdrawn }) => !withdrawn);
}

/** Computes anew what follows from the entry's facts alone. */
export function deriveFromFacts(
  entry: Entry,
  account: string,
  connections: ReadonlyMap<string, Connection>,
): void {
  const report = entry.facts.report?.withdrawn ? null : entry.facts.report;
  const stated = report === null ? null : inForce(report);
  const isLayer1 = account.startsWith("layer1:");
  entry.balance = moneyOrNull(stated?.balance);
  entry.change = isLayer1 ? moneyOrNull(stated?.change) : null;
  entry.tolerance = isLayer1 ? LAYER1_TOLERANCE : null;
  entry.expected = moneyOrNull(stated?.expected_balance);
  entry.places = report === null ? NO_PLACES : linePlaces(placesOf(report), connections);
  entry.arrivedAt = report === null ? 0n : firstArrivalOf(report);
  entry.accountIds = report === null ? NO_IDS : accountIdsOf(report);
  entry.deliveryId = report?.deliveryId ?? null;
  entry.statedTime = null;
  for (const movement of entry.facts.movements.values()) {
    if (!movement.withdrawn) takeMovement(entry, movement, report !== null);
  }
  if (entry.statedTime === null && stated !== null) entry.statedTime = timeIn(stated);
  entry.ownTime = ownTime(entry);
}

const NO_PLACES: readonly LinePlace[] = [];
const NO_IDS: readonly string[] = [];

function takeMovement(entry: Entry, movement: FactState, isReported: boolean): void {
  const data = inForce(movement);
  const change = moneyOrNull(data.change);
  if (change !== null) entry.change = entry.change === null ? change : add(entry.change, change);
  const time = timeIn(data);
  if (time !== null && (entry.statedTime === null || time > entry.statedTime)) {
    entry.statedTime = time;
  }
  const arrival = firstArrivalOf(movement);
  if (entry.arrivedAt === 0n || arrival < entry.arrivedAt) entry.arrivedAt = arrival;
  entry.accountIds = withIds(entry.accountIds, accountIdsOf(movement));
  if (!isReported) entry.deliveryId ??= movement.deliveryId;
}

function withIds(ids: readonly string[], more: readonly string[]): readonly string[] {
  if (more.every((id) => ids.includes(id))) return ids;
  return [...new Set([...ids, ...more])].sort();
}

/** A time far in the future of its own arrival was misprinted; then the arrival counts. */
function ownTime({ statedTime, arrivedAt }: Entry): Nanos {
  if (statedTime === null) return arrivedAt;
  return statedTime > arrivedAt + CLOCK_LIMIT ? arrivedAt : statedTime;
}

function linePlaces(
  places: readonly Place[],
  connections: ReadonlyMap<string, Connection>,
): LinePlace[] {
  return places.flatMap(({ connection, frame }) => {
    const known = connections.get(connection);
    if (known === undefined) return [];
    const { line, lineOpenedAt, index } = known;
    return [{ line, lineOpenedAt, index, frame }];
  });
}

const timeIn = (data: Readonly<Record<string, unknown>>): Nanos | null =>
  typeof data.occurred_at === "string" ? timeOf(data.occurred_at) : null;

const moneyOrNull = (stored: unknown): Money | null =>
  typeof stored === "string" ? moneyOf(stored) : null;
