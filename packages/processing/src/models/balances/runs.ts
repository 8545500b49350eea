import {
  type Change,
  comparePlaces,
  isSamePlace,
  type OutOfReach,
  type Placed,
} from "@counterfoil/core/balances/arrangement";
import {
  type Entry,
  entryId,
  hasFacts,
  newEntry,
  withMovement,
  withReport,
} from "@counterfoil/core/balances/entry";
import {
  appendInOrder,
  type EntryChange,
  type Rearranged,
  rearrange,
} from "@counterfoil/core/balances/history";
import { errorOf, isWhole, PLACES_MAX } from "@counterfoil/core/balances/ordering";
import { nextFact, type StreamEvent, type Target } from "@counterfoil/core/balances/targets";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type Account,
  earliest,
  findEntry,
  isFullyLoaded,
  loadAround,
  loadAroundTime,
  loadMore,
  removeEntry,
} from "./account.ts";
import {
  entryRow,
  isOnlyReported,
  movementFrom,
  movementRow,
  UNDATED,
  withoutReport,
} from "./entry-row.ts";
import { ENTRIES_PAST, ENTRY_MOVES, FORMER_RUNS, MOVEMENTS, MOVEMENTS_PAST } from "./tables.ts";

/** One fact before and after an event, and the resulting changes of the account's entries. */
export type Step = Readonly<{
  account: Account;
  entry: Pick<Entry, "key" | "effectiveAt">;
  before: FactState | null;
  after: FactState | null;
  changes: readonly EntryChange[];
  event: StreamEvent;
}>;

export type RunTarget = Exclude<Target, { kind: "statement" }>;

/**
 * Folds a new fact of a run if all it needs is loaded.
 *
 * @returns null if rows have to be read; then nothing was changed
 */
export function foldInMemory(
  buffer: RowBuffer,
  account: Account,
  target: RunTarget,
  event: StreamEvent,
): Step | null {
  if (!account.history.isEnd) return null;
  const known = account.history.byId.get(`run:${target.key}`);
  const entry = known ?? newEntry("run", target.key);
  if (!known && !isFullyLoaded(account) && entry.counter <= account.lastCounter) return null;
  const fact = nextFact(null, event) as FactState;
  const isReport = target.kind === "report";
  const updated = isReport ? withReport(entry, fact) : withMovement(entry, null, fact);
  if (updated === null) return null;
  const replacement = { before: known ?? null, after: updated, position: event.position };
  const changes = placeInMemory(buffer, account, replacement);
  if (changes === null) return null;
  if (entry.counter > account.lastCounter) account.lastCounter = entry.counter;
  if (!isReport) buffer.put(MOVEMENTS, movementRow(fact, account.id, event.position), null);
  return { account, entry: updated, before: null, after: fact, changes, event };
}

/** How a correction moves a movement from one run to another. */
type Transfer = Readonly<{
  /** The movement goes to another run: it is only removed from this one. */
  isLeaving?: boolean;
  /** The movement as it comes from another run. */
  arriving?: FactState | null;
}>;

/**
 * Folds an event about a run's report or movement.
 *
 * @returns null if the fact that it amends is unknown
 */
export async function foldRun(
  buffer: RowBuffer,
  account: Account,
  target: RunTarget,
  event: StreamEvent,
  { isLeaving = false, arriving = null }: Transfer = {},
): Promise<Readonly<{ step: Step; fact: FactState }> | null> {
  const { position } = event;
  const known = await findEntry(buffer, account, `run:${target.key}`);
  const entry = known ?? newEntry("run", target.key);
  const stored = await movementRowOf(buffer, account, target);
  const stated = target.kind === "report" ? entry.report : stored && movementFrom(stored);
  const before = arriving === null ? stated : null;
  const fact = arriving ?? nextFact(before, event);
  if (fact === null) return null;
  const after = isLeaving ? null : fact;
  const updated = await withFact(buffer, entry, { account, target }, { before, after });
  if (target.kind === "movement") {
    putMovement(buffer, account, stored, { state: after, position });
  }
  if (entry.counter > account.lastCounter) account.lastCounter = entry.counter;
  const kept = hasFacts(updated) ? updated : null;
  const changes =
    known === null && kept === null
      ? []
      : await place(buffer, account, { before: known, after: kept, position });
  return { step: { account, entry: updated, before, after, changes, event }, fact };
}

async function movementRowOf(
  buffer: RowBuffer,
  { id }: Account,
  target: RunTarget,
): Promise<Row | null> {
  if (target.kind === "report") return null;
  return buffer.get(MOVEMENTS, [id, target.key, target.movement]);
}

async function withFact(
  buffer: RowBuffer,
  entry: Entry,
  { account, target }: Readonly<{ account: Account; target: RunTarget }>,
  { before, after }: Readonly<{ before: FactState | null; after: FactState | null }>,
): Promise<Entry> {
  if (target.kind === "report") return withReport(entry, after);
  const exchanged = withMovement(entry, before, after);
  if (exchanged !== null) return exchanged;
  const latest = await latestOther(buffer, account, target);
  return withMovement(entry, before, after, latest) as Entry;
}

