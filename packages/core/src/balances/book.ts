import { canonicalJson } from "../exact/json.ts";
import type { Nanos } from "../exact/time.ts";
import type { Connection } from "../feed-lines.ts";
import type { FactState } from "../ingest/fact-state.ts";
import { type Anomaly, anomaliesOf } from "./anomaly.ts";
import { arrange, arrangeAtEnd, type Left } from "./arrange.ts";
import {
  createEntry,
  deriveFromFacts,
  type Entry,
  entryId,
  firstPosition,
  hasFacts,
} from "./entry.ts";
import { type LineHeads, noteHeads, placeOnLines, recomputeLines } from "./line-heads.ts";
import { GROUP_GAP, RECEIVER_SKEW } from "./report.ts";
import { isJudgeable } from "./snapshot-rule.ts";

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
  readonly byId: Map<string, Entry>;
  /** Whether the window begins where the account does. */
  complete: boolean;
  left: Left;
  readonly heads: LineHeads;
};

/** What an event says of one entry: one of its facts as it now stands, or null where withdrawn. */
export type EntryChange = Readonly<{
  kind: Entry["kind"];
  key: string;
  slot: Readonly<{ report: true }> | Readonly<{ movement: string }>;
  state: FactState | null;
  position: number;
}>;

export type BookEffects = Readonly<{
  outcome: "changed";
  /** Entries whose stored form is another now. */
  entries: readonly Entry[];
  /** Ids of entries all of whose facts were withdrawn. */
  removed: readonly string[];
  opened: readonly Anomaly[];
  /** Still open, but they say something else now. */
  altered: readonly Anomaly[];
  closed: readonly Anomaly[];
}>;

export const NO_EFFECTS: BookEffects = {
  outcome: "changed",
  entries: [],
  removed: [],
  opened: [],
  altered: [],
  closed: [],
};

/** The change reaches back before the window: extend it until `reach` lies inside, then ask again. */
export type OutOfReach = Readonly<{ outcome: "out_of_reach"; reach: Nanos }>;

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
});

/** Nothing moves an entry that lies further than this before what changed. */
const MARGIN = 2n * RECEIVER_SKEW + GROUP_GAP;

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
  const reach = placing === "whole" ? 0n : reachOf(known, draft);
  if (!isWithin(book, reach, known, draft, connections)) return { outcome: "out_of_reach", reach };
  if (isGone) return removeEntry(book, known, change, connections);
  if (placing === "newest" && settleAtEnd(book, known, draft)) {
    return atEnd(book, known, draft, change.position);
  }
  return rearrange(book, known, draft, { placing, position: change.position, connections });
}

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

function reachOf(known: Entry | null, draft: Entry): Nanos {
  const place = draft.kind === "snapshot" ? draft.arrivedAt : draft.effectiveAt;
  const earliest = known !== null && known.effectiveAt < place ? known.effectiveAt : place;
  return earliest > MARGIN ? earliest - MARGIN : 0n;
}

/** Whether everything that the change can move, and every snapshot asks for, is in the window. */
function isWithin(
  { entries, complete, snapshots }: Book,
  reach: Nanos,
  known: Entry | null,
  draft: Entry,
  connections: ReadonlyMap<string, Connection>,
): boolean {
  if (complete) return true;
  const [first] = entries;
  if (first === undefined || first.effectiveAt >= reach) return false;
  if (snapshots.length === 0 && draft.kind === "run") return true;
  const standing = entries.filter((entry) => entry !== known && entry.standing);
  const judged = draft.kind === "snapshot" ? [...snapshots, draft] : snapshots;
  return judged.every((snapshot) => isJudgeable(snapshot, standing, connections));
}

function settleAtEnd(
  { entries, left, snapshots }: Book,
  known: Entry | null,
  draft: Entry,
): boolean {
  if (known !== null && entries.at(-1) !== known) return false;
  return arrangeAtEnd(draft, entries.at(known === null ? -1 : -2), left, snapshots);
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
  if (placing === "newest") noteHeads(book.heads, draft);
  draft.late = isLate(book, draft);
  return effects(book, before, draft, position);
}

