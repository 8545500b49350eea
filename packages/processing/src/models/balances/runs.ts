import { type Change, isSamePlace, type OutOfReach } from "@counterfoil/core/balances/arrangement";
import {
  type Entry,
  entryId,
  hasFacts,
  newEntry,
  withMovement,
  withReport,
} from "@counterfoil/core/balances/entry";
import { nextFact, type StreamEvent, type Target } from "@counterfoil/core/balances/evolve";
import {
  appendInOrder,
  type EntryChange,
  type Rearranged,
  rearrange,
} from "@counterfoil/core/balances/history";
import { PLACES_MAX } from "@counterfoil/core/balances/ordering";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type Account,
  extend,
  findEntry,
  isAllInMemory,
  placeOfRun,
  removeEntry,
  seek,
  seekTime,
} from "./account.ts";
import { earliest } from "./account-starts.ts";
import {
  entryRow,
  isOnlyReported,
  movementFrom,
  movementRow,
  UNDATED,
  withoutReport,
} from "./entry-row.ts";
import { ENTRIES_PAST, ENTRY_MOVES, FORMER_RUNS, MOVEMENTS, MOVEMENTS_PAST } from "./tables.ts";

/** One fact as it was and as it is now, and what became of the account's entries. */
export type Step = Readonly<{
  account: Account;
  entry: Pick<Entry, "key" | "effectiveAt">;
  before: FactState | null;
  after: FactState | null;
  changes: readonly EntryChange[];
  event: StreamEvent;
}>;

type RunTarget = Exclude<Target, { kind: "statement" }>;

/**
 * A new fact of a run whose surroundings are in memory.
 *
 * @returns null where something has to be looked up: then nothing was changed
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
  if (!known && !isAllInMemory(account) && entry.counter <= account.lastCounter) return null;
  const fact = nextFact(null, event) as FactState;
  const isReport = target.kind === "report";
  const drawn = isReport ? withReport(entry, fact) : withMovement(entry, null, fact);
  if (drawn === null) return null;
  const replacement = { before: known ?? null, after: drawn, position: event.position };
  const changes = placeInMemory(buffer, account, replacement);
  if (changes === null) return null;
  if (entry.counter > account.lastCounter) account.lastCounter = entry.counter;
  if (!isReport) buffer.put(MOVEMENTS, movementRow(fact, account.id, event.position), null);
  return { account, entry: drawn, before: null, after: fact, changes, event };
}

/** A correction may put a movement into another run. */
type Moving = Readonly<{
  /** It goes to another run: it is only taken out of this one. */
  leaves?: boolean;
  /** It comes from another run. */
  coming?: FactState | null;
}>;

/**
 * Folds an event about a run's report or movement.
 *
 * @returns null where nothing is known of what it amends
 */
export async function foldRun(
  buffer: RowBuffer,
  account: Account,
  target: RunTarget,
  event: StreamEvent,
  { leaves = false, coming = null }: Moving = {},
): Promise<Readonly<{ step: Step; fact: FactState }> | null> {
  const { position } = event;
  const known = await findEntry(buffer, account, `run:${target.key}`);
  const entry = known ?? newEntry("run", target.key);
  const before = coming !== null ? null : await factBefore(buffer, account, entry, target);
  const fact = coming ?? nextFact(before, event);
  if (fact === null) return null;
  const after = leaves ? null : fact;
  const drawn = await withFact(buffer, entry, { account, target }, { before, after });
  if (target.kind === "movement") {
    await putMovement(buffer, account, target, { state: after, position });
  }
  if (entry.counter > account.lastCounter) account.lastCounter = entry.counter;
  const stays = hasFacts(drawn) ? drawn : null;
  const changes =
    known === null && stays === null
      ? []
      : await place(buffer, account, { before: known, after: stays, position });
  return { step: { account, entry: drawn, before, after, changes, event }, fact };
}

async function factBefore(
  buffer: RowBuffer,
  account: Account,
  entry: Entry,
  target: RunTarget,
): Promise<FactState | null> {
  if (target.kind === "report") return entry.report;
  const row = await buffer.get(MOVEMENTS, [account.id, target.key, target.movement]);
  return row === null ? null : movementFrom(row);
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

/** The latest time of a run's other movements, where the one that had the latest changes or goes. */
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

async function putMovement(
  buffer: RowBuffer,
  account: Account,
  { key, movement }: Extract<Target, { kind: "movement" }>,
  { state, position }: Readonly<{ state: FactState | null; position: number }>,
): Promise<void> {
  const stored = await buffer.get(MOVEMENTS, [account.id, key, movement]);
  if (stored !== null && stored.position !== position) {
    buffer.append(MOVEMENTS_PAST, { ...stored, until: position });
  }
  if (state !== null) buffer.put(MOVEMENTS, movementRow(state, account.id, position), stored);
  else if (stored !== null) buffer.remove(MOVEMENTS, stored, stored);
}

/** An entry of an account, as it was and as its facts now are; null: it was not, or is no more. */
export type Replacement = Readonly<{
  before: Entry | null;
  after: Entry | null;
  position: number;
  /** Where a snapshot stands at the earliest, where that is not its arrival. */
  at?: Nanos;
}>;

/** The common case: everything that the entry's place depends on is in memory. */
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
    ? noteChanges(buffer, account, done.changes, position)
    : null;
}