/** The latest time of a run's other movements, needed when its latest movement changes or is removed. */
async function latestOther(
  buffer: RowBuffer,
  account: Account,
  { key: run, movement }: Extract<Target, { kind: "movement" }>,
): Promise<Nanos | null> {
  const latest = await buffer.select(MOVEMENTS, {
    where: [
      { column: "account", is: "=", value: account.id },
      { column: "run_id", is: "=", value: run },
    ],
    orderBy: ["account", "run_id", "counted_at", "movement_id"],
    descending: true,
    limit: 2,
  });
  const other = latest.find(({ movement_id }) => movement_id !== movement);
  const at = BigInt(other?.counted_at ?? UNDATED);
  return at === UNDATED ? null : at;
}

function putMovement(
  buffer: RowBuffer,
  account: Account,
  stored: Row | null,
  { state, position }: Readonly<{ state: FactState | null; position: number }>,
): void {
  if (stored !== null && stored.position !== position) {
    buffer.append(MOVEMENTS_PAST, { ...stored, until: position });
  }
  if (state !== null) buffer.put(MOVEMENTS, movementRow(state, account.id, position), stored);
  else if (stored !== null) buffer.remove(MOVEMENTS, stored, stored);
}

/** An entry of an account before and after an event; null if it does not exist then. */
type Replacement = Readonly<{
  before: Entry | null;
  after: Entry | null;
  position: number;
  /** The earliest place of a snapshot, if that is not its arrival. */
  at?: Nanos;
}>;

/** The common case: everything that the entry's place depends on is loaded. @returns null if it is not */
function placeInMemory(
  buffer: RowBuffer,
  account: Account,
  replacement: Replacement,
): readonly EntryChange[] | null {
  const { before, after, position, at } = replacement;
  if (before !== null && after !== null && before.effectiveAt !== after.effectiveAt) return null;
  const entry = after ?? before;
  if (entry === null || !account.history.isEnd) return null;
  const change = changeOf(account, { before, after, position, at: at ?? entry.effectiveAt });
  const done = appendInOrder(account.history, change) ?? rearrange(account.history, change);
  return done.outcome === "rearranged"
    ? recordChanges(buffer, account, done.changes, position)
    : null;
}

/** Inserts, moves or removes an entry, and loads the history that this needs. */
export async function place(
  buffer: RowBuffer,
  account: Account,
  { before, after, position, at }: Replacement,
): Promise<readonly EntryChange[]> {
  const isMoved = before !== null && after !== null && before.effectiveAt !== after.effectiveAt;
  const steps = isMoved
    ? [
        { before, after: null },
        { before: null, after },
      ]
    : [{ before, after }];
  const changes = new Map<string, EntryChange>();
  for (const step of steps) {
    const time = (step.after ?? step.before)?.effectiveAt ?? 0n;
    const done = await rearrangeWithLoading(buffer, account, { ...step, position, at: at ?? time });
    for (const change of recordChanges(buffer, account, done.changes, position)) {
      const id = entryId((change.after ?? change.before) as Entry);
      const first = changes.get(id);
      changes.set(id, first ? { before: first.before, after: change.after } : change);
      if (change.after === null) removeEntry(buffer, account, id);
    }
  }
  await recordMoves(buffer, account, changes.values(), position);
  return [...changes.values()];
}

/** Records earlier places of entries and earlier accounts of runs, for queries of a past position. */
async function recordMoves(
  buffer: RowBuffer,
  account: Account,
  changes: Iterable<EntryChange>,
  position: number,
): Promise<void> {
  for (const { before, after } of changes) {
    if (before === null || !isMoved(before, after)) continue;
    // An event may change an entry more than once, and only a later change may move it.
    const move = moveOf(account, before, position);
    const known = await buffer.get(ENTRY_MOVES, [account.id, entryId(before), position]);
    if (known === null) buffer.put(ENTRY_MOVES, move, null);
    if (after === null && before.kind === "run") await recordFormerRun(buffer, account, before);
  }
}

const isMoved = (before: Entry, after: Entry | null): boolean =>
  after === null || !isSamePlace(before, after);

function moveOf({ id: account }: Account, entry: Entry, until: number): Row {
  const { placedAt: placed_at, rank, mark } = entry;
  return { account, id: entryId(entry), until, placed_at, rank, mark };
}

async function recordFormerRun(buffer: RowBuffer, { id: account }: Account, { key }: Entry) {
  const known = await buffer.get(FORMER_RUNS, [key, account]);
  if (known === null) buffer.put(FORMER_RUNS, { run_id: key, account }, null);
}

type Placement = Omit<Change, "nearUndated" | "nearWhole">;