const isAltered = (before: Anomaly | undefined, after: Anomaly): boolean =>
  before !== undefined && canonicalJson(before.detail) !== canonicalJson(after.detail);

/** Puts entries in their order into the window. */
export function setEntries(book: Book, entries: Entry[]): void {
  book.entries = entries;
  book.snapshots = entries.filter(({ kind }) => kind === "snapshot");
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
  if (known === null) {
    return NO_EFFECTS;
  }
  const before = new Map(book.entries.map((entry) => [entryId(entry), { ...entry }]));
  const entries = book.entries.filter((entry) => entry !== known);
  book.byId.delete(entryId(known));
  recomputeLines(book.heads, entries.filter(isRun));
  setEntries(book, arrange(entries, book.left, connections));
  return effects(book, before, null, position);
}

/** What is different after a rearrangement: entries, and with them their anomalies. */
function effects(
  book: Book,
  before: ReadonlyMap<string, Entry>,
  touched: Entry | null,
  position: number,
): BookEffects {
  const changed = book.entries.filter((entry) => {
    const old = before.get(entryId(entry));
    return entry === touched || old === undefined || !isSameEntry(old, entry);
  });
  for (const entry of changed) entry.position = position;
  const removed = [...before.keys()].filter((id) => !book.byId.has(id));
  const anomalies = (entries: readonly (Entry | undefined)[]) =>
    entries.flatMap((entry) => (entry ? anomaliesOf(entry, book.account) : []));
  const old = [...changed.map(entryId), ...removed].map((id) => before.get(id));
  return {
    outcome: "changed",
    entries: changed,
    removed,
    ...difference(anomalies(old), anomalies(changed)),
  };
}

/** What a rearrangement may change of an entry that the event was not about. */
function isSameEntry(a: Entry, b: Entry): boolean {
  return (
    a.floor === b.floor &&
    a.effectiveAt === b.effectiveAt &&
    a.chainAt === b.chainAt &&
    a.rank === b.rank &&
    a.standing === b.standing &&
    a.missingAfter === b.missingAfter &&
    isSameMoney(a.running, b.running) &&
    isSameMoney(a.orderRunning, b.orderRunning) &&
    isSameMoney(a.missing, b.missing) &&
    isSameMoney(a.opening, b.opening)
  );
}

function isSameMoney(a: Entry["running"], b: Entry["running"]): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

function difference(before: readonly Anomaly[], after: readonly Anomaly[]) {
  const had = new Map(before.map((anomaly) => [anomaly.id, anomaly]));
  const has = new Set(after.map(({ id }) => id));
  return {
    opened: after.filter(({ id }) => !had.has(id)),
    altered: after.filter((anomaly) => isAltered(had.get(anomaly.id), anomaly)),
    closed: before.filter(({ id }) => !has.has(id)),
  };
}

/** Shortens a long window to its end; it begins with a chain, as every window does. */
export function trimBook(book: Book, atLeast: number): void {
  let cut = book.entries.length - atLeast;
  const startsChain = ({ kind, rank }: Entry) => kind === "run" && rank === 0;
  while (cut > 0 && !startsChain(book.entries[cut] as Entry)) cut -= 1;
  const before = book.entries[cut - 1];
  if (before === undefined) return;
  const gone = book.entries.slice(0, cut);
  const standing = gone.findLast((entry) => entry.standing);
  for (const entry of gone) book.byId.delete(entryId(entry));
  book.left = {
    standing: standing ? entryId(standing) : book.left.standing,
    running: before.running,
    orderRunning: before.orderRunning,
    chainAt: before.chainAt,
    rank: before.rank,
  };
  book.complete = false;
  setEntries(book, book.entries.slice(cut));
}
