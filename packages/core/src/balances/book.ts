import type { Connection } from "../feed-lines.ts";
import type { FactState } from "../ingest/fact-state.ts";
import { anomaliesOf } from "./anomaly.ts";
import { arrange, arrangeAtEnd, endsAlone } from "./arrange.ts";
import { type BookEffects, difference, effects, NO_EFFECTS } from "./book-effects.ts";
import { type Book, isWithin, setEntries } from "./book-window.ts";
import {
  createEntry,
  deriveFromFacts,
  type Entry,
  entryId,
  firstPosition,
  hasFacts,
} from "./entry.ts";
import { noteHeads, placeOnLines, recomputeLines } from "./line-heads.ts";

/** What an event says of one entry: one of its facts as it now stands, or null where withdrawn. */
export type EntryChange = Readonly<{
  kind: Entry["kind"];
  key: string;
  slot: Readonly<{ report: true }> | Readonly<{ movement: string }>;
  state: FactState | null;
  position: number;
}>;

/** The change reaches back before the window: extend the window to the left, then ask again. */
export type OutOfReach = Readonly<{ outcome: "out_of_reach" }>;

/** Takes one change into the book; where it reaches too far back, nothing was changed. */
export function evolveBook(
  book: Book,
  change: EntryChange,
  connections: ReadonlyMap<string, Connection>,
): BookEffects | OutOfReach {
  const known = book.byId.get(entryId(change)) ?? null;
  const draft: Entry =
    known === null ? createEntry(change.kind, change.key, change.position) : { ...known };
  takeFact(draft, change);
  deriveFromFacts(draft, book.account, connections);
  const isGone = !hasFacts(draft);
  const placing = isGone ? "whole" : placeOnLines(book.heads, known, draft);
  if (placing === "newest" && settleAtEnd(book, known, draft)) {
    return atEnd(book, known, draft, change.position);
  }
  const isReached = placing === "whole" ? book.complete : isWithin(book, known, draft, connections);
  if (!isReached) return OUT_OF_REACH;
  if (isGone) return removeEntry(book, known, change, connections);
  return rearrange(book, known, draft, { placing, position: change.position, connections });
}

const OUT_OF_REACH: OutOfReach = { outcome: "out_of_reach" };

function takeFact(entry: Entry, { slot, state }: EntryChange): void {
  if ("report" in slot) {
    entry.facts = { ...entry.facts, report: state };
    return;
  }
  const movements = new Map(entry.facts.movements);
  if (state === null) movements.delete(slot.movement);
  else movements.set(slot.movement, state);
  entry.facts = { ...entry.facts, movements };
}

function settleAtEnd(book: Book, known: Entry | null, draft: Entry): boolean {
  const { entries, left, complete, snapshotAt } = book;
  if (known !== null && entries.at(-1) !== known) return false;
  const before = entries.at(known === null ? -1 : -2);
  if (before === undefined && !complete && !endsAlone(left)) return false;
  return arrangeAtEnd(draft, before, left, snapshotAt);
}

function atEnd(book: Book, known: Entry | null, draft: Entry, position: number): BookEffects {
  const before = known === null ? [] : anomaliesOf(known, book.account);
  if (known !== null) book.entries.pop();
  draft.position = position;
  draft.late = false;
  book.entries.push(draft);
  book.byId.set(entryId(draft), draft);
  noteHeads(book.heads, draft);
  const after = anomaliesOf(draft, book.account);
  return { outcome: "changed", entries: [draft], removed: [], ...difference(before, after) };
}

type Rearrangement = Readonly<{
  placing: "newest" | "whole";
  position: number;
  connections: ReadonlyMap<string, Connection>;
}>;

function rearrange(
  book: Book,
  known: Entry | null,
  draft: Entry,
  { placing, position, connections }: Rearrangement,
): BookEffects {
  const before = new Map(book.entries.map((entry) => [entryId(entry), { ...entry }]));
  const entries = book.entries.filter((entry) => entry !== known);
  entries.push(draft);
  book.byId.set(entryId(draft), draft);
  if (placing === "whole") recomputeLines(book.heads, entries.filter(isRun));
  setEntries(book, arrange(entries, book.left, connections));
  if (draft.kind === "snapshot" && draft.arrivedAt > book.snapshotAt) {
    book.snapshotAt = draft.arrivedAt;
  }
  if (placing === "newest") noteHeads(book.heads, draft);
  draft.late = isLate(book, draft);
  return effects(book, before, draft, position);
}

const isRun = ({ kind }: Entry): boolean => kind === "run";

/** Whether something that comes after it in the order was recorded before it. */
function isLate({ entries }: Book, entry: Entry): boolean {
  if (entry.kind === "snapshot") return false;
  const recorded = firstPosition(entry);
  return entries
    .slice(entries.indexOf(entry) + 1)
    .some((other) => other.standing && firstPosition(other) < recorded);
}

function removeEntry(
  book: Book,
  known: Entry | null,
  { position }: EntryChange,
  connections: ReadonlyMap<string, Connection>,
): BookEffects {
  if (known === null) return NO_EFFECTS;
  const before = new Map(book.entries.map((entry) => [entryId(entry), { ...entry }]));
  const entries = book.entries.filter((entry) => entry !== known);
  book.byId.delete(entryId(known));
  recomputeLines(book.heads, entries.filter(isRun));
  setEntries(book, arrange(entries, book.left, connections));
  // A book that has become empty is as one that nothing was ever written into.
  if (entries.length === 0) book.snapshotAt = 0n;
  return effects(book, before, null, position);
}
