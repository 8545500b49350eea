import { type Nanos, SECOND } from "../exact/time.ts";
import type { Connection } from "../feed-lines.ts";
import type { Left } from "./arrange.ts";
import { type Entry, entryId } from "./entry.ts";
import type { LineHeads } from "./line-heads.ts";
import { GROUP_GAP, RECEIVER_SKEW } from "./report.ts";
import { isJudgeable, takenAfter } from "./snapshot-rule.ts";

/**
 * An account's history, or the end of it: entries in their order, as far back as the present change
 * can reach. The fold owns its book and changes it in place; whoever keeps books between events
 * extends one to the left when the fold asks for it.
 */
export type Book = {
  readonly account: string;
  /** In order; snapshots that only confirm included. */
  entries: Entry[];
  /** Those of the entries that are snapshots. */
  snapshots: Entry[];
  byId: Map<string, Entry>;
  /** Whether the window begins where the account does. */
  complete: boolean;
  left: Left;
  readonly heads: LineHeads;
  /** When the last snapshot that lists the account arrived; 0 where none did. */
  snapshotAt: Nanos;
};

const BEGINNING: Left = {
  standing: null,
  running: null,
  orderRunning: null,
  chainAt: 0n,
  rank: 0,
};

export const emptyBook = (account: string): Book => ({
  account,
  entries: [],
  snapshots: [],
  byId: new Map(),
  complete: true,
  left: BEGINNING,
  heads: new Map(),
  snapshotAt: 0n,
});

/** Whether nothing is said of the account, or nothing any more. */
export const isEmpty = ({ entries, complete }: Book): boolean => complete && entries.length === 0;

/** Puts entries in their order into the window. */
export function setEntries(book: Book, entries: Entry[]): void {
  book.entries = entries;
  book.snapshots = entries.filter(({ kind }) => kind === "snapshot");
}

/** Puts earlier entries before the window, as they were when they left it. */
export function extendBook(book: Book, entries: readonly Entry[], left: Left | null): void {
  book.complete = left === null;
  book.left = left ?? BEGINNING;
  for (const entry of entries) book.byId.set(entryId(entry), entry);
  setEntries(book, [...entries, ...book.entries]);
}

/**
 * Shortens the window to what the next run needs: the last chain, or nothing where that is a single
 * run, of which `left` says all. It begins with a chain, as every window does.
 */
export function trimBook(book: Book): void {
  const { entries } = book;
  const startsChain = ({ kind, rank }: Entry) => kind === "run" && rank === 0;
  const chain = entries.findLastIndex(startsChain);
  const cut = chain === entries.length - 1 ? entries.length : chain;
  const before = entries[cut - 1];
  if (before === undefined) return;
  const gone = entries.slice(0, cut);
  const standing = gone.findLast((entry) => entry.standing);
  book.left = {
    standing: standing ? entryId(standing) : book.left.standing,
    running: before.running,
    orderRunning: before.orderRunning,
    chainAt: before.chainAt,
    rank: before.rank,
  };
  book.complete = false;
  setEntries(book, entries.slice(cut));
  book.byId = new Map(book.entries.map((entry) => [entryId(entry), entry]));
}

/** A snapshot may lie this much before what it has to be compared with. */
const SNAPSHOT_MARGIN = 60n * SECOND;

/**
 * Whether everything that the change can move, and everything that the window's snapshots have to
 * be compared with, is in the window. Its first chain must not be touched: the order of the chain
 * before it looks at what comes next.
 */
export function isWithin(
  book: Book,
  known: Entry | null,
  draft: Entry,
  connections: ReadonlyMap<string, Connection>,
): boolean {
  const { entries, complete, snapshots, snapshotAt } = book;
  if (complete) return true;
  const [first] = entries;
  if (first === undefined) return false;
  if (draft.kind === "run") {
    const reach =
      known === null ? draft.effectiveAt : earlier(known.effectiveAt, draft.effectiveAt);
    if (endOfFirstChain(entries) + GROUP_GAP >= reach) return false;
    // The chain before it may be ordered anew, since a chain's order looks at what comes next.
    const moved = startOfChainBefore(entries, reach);
    const mayMeetSnapshot = moved <= snapshotAt + RECEIVER_SKEW;
    if (mayMeetSnapshot && first.effectiveAt + SNAPSHOT_MARGIN >= moved) return false;
    if (snapshots.length === 0) return true;
  } else if (snapshotAt > 0n) {
    // Snapshots further left that arrived later are compared with this one, where it stands.
    const taken = takenAfter(draft, connections);
    if (first.effectiveAt + SNAPSHOT_MARGIN >= taken) return false;
  }
  const standing = entries.filter((entry) => entry !== known && entry.standing);
  const judged = draft.kind === "snapshot" ? [...snapshots, draft] : snapshots;
  return judged.every((snapshot) => isJudgeable(snapshot, standing, connections));
}

/** Where the last chain that ends before a time begins; the time itself where none does. */
function startOfChainBefore(entries: readonly Entry[], reach: Nanos): Nanos {
  const before = entries.findLast(({ kind, effectiveAt }) => kind === "run" && effectiveAt < reach);
  return before === undefined ? reach : earlier(before.chainAt, reach);
}

const earlier = (a: Nanos, b: Nanos): Nanos => (a < b ? a : b);

function endOfFirstChain(entries: readonly Entry[]): Nanos {
  const chainAt = entries[0]?.chainAt;
  let end: Nanos = 0n;
  for (const entry of entries) {
    if (entry.chainAt !== chainAt) return end;
    if (entry.effectiveAt > end) end = entry.effectiveAt;
  }
  return end;
}