async function rearrangeWithLoading(
  buffer: RowBuffer,
  account: Account,
  step: Placement,
): Promise<Rearranged> {
  const { before: was, after } = step;
  if (was === null && after !== null) {
    await (after.kind === "run"
      ? loadAround(buffer, account, placeOfRun(after))
      : loadAroundTime(buffer, account, step.at));
  }
  for (;;) {
    // Loading replaces the entry by another object with the same content.
    const before = step.before && (await findEntry(buffer, account, entryId(step.before)));
    const change = changeOf(account, { ...step, before });
    const done: Rearranged | OutOfReach =
      appendInOrder(account.history, change) ?? rearrange(account.history, change);
    if (done.outcome === "rearranged") return done;
    await loadMore(buffer, account, done.side);
  }
}

/** The place around which a run of this time and number belongs. */
const placeOfRun = ({ effectiveAt, counter }: Entry): Placed => ({
  placedAt: effectiveAt,
  rank: 0,
  mark: counter,
});

/** Adds whether runs may be near whose order is ambiguous with runs many places, or a second, away. */
function changeOf(account: Account, placed: Placement): Change {
  const { before, after, at } = placed;
  const isBelow = [before, after].some((entry) => entry && entry.counter < account.wholeCounter);
  const step = { ...placed, nearWhole: isBelow && at <= account.wholeUntil };
  const isUndated = [before, after].some((entry) => entry?.kind === "run" && entry.isUndated);
  if (isUndated) return { ...step, nearUndated: true };
  if (account.undated === 0) return { ...step, nearUndated: false };
  const last = account.history.entries.at(-1);
  const isAtEnd = account.history.isEnd && last !== undefined && at >= last.placedAt;
  return { ...step, nearUndated: !isAtEnd || account.sinceUndated < PLACES_MAX };
}

/** Records which entries have to be written, their earlier versions, starts, and the number of undated runs. */
function recordChanges(
  buffer: RowBuffer,
  account: Account,
  changes: readonly EntryChange[],
  position: number,
): readonly EntryChange[] {
  if (account.history.isEnd) account.isEndChanged = true;
  for (const { before, after } of changes) {
    if (before !== null) recordPast(buffer, account, { before, after }, position);
    if (after !== null) {
      account.changed.add(entryId(after));
      recordStart(account, after);
    }
    countSinceUndated(account, { before, after });
    noteWhole(account, after);
  }
  return changes;
}

/**
 * Counts the runs that surely stand behind the last undated one: those that were appended at the end
 * since. A count that is too low costs a wider look; one that is too high would order runs by what
 * arrived first.
 */
function countSinceUndated(
  account: Account,
  { before, after }: Readonly<{ before: Entry | null; after: Entry | null }>,
): void {
  const { history, sinceUndated } = account;
  account.undated += countUndated(after) - countUndated(before);
  const isMoved = before === null || after === null || comparePlaces(before, after) !== 0;
  if (!isMoved || account.undated === 0) return;
  const last = history.isEnd ? history.entries.at(-1) : undefined;
  const isAppended = before === null && after?.kind === "run" && last?.key === after.key;
  if (countUndated(after) > 0) account.sinceUndated = 0;
  else if (isAppended) account.sinceUndated = Math.min(sinceUndated + 1, PLACES_MAX);
  else if (before !== null) account.sinceUndated = Math.max(sinceUndated - 1, 0);
}

/** Records which others a run may come behind if its time is a whole second. Neither bound ever falls. */
function noteWhole(account: Account, entry: Entry | null): void {
  if (entry?.kind !== "run" || !isWhole(entry)) return;
  const until = entry.effectiveAt + errorOf(entry);
  if (until > account.wholeUntil) account.wholeUntil = until;
  if (entry.counter > account.wholeCounter) account.wholeCounter = entry.counter;
}

/** Records an account's start. Nearly always an earlier entry is loaded, so its start is recorded already. */
function recordStart(account: Account, { effectiveAt: at }: Entry): void {
  const first = account.history.entries[0];
  if (first !== undefined && first.effectiveAt < at) return;
  account.pendingStart = earliest(account.pendingStart, { position: null, at });
}

/** Keeps the earlier version of an entry: in `ENTRIES_PAST`, or in its own row if only its report was added. */
function recordPast(
  buffer: RowBuffer,
  account: Account,
  { before, after }: Readonly<{ before: Entry; after: Entry | null }>,
  position: number,
): void {
  const id = entryId(before);
  const { unreported } = account;
  const since = unreported.get(id);
  const first = since === undefined ? null : withoutReport(before, since);
  const isOfThisEvent = before.position === position;
  // An event may change an entry more than once; the version to keep is the one before the event.
  const earliest = isOfThisEvent ? first : before;
  const isFirstChange = isOfThisEvent || first === null;
  if (isFirstChange && earliest && after && isOnlyReported(earliest, after)) {
    unreported.set(id, earliest.position);
    return;
  }
  unreported.delete(id);
  const append = (entry: Entry, until: number) =>
    buffer.append(ENTRIES_PAST, { ...entryRow(entry, account.id), until });
  if (first !== null) append(first, before.position);
  if (isOfThisEvent) return;
  append(before, position);
  if (isMoved(before, after)) buffer.put(ENTRY_MOVES, moveOf(account, before, position), null);
}

const countUndated = (entry: Entry | null): number =>
  entry?.kind === "run" && entry.isUndated ? 1 : 0;
