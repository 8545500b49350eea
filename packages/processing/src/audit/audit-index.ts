import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import {
  growTiles,
  hashInTile,
  type LeafRange,
  type Node,
  nodesOf,
  openTiles,
  rootOf,
  type Tile,
  type TileAt,
  tileOf,
} from "@counterfoil/core/audit/merkle-log";
import {
  addEvent,
  type Branch,
  type Branches,
  changeMap,
  damagedBranch,
  EMPTY,
  entryHash,
  entryIn,
  keyOf,
  missingBranches,
  proveKey,
  type Slot,
  type SubjectEntry,
} from "@counterfoil/core/audit/subject-map";
import type { Hashing } from "@counterfoil/core/hashing";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { integer, own, text } from "../models/columns.ts";
import { ModelCorrupted, StreamCorrupted } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type {
  Checkpoint,
  ModelLayout,
  ModelStore,
  Row,
  Rows,
  Table,
  Value,
} from "../ports/model-store.ts";
import { checkNotForked, checkStillFollows } from "../stream-guard.ts";

/**
 * The tree and the map of the stream up to a position, as rows beside the read models. They follow
 * from the stream alone and can be deleted. An event costs a lookup of its subject and of the few
 * rows on the path to it; earlier events are not read again. The checkpoint's `digest` is the
 * tree's root, its `state_digest` the map's.
 */
export const TILES: Table = {
  name: "tiles",
  columns: { level: own(integer), number: own(integer), hashes: own(text) },
  key: ["level", "number"],
  indexes: [],
  digested: "none",
};

export const BRANCHES: Table = {
  name: "branches",
  columns: { prefix: own(text), slots: own(text) },
  key: ["prefix"],
  indexes: [],
  digested: "none",
};

/** Keyed by the key in the map, since a subject may be longer than a key of a table. */
export const SUBJECTS: Table = {
  name: "subjects",
  columns: { key: own(text), events: own(integer), position: own(integer), digest: own(text) },
  key: ["key"],
  indexes: [],
  digested: "none",
};

/** The positions of each subject's events, so that they are found without reading the stream. */
export const SUBJECT_EVENTS: Table = {
  name: "subject_events",
  columns: { key: own(text), position: own(integer) },
  key: ["key", "position"],
  indexes: [],
  digested: "none",
};

export const AUDIT_LAYOUT: ModelLayout = {
  tables: [TILES, BRANCHES, SUBJECTS, SUBJECT_EVENTS],
  modelVersion: 2,
};

/**
 * Events per page when other requests are served on the same thread, which wait 6 ms for one. A
 * thousand are a sixth cheaper each, and all would wait 55 ms, every hour for a minute.
 */
export const SHARED_PAGE = 100;
/**
 * Events per page when no other request waits: subjects with several events in a page are written
 * once, and so are the upper branches of what would be several pages. Some 30,000 events a second of
 * processor time instead of 15,000.
 */
export const LARGE_PAGE = 10_000;

export type AuditOptions = Readonly<{
  stream: EventStream;
  ledger: string;
  hashing: Hashing;
  /** Lets other requests run between two pages. */
  nextTurn: () => Promise<void>;
  /** Stops between two pages; what is committed stays, and the next run continues from there. */
  signal?: AbortSignal | undefined;
  /** Events in one commit; by default those for a thread on which no other request waits. */
  page?: number | undefined;
  /** False for a temporary index, in which the positions of a subject's events are not read. */
  listsEvents?: boolean;
}>;

/**
 * Advances the index to a position of the stream, one page per commit. Every link of the chain is
 * checked, so that nothing is signed that does not follow.
 *
 * @throws StreamForked if the index has followed another stream; StreamCorrupted
 */
export async function advanceIndex(
  options: AuditOptions,
  store: ModelStore,
  to: number,
): Promise<Checkpoint> {
  const {
    stream,
    ledger,
    hashing,
    nextTurn,
    signal,
    page = LARGE_PAGE,
    listsEvents = true,
  } = options;
  let checkpoint = await store.checkpoint();
  await checkRoot(store, checkpoint, hashing);
  const who = "the index of signed heads";
  if (checkpoint.position >= to) await checkStillFollows({ stream, hashing, who }, checkpoint, []);
  while (checkpoint.position < to) {
    signal?.throwIfAborted();
    const { position } = checkpoint;
    const limit = Math.min(page, to - position);
    const events = await stream.read({ after: position, limit });
    const before = position === 0 ? emptyHead(ledger, hashing).hash : checkpoint.hash;
    const validLinks = countValidLinks(position, before, events, hashing);
    if (validLinks === 0) await checkNotForked(stream, checkpoint, who);
    if (validLinks === 0 || validLinks < events.length)
      throw new ChainBroken(position + validLinks + 1);
    checkpoint = await addPage(store, checkpoint, { events, listsEvents, hashing });
    await nextTurn();
  }
  return checkpoint;
}