/** Puts an entry into its place, takes it out, or both; brings in what that needs. */
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
    const done = await reach(buffer, account, { ...step, position, at: at ?? time });
    for (const change of noteChanges(buffer, account, done.changes, position)) {
      const id = entryId((change.after ?? change.before) as Entry);
      const first = changes.get(id);
      changes.set(id, first ? { before: first.before, after: change.after } : change);
      if (change.after === null) removeEntry(buffer, account, id);
    }
  }
  await noteMoves(buffer, account, changes.values(), position);
  return [...changes.values()];
}

/** Whoever asks as of an earlier event finds entries where they stood, and runs where they were. */
async function noteMoves(
  buffer: RowBuffer,
  account: Account,
  changes: Iterable<EntryChange>,
  position: number,
): Promise<void> {
  for (const { before, after } of changes) {
    if (before === null || !isMoved(before, after)) continue;
    // An event may change an entry more than once, and move it only then.
    const move = moveOf(account, before, position);
    const known = await buffer.get(ENTRY_MOVES, [account.id, entryId(before), position]);
    if (known === null) buffer.put(ENTRY_MOVES, move, null);
    if (after === null && before.kind === "run") await noteFormerRun(buffer, account, before);
  }
}

const isMoved = (before: Entry, after: Entry | null): boolean =>
  after === null || !isSamePlace(before, after);

function moveOf({ id: account }: Account, entry: Entry, until: number): Row {
  const { placedAt: placed_at, rank, mark } = entry;
  return { account, id: entryId(entry), until, placed_at, rank, mark };
}

async function noteFormerRun(buffer: RowBuffer, { id: account }: Account, { key }: Entry) {
  const known = await buffer.get(FORMER_RUNS, [key, account]);
  if (known === null) buffer.put(FORMER_RUNS, { run_id: key, account }, null);
}

type Arranged = Omit<Change, "nearUndated">;

async function reach(buffer: RowBuffer, account: Account, step: Arranged): Promise<Rearranged> {
  const { before: was, after } = step;
  if (was === null && after !== null) {
    await (after.kind === "run"
      ? seek(buffer, account, placeOfRun(after))
      : seekTime(buffer, account, step.at));
  }
  for (;;) {
    // What is brought in makes the entry another object, of the same content.
    const before = step.before && (await findEntry(buffer, account, entryId(step.before)));
    const change = changeOf(account, { ...step, before });
    const done: Rearranged | OutOfReach =
      appendInOrder(account.history, change) ?? rearrange(account.history, change);
    if (done.outcome === "rearranged") return done;
    await extend(buffer, account, done.side);
  }
}

/** A run without a time of its own may be confused with others many places away. */
function changeOf(account: Account, step: Arranged): Change {
  const { before, after, at } = step;
  const isUndated = [before, after].some((entry) => entry?.kind === "run" && entry.isUndated);
  if (isUndated) return { ...step, nearUndated: true };
  if (account.undated === 0) return { ...step, nearUndated: false };
  const last = account.history.entries.at(-1);
  const isAtEnd = account.history.isEnd && last !== undefined && at >= last.placedAt;
  return { ...step, nearUndated: !isAtEnd || account.sinceUndated < PLACES_MAX };
}

/** Takes in which entries are to be written, how they stood before, and what they say of times. */
function noteChanges(
  buffer: RowBuffer,
  account: Account,
  changes: readonly EntryChange[],
  position: number,
): readonly EntryChange[] {
  if (account.history.isEnd) account.isEndChanged = true;
  for (const { before, after } of changes) {
    if (before !== null) notePast(buffer, account, { before, after }, position);
    if (after !== null) {
      account.changed.add(entryId(after));
      noteTime(account, after);
    }
    const undated = countUndated(after) - countUndated(before);
    account.undated += undated;
    if (undated > 0) account.sinceUndated = 0;
    else if (account.undated > 0) account.sinceUndated += (after ? 1 : 0) - (before ? 1 : 0);
    account.sinceUndated = Math.min(Math.max(account.sinceUndated, 0), PLACES_MAX);
  }
  return changes;
}

/** Nearly always an entry before it took effect before it, and the account's start was noted then. */
function noteTime(account: Account, { effectiveAt: at }: Entry): void {
  const first = account.history.entries[0];
  if (first !== undefined && first.effectiveAt < at) return;
  account.begins = earliest(account.begins, { position: null, at });
}

/** How an entry stood before: in a row of the past, or, where only its report came, in its own. */
function notePast(
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
  // An event may change an entry more than once: what counts is what stood before it.
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
