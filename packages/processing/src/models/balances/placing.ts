import type { Change, OutOfReach } from "@counterfoil/core/balances/arrangement";
import type { Entry } from "@counterfoil/core/balances/entry";
import { entryId } from "@counterfoil/core/balances/entry";
import {
  appendInOrder,
  type EntryChange,
  type Rearranged,
  rearrange,
} from "@counterfoil/core/balances/history";
import { PLACES_MAX } from "@counterfoil/core/balances/ordering";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type Account,
  extend,
  findEntry,
  placeOfRun,
  removeEntry,
  seek,
  seekTime,
} from "./account.ts";

/** An entry of an account, as it was and as its facts now are; null: it was not, or is no more. */
export type Replacement = Readonly<{
  before: Entry | null;
  after: Entry | null;
  position: number;
  /** Where a snapshot stands at the earliest, where that is not its arrival. */
  at?: Nanos;
}>;

/** The common case: everything that the entry's place depends on is in memory. */
export function placeInMemory(
  account: Account,
  replacement: Replacement,
): readonly EntryChange[] | null {
  const { before, after, position, at } = replacement;
  if (before !== null && after !== null && before.effectiveAt !== after.effectiveAt) return null;
  const entry = after ?? before;
  if (entry === null || !account.history.isEnd) return null;
  const change = changeOf(account, { before, after, position, at: at ?? entry.effectiveAt });
  const done = appendInOrder(account.history, change) ?? rearrange(account.history, change);
  return done.outcome === "rearranged" ? noteChanges(account, done.changes) : null;
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
    for (const change of noteChanges(account, done.changes)) {
      const id = entryId((change.after ?? change.before) as Entry);
      const first = changes.get(id);
      changes.set(id, first ? { before: first.before, after: change.after } : change);
      if (change.after === null) removeEntry(buffer, account, id);
    }
  }
  return [...changes.values()];
}

type Step = Omit<Change, "nearUndated">;

async function reach(buffer: RowBuffer, account: Account, step: Step): Promise<Rearranged> {
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
    const done: Rearranged | OutOfReach = rearrange(account.history, change);
    if (done.outcome === "rearranged") return done;
    await extend(buffer, account, done.side);
  }
}

/** A run without a time of its own may be confused with others many places away. */
function changeOf(account: Account, step: Step): Change {
  const { before, after, at } = step;
  const isUndated = [before, after].some((entry) => entry?.kind === "run" && entry.isUndated);
  if (isUndated) return { ...step, nearUndated: true };
  if (account.undated === 0) return { ...step, nearUndated: false };
  const last = account.history.entries.at(-1);
  const isAtEnd = account.history.isEnd && last !== undefined && at >= last.placedAt;
  return { ...step, nearUndated: !isAtEnd || account.sinceUndated < PLACES_MAX };
}

/** Takes in which entries are to be written, and what they say of times. */
function noteChanges(account: Account, changes: readonly EntryChange[]): readonly EntryChange[] {
  for (const { before, after } of changes) {
    if (after !== null) account.changed.add(entryId(after));
    const undated = countUndated(after) - countUndated(before);
    account.undated += undated;
    if (undated > 0) account.sinceUndated = 0;
    else if (account.undated > 0) account.sinceUndated += (after ? 1 : 0) - (before ? 1 : 0);
    account.sinceUndated = Math.min(Math.max(account.sinceUndated, 0), PLACES_MAX);
  }
  return changes;
}

const countUndated = (entry: Entry | null): number =>
  entry?.kind === "run" && entry.isUndated ? 1 : 0;