/** An event does not follow from the previous one, or is missing. */
export class ChainBroken extends StreamCorrupted {
  readonly position: number;

  constructor(position: number) {
    super(
      `position ${position}: the event there does not follow from the one before: nothing was signed; keep the stream, run \`counterfoil verify\`, and restore a backup`,
    );
    this.position = position;
  }
}

/** Number of events that follow from one another, the first of them from `hash`. */
export function countValidLinks(
  position: number,
  hash: string,
  events: readonly RecordedEvent[],
  hashing: Hashing,
): number {
  let [validLinks, previous] = [0, hash];
  for (const event of events) {
    const isNext = event.position === position + validLinks + 1;
    if (!isNext || chainHash(previous, event, hashing) !== event.hash) break;
    validLinks += 1;
    previous = event.hash;
  }
  return validLinks;
}

type AddedPage = Readonly<{
  events: readonly RecordedEvent[];
  listsEvents: boolean;
  hashing: Hashing;
}>;

/** Checks that the stored tree has the root that the checkpoint states. @throws ModelCorrupted */
async function checkRoot(
  store: ModelStore,
  { position, digest }: Checkpoint,
  hashing: Hashing,
): Promise<void> {
  if (position === 0) return;
  if ((await rootIn(store, { start: 0, end: position }, hashing)) === digest) return;
  throw damaged("holds another tree than when it was written");
}

/**
 * Checks what is loaded to be changed: the branches against the map's root, the subjects' rows against
 * the branches. Without that, a damaged row would become part of the next signed head.
 *
 * @throws ModelCorrupted
 */
function checkLoaded(
  branches: Branches,
  known: ReadonlyMap<string, SubjectEntry>,
  root: string,
  hashing: Hashing,
): void {
  const branch =
    branches.size === 0 && root === EMPTY ? null : damagedBranch(branches, root, hashing);
  if (branch !== null) throw damaged(`has another branch "${branch}" than its root states`);
  for (const [key, entry] of known) {
    if (entryIn(branches, key) === entryHash(entry, hashing)) continue;
    throw damaged(`has another row of the subject ${entry.subject} than its map states`);
  }
}

async function addPage(
  store: ModelStore,
  { position: size, state_digest: mapRoot }: Checkpoint,
  { events, listsEvents, hashing }: AddedPage,
): Promise<Checkpoint> {
  const last = events.at(-1) as RecordedEvent;
  const open = await loadTiles(store, openTiles(size));
  const hashes = events.map(({ hash }) => hash);
  const tiles = growTiles({ size, open: [...open.values()] }, hashes, hashing);
  for (const tile of tiles) open.set(tileKey(tile), tile);
  const { entries, known } = await changedEntries(store, SUBJECTS, { events, hashing });
  const leaves = [...entries].map(([key, entry]) => ({ key, entry: entryHash(entry, hashing) }));
  const branches = await loadBranches(store, [...entries.keys()]);
  checkLoaded(branches, known, size === 0 ? EMPTY : mapRoot, hashing);
  const { changed, root } = changeMap(branches, leaves, hashing);
  const checkpoint = {
    position: last.position,
    hash: last.hash,
    digest: await rootIn(store, { start: 0, end: last.position }, hashing, open),
    state_digest: root,
  };
  const puts = [
    { table: TILES, rows: tiles.map(tileRow) },
    { table: BRANCHES, rows: [...changed].map(branchRow) },
    { table: SUBJECTS, rows: [...entries].map(subjectRow) },
  ];
  const listed = events.map(({ subject, position }) => ({
    key: keyOf(subject, hashing),
    position,
  }));
  const inserts = listsEvents ? [{ table: SUBJECT_EVENTS, rows: listed }] : [];
  await store.commit({ inserts, puts, deletes: [], checkpoint });
  return checkpoint;
}

const tileRow = ({ level, index, hashes }: Tile): Row => ({
  level,
  number: index,
  hashes: hashes.join(""),
});
const branchRow = ([prefix, branch]: readonly [string, Branch]): Row => ({
  prefix,
  slots: branch.map(slotText).join(","),
});
export const subjectRow = ([key, entry]: readonly [string, SubjectEntry]): Row => ({
  key,
  events: entry.number,
  position: entry.position,
  digest: entry.digest,
});

type ChangedEntries = Readonly<{
  /** After the page, by key. */
  entries: ReadonlyMap<string, SubjectEntry>;
  /** Before it, of subjects that had events. */
  known: ReadonlyMap<string, SubjectEntry>;
}>;

/**
 * The entries of the page's subjects.
 *
 * @param table has `SUBJECTS`' columns
 */
