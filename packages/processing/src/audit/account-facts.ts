import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { EMPTY_DIGEST, type Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { balancesProjection } from "../models/balances/projection.ts";
import { ACCOUNTS, ENTRIES, STATEMENTS } from "../models/balances/tables.ts";
import { NothingThere } from "../operator.ts";
import { StreamCorrupted, StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type {
  Checkpoint,
  Commit,
  ModelCatalogue,
  ModelStore,
  Row,
  Table,
  Value,
} from "../ports/model-store.ts";
import { compareRows, everyRow } from "../projection/selection.ts";
import { findSubjectPositions, readPositions, type SubjectSources } from "./subject-events.ts";

/** The requested proof cannot be made. */
export class NotProvable extends Error {
  override readonly name = "NotProvable";
}

type FactsOptions = SubjectSources &
  Readonly<{
    ledger: string;
    /** A proof is one text that is checked in memory: this many events of an account are 180 MB. */
    eventsMax?: number;
  }>;

const EVENTS_MAX = 100_000;

/** A page of an account's events, with what a proof of them needs in addition. */
export type FactPage = Readonly<{
  /** The next events whose subject is the account: its facts and their amendments. */
  events: readonly RecordedEvent[];
  /** The deliveries that contained them and no event of an earlier page. */
  deliveries: readonly RecordedEvent[];
  /** The openings of feeds whose snapshots first state the account on this page. */
  feeds: readonly RecordedEvent[];
  /** The hash before each of these positions. */
  before: ReadonlyMap<number, string>;
  /** Deliveries whose bytes also state other accounts. */
  shared: ReadonlySet<string | null>;
}>;

/** Number of events read together: few enough that what is discarded of them does not matter. */
const PAGE_EVENTS = 500;

/**
 * Everything that an account's balance at a position follows from, page by page, so that it is
 * never in memory as a whole. An index gives the events' positions, so the cost depends on the
 * account's events and not on those between them.
 *
 * @throws NothingThere if there are none, NotProvable if there are too many or a feed has no opening;
 *   StreamCorrupted if an event does not match its hash, so that a proof of it could not be checked
 */
export async function* factPages(
  options: FactsOptions,
  account: string,
  to: number,
): AsyncGenerator<FactPage> {
  const positions = await positionsOf(options, account, to);
  if (positions.length === 0) {
    throw new NothingThere(`no event of account ${account} up to position ${to}`);
  }
  const known = new Set<string>();
  for (let from = 0; from < positions.length; from += PAGE_EVENTS) {
    yield readPage(options, { account, to, known }, positions.slice(from, from + PAGE_EVENTS));
  }
}

/** `known` holds the ids of related events that an earlier page returned. */
type PageContext = Readonly<{ account: string; to: number; known: Set<string> }>;

async function readPage(
  options: FactsOptions,
  { account, to, known }: PageContext,
  positions: readonly number[],
): Promise<FactPage> {
  const { stream, hashing } = options;
  const events = await eventsAt(stream, positions);
  const openings = new Map<string, string>();
  const ids = new Set<string>();
  const shared = new Set<string | null>();
  for (const event of events) {
    const place = placeOf(event);
    if (place !== undefined) {
      shared.add(event.causation_id);
      openings.set(eventId(["FeedOpened", place.connection], hashing), place.connection);
    }
    if (event.causation_id !== null) ids.add(event.causation_id);
  }
  for (const id of openings.keys()) ids.add(id);
  const found = await stream.findPositions([...ids].filter((id) => !known.has(id)));
  for (const [id, connection] of openings) {
    if (known.has(id) || found.has(id)) continue;
    throw new NotProvable(
      `feed ${connection} has a snapshot of ${account} and no FeedOpened, so nobody could check what the snapshot includes: give an export, which the same scripts check against a head`,
    );
  }
  for (const id of ids) known.add(id);
  const relatedPositions = [...found.values()]
    .map(({ position }) => position)
    .filter((at) => at <= to);
  const related = await eventsAt(stream, relatedPositions.sort(ascending));
  const others = related.filter(({ subject }) => subject !== account);
  const before = await checkedHashesBefore(options, [...events, ...others]);
  const ofType = (type: string) => others.filter((event) => event.type === type);
  const [deliveries, feeds] = [ofType("DeliveryReceived"), ofType("FeedOpened")];
  return { events, deliveries, feeds, before, shared };
}

const ascending = (a: number, b: number): number => a - b;

async function eventsAt(
  stream: EventStream,
  positions: readonly number[],
): Promise<readonly RecordedEvent[]> {
  const found = await readPositions(stream, positions);
  return positions.map((position) => at(found, position));
}

function at(found: ReadonlyMap<number, RecordedEvent>, position: number): RecordedEvent {
  const event = found.get(position);
  if (event !== undefined) return event;
  throw new StreamCorrupted(`position ${position}: no event is there`);
}

/**
 * The hash before each of these events, mostly that of another of them; each event is checked
 * against it.
 */
async function checkedHashesBefore(
  { stream, ledger, hashing }: FactsOptions,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<number, string>> {
  const hashes = new Map(events.map(({ position, hash }) => [position, hash]));
  hashes.set(0, emptyHead(ledger, hashing).hash);
  const missing = events
    .map(({ position }) => position - 1)
    .filter((position) => !hashes.has(position));
  for (const { position, hash } of await eventsAt(stream, missing.sort(ascending))) {
    hashes.set(position, hash);
  }
  const before = new Map<number, string>();
  for (const event of events) {
    const hash = hashes.get(event.position - 1) as string;
    checkFollows(event, hash, hashing);
    before.set(event.position, hash);
  }
  return before;
}

function checkFollows(event: RecordedEvent, before: string, hashing: Hashing): void {
  if (chainHash(before, event, hashing) === event.hash) return;
  throw new StreamCorrupted(
    `position ${event.position}: the event there is not what its hash says, so nobody could check a proof of it: keep the stream, and run \`counterfoil verify\``,
  );
}

const PAGE = 1000;

/** The positions of a subject's events, from the index, which has to reach `to`. */
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

/** The place of a report that a snapshot states. */
function placeOf(event: RecordedEvent) {
  if (event.type !== "BalanceReported" || isTooNew(event)) return undefined;
  const { run_id, place } = readData(event) as DataOf<"BalanceReported">;
  return run_id === undefined ? place : undefined;
}

type FoldOptions = Readonly<{ catalogue: ModelCatalogue; hashing: Hashing }>;

type Page = readonly RecordedEvent[];
type Pages = AsyncIterable<Page> | Iterable<Page>;

/** The content of a proof about an account, with keys in the order of canonical JSON. */
type FoldedAccount = Readonly<{
  balance: string | null;
  entries: readonly Readonly<Record<string, Value | undefined>>[];
  snapshots: readonly Readonly<Record<string, Value | undefined>>[];
}>;

/**
 * Folds the facts of one account with the rules of every projection. Its rows are read once and
 * discarded: they are only stored if there are too many for memory.
 *
 * @param pages of events, in order, and each feed opened before the snapshots of it
 * @returns null if the events form no account
 */
export async function foldAccount(
  { catalogue, hashing }: FoldOptions,
  account: string,
  pages: Pages,
): Promise<FoldedAccount | null> {
  const { tables, version: modelVersion, types } = balancesProjection;
  const store = createDeferredStore(() =>
    catalogue.openScratch("balances", { tables, modelVersion }),
  );
  try {
    const session = await balancesProjection.open(store, hashing, { isDigested: false });
    for await (const events of pages) {
      for (const event of events) if (types.has(event.type)) await session.apply(event);
    }
    await session.commit();
    const [stored] = await store.rowsOf(ACCOUNTS, account, ["id"]);
    if (stored === undefined) return null;
    return {
      balance: stored.balance === null ? null : String(stored.balance),
      entries: entriesIn(
        await store.rowsOf(ENTRIES, account, ["account", "placed_at", "rank", "mark"]),
      ),
      snapshots: (await store.rowsOf(STATEMENTS, account, ["account", "connection", "frame"])).map(
        ({ confirmed_by, connection, frame }) => ({
          ...{ confirmed_by, connection, frame: String(frame) },
        }),
      ),
    };
  } finally {
    await store.close();
  }
}

function entriesIn(rows: readonly Row[]) {
  let before: Value = null;
  return rows.map((row) => {
    const { id, missing, opening, running } = row;
    const change = row.kind === "snapshot" ? "0" : row.change;
    const entry = { after: running, before, change, id, missing, opening };
    before = running === undefined ? null : running;
    return entry;
  });
}

const ROWS_AT_ONCE = 1000;

type DeferredStore = ModelStore &
  Readonly<{
    /**
     * The account's rows of a table, in an order that begins with the column of the account's id.
     */
    rowsOf(table: Table, account: string, orderBy: readonly string[]): Promise<readonly Row[]>;
  }>;

const START: Checkpoint = {
  ...{ position: 0, hash: "", digest: EMPTY_DIGEST, state_digest: EMPTY_DIGEST },
};

/**
 * An empty store that keeps its first commit in memory. A fold reads from it only after an
 * intermediate commit, which happens when there are too many rows: then they are stored.
 */
function createDeferredStore(open: () => Promise<ModelStore>): DeferredStore {
  let firstCommit: Commit | null = null;
  let opened: ModelStore | null = null;

  /** @returns null if nothing was ever written */
  async function stored(): Promise<ModelStore | null> {
    if (firstCommit === null) return opened;
    opened = await open();
    await opened.commit(firstCommit);
    firstCommit = null;
    return opened;
  }

  return {
    model: "balances",
    generation: 0,
    checkpoint: async () => firstCommit?.checkpoint ?? (await opened?.checkpoint()) ?? START,
    get: async (table, key) => (await stored())?.get(table, key) ?? null,
    select: async (table, selection) => (await stored())?.select(table, selection) ?? [],
    count: async (table, where, most) => (await stored())?.count(table, where, most) ?? 0,
    stage: async (changes) => {
      const store = (await stored()) ?? (await open());
      opened = store;
      await store.stage(changes);
    },
    commit: async (commit) => {
      const store = await stored();
      if (store === null) firstCommit = commit;
      else await store.commit(commit);
    },
    rowsOf: async (table, account, orderBy) => {
      const [column = ""] = orderBy;
      if (firstCommit === null) {
        const where = [{ column, is: "=", value: account }] as const;
        const selection = { where, orderBy, limit: ROWS_AT_ONCE };
        return opened === null ? [] : Array.fromAsync(everyRow(opened, table, selection));
      }
      const written = [...firstCommit.inserts, ...firstCommit.puts].filter(
        (one) => one.table === table,
      );
      return written
        .flatMap(({ rows }) => rows)
        .filter((row) => row[column] === account)
        .sort(compareRows(orderBy));
    },
    close: async () => opened?.close(),
  };
}