export async function changedEntries(
  rows: Rows,
  table: Table,
  { events, hashing }: Pick<AddedPage, "events" | "hashing">,
): Promise<ChangedEntries> {
  const bySubject = Map.groupBy(events, ({ subject }) => subject);
  const keys = new Map([...bySubject.keys()].map((subject) => [keyOf(subject, hashing), subject]));
  const stored = await loadBy(rows, table, "key", [...keys.keys()]);
  const entries = new Map<string, SubjectEntry>();
  const known = new Map<string, SubjectEntry>();
  for (const [key, subject] of keys) {
    const found = stored.get(key);
    let entry = {
      subject,
      number: Number(found?.events ?? 0),
      position: Number(found?.position ?? 0),
      digest: String(found?.digest ?? EMPTY),
    };
    if (found !== undefined) known.set(key, entry);
    for (const { position, hash } of bySubject.get(subject) ?? []) {
      const digest = addEvent(entry.digest, hash, hashing);
      entry = { subject, number: entry.number + 1, position, digest };
    }
    entries.set(key, entry);
  }
  return { entries, known };
}

async function loadBy(
  rows: Rows,
  table: Table,
  column: string,
  values: readonly Value[],
): Promise<ReadonlyMap<string, Row>> {
  if (values.length === 0) return new Map();
  const where = [{ column, is: "in", value: values }] as const;
  const found = await rows.select(table, { where, orderBy: [column], limit: values.length });
  return new Map(found.map((row) => [String(row[column]), row]));
}

/** A subject's entry in the map, with the proof of it; null if it has no events. */
export async function subjectIn(
  rows: Rows,
  subject: string,
  hashing: Hashing,
): Promise<(SubjectEntry & Readonly<{ siblings: readonly string[] }>) | null> {
  const key = keyOf(subject, hashing);
  const found = await rows.get(SUBJECTS, [key]);
  if (found === null) return null;
  const { siblings } = proveKey(await loadBranches(rows, [key]), key, hashing);
  const [number, position] = [Number(found.events), Number(found.position)];
  return { subject, number, position, digest: String(found.digest), siblings };
}

/** Loads the branches on the paths to these keys, level by level. */
export async function loadBranches(rows: Rows, keys: readonly string[]): Promise<Branches> {
  const loaded = new Map<string, Branch>();
  for (;;) {
    const missing = missingBranches(loaded, keys);
    const found = await loadBy(rows, BRANCHES, "prefix", missing);
    for (const [prefix, { slots }] of found)
      loaded.set(prefix, String(slots).split(",").map(slotOf));
    // Only the root branch may be missing, if the map is empty.
    if (found.size === 0) return loaded;
  }
}

function slotText(slot: Slot): string {
  if (slot === null) return "";
  return "key" in slot ? `${slot.key}:${slot.entry}` : slot.node;
}

function slotOf(stored: string): Slot {
  if (stored === "") return null;
  const [first = "", entry] = stored.split(":");
  return entry === undefined ? { node: first } : { key: first, entry };
}

type Tiles = Map<string, Tile>;

const tileKey = ({ level, index }: TileAt): string => `${level}/${index}`;

async function loadTiles(rows: Rows, places: readonly TileAt[]): Promise<Tiles> {
  const tiles: Tiles = new Map();
  for (const at of places) {
    if (tiles.has(tileKey(at))) continue;
    const row = await rows.get(TILES, [at.level, at.index]);
    if (row === null) throw damaged(`lacks tile ${tileKey(at)}`);
    tiles.set(tileKey(at), { ...at, hashes: String(row.hashes).match(/.{64}/g) ?? [] });
  }
  return tiles;
}

export const damaged = (found: string): ModelCorrupted =>
  new ModelCorrupted(
    `the index of signed heads ${found}: build it again with \`counterfoil head --rebuild\``,
  );

/** The roots of several ranges of the stored tree; each tile is read once. */
export async function rootsIn(
  rows: Rows,
  ranges: readonly LeafRange[],
  hashing: Hashing,
): Promise<readonly string[]> {
  const tiles = await loadTiles(rows, ranges.flatMap(nodesOf).map(tileOf));
  return ranges.map((range) => rootOf(range, (node) => hashAt(tiles, node, hashing), hashing));
}

function hashAt(tiles: Tiles, node: Node, hashing: Hashing): string {
  const at = tileOf(node);
  const hash = hashInTile(tiles.get(tileKey(at)) as Tile, node, hashing);
  if (hash === null) throw damaged(`lacks a part of tile ${tileKey(at)}`);
  return hash;
}

/** The root of a range of the stored tree, see `inclusionRanges` and `consistencyRanges`. */
export async function rootIn(
  rows: Rows,
  range: LeafRange,
  hashing: Hashing,
  known: ReadonlyMap<string, Tile> = new Map(),
): Promise<string> {
  const places = nodesOf(range).map(tileOf);
  const missing = places.filter((at) => !known.has(tileKey(at)));
  const tiles = new Map([...known, ...(await loadTiles(rows, missing))]);
  return rootOf(range, (node) => hashAt(tiles, node, hashing), hashing);
}
