import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { EMPTY_DIGEST, type Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { balancesProjection } from "../models/balances/projection.ts";
import { ACCOUNTS, ENTRIES, STATEMENTS } from "../models/balances/tables.ts";
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

/** What was asked for cannot be proven. */
export class NotProvable extends Error {
  override readonly name = "NotProvable";
}

type FactsOptions = SubjectSources &
  Readonly<{
    ledger: string;
    /** A proof is one text, made and checked in memory: so many events of an account are 180 MB. */
    eventsMax?: number;
  }>;

const EVENTS_MAX = 100_000;

export type Facts = Readonly<{
  /** All events whose subject is the account: its facts, and what was said of them later. */
  events: readonly RecordedEvent[];
  /** The deliveries that brought them. */
  deliveries: readonly RecordedEvent[];
  /** Where the feeds were opened whose snapshots state the account. */
  feeds: readonly RecordedEvent[];
  /** The hash before each of these positions. */
  before: ReadonlyMap<number, string>;
}>;

/** Read together: few enough that what is not kept of them is no matter. */
const AT_ONCE = 500;
/** Of ids only the positions come back. */
const IDS_AT_ONCE = 10_000;

/**
 * All that is needed to show what an account's balance follows from, as of a position. Where each event
 * is an index tells, so that it costs what the account has and not what lies between.
 *
 * @throws NotProvable where they are too many; StreamCorrupted where an event is not what its hash says: nobody could check a proof of it
 */
export async function factsOf(options: FactsOptions, account: string, to: number): Promise<Facts> {
  const { stream, hashing } = options;
  const positions = await positionsOf(options, account, to);
  const events = await eventsAt(stream, positions);
  const ids = new Set(events.flatMap((event) => relatedIds(event, options)));
  const related = await eventsAt(stream, await relatedPositions(stream, [...ids], to));
  const others = related.filter(({ subject }) => subject !== account);
  const all = [...events, ...others];
  const before = await hashesBefore(options, all);
  for (const event of all) checkFollows(event, before, hashing);
  const ofType = (type: string) => others.filter((event) => event.type === type);
  return { events, deliveries: ofType("DeliveryReceived"), feeds: ofType("FeedOpened"), before };
}

async function eventsAt(
  stream: EventStream,
  positions: readonly number[],
): Promise<readonly RecordedEvent[]> {
  const found = await readPositions(stream, positions);
  return positions.map((position) => at(found, position));
}

/** Where these ids are up to a position, in order. */
async function relatedPositions(
  stream: EventStream,
  ids: readonly string[],
  to: number,
): Promise<readonly number[]> {
  const positions: number[] = [];
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
    const found = await stream.findPositions(ids.slice(from, from + IDS_AT_ONCE));
    for (const { position } of found.values()) if (position <= to) positions.push(position);
  }
  return positions.sort((a, b) => a - b);
}

/** The hash before each of these events: mostly that of another of them. */
async function hashesBefore(
  { stream, ledger, hashing }: FactsOptions,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<number, string>> {
  const hashes = new Map(events.map(({ position, hash }) => [position, hash]));
  hashes.set(0, emptyHead(ledger, hashing).hash);
  const lacking = events
    .map(({ position }) => position - 1)
    .filter((position) => !hashes.has(position))
    .sort((a, b) => a - b);
  for (let from = 0; from < lacking.length; from += AT_ONCE) {
    for (const event of await eventsAt(stream, lacking.slice(from, from + AT_ONCE))) {
      hashes.set(event.position, event.hash);
    }
  }
  return new Map(events.map(({ position }) => [position, hashes.get(position - 1) as string]));
}

const PAGE = 1000;

/** By the index, which has come as far as the head. */
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

function at(found: ReadonlyMap<number, RecordedEvent>, position: number): RecordedEvent {
  const event = found.get(position);
  if (event !== undefined) return event;
  throw new StreamCorrupted(`position ${position}: no event is there`);
}

/** Of what brought an event, and of what says where its snapshot's feed was opened: what surely is in it. */
function relatedIds(event: RecordedEvent, { hashing }: FactsOptions): readonly string[] {
  const place = placeOf(event);
  const opening = place === undefined ? [] : [eventId(["FeedOpened", place.connection], hashing)];
  return [event.causation_id ?? [], opening].flat();
}

/** Of a report that a snapshot states. */
export function placeOf(event: RecordedEvent) {
  if (event.type !== "BalanceReported" || isTooNew(event)) return undefined;
  const { run_id, place } = readData(event) as DataOf<"BalanceReported">;
  return run_id === undefined ? place : undefined;
}

function checkFollows(
  event: RecordedEvent,
  before: ReadonlyMap<number, string>,
  hashing: Hashing,
): void {
  const { position, hash } = event;
  if (chainHash(before.get(position) ?? "", event, hashing) === hash) return;
  throw new StreamCorrupted(
    `position ${position}: the event there is not what its hash says, so nobody could check a proof of it: keep the stream, and run \`counterfoil verify\``,
  );
}

type FoldOptions = Readonly<{ catalogue: ModelCatalogue; hashing: Hashing }>;

/** What a proof says of an account, with keys in order: as canonical JSON has them. */
export type FoldedAccount = Readonly<{
  balance: string | null;
  entries: readonly Readonly<Record<string, Value | undefined>>[];
  snapshots: readonly Readonly<Record<string, Value | undefined>>[];
}>;

/**
 * The facts of one account, folded as every projection does it. Its rows are read once and thrown
 * away: they are not stored before there are too many to be held back.
 *
 * @param events in order
 * @returns null where they make no account
 */
export async function foldAccount(
  { catalogue, hashing }: FoldOptions,
  account: string,
  events: readonly RecordedEvent[],
): Promise<FoldedAccount | null> {
  const { tables, version: modelVersion, types } = balancesProjection;
  const store = holdBack(() => catalogue.openScratch("balances", { tables, modelVersion }));
  try {
    const session = await balancesProjection.open(store, hashing, false);
    for (const event of events) if (types.has(event.type)) await session.apply(event);
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

type HeldBack = ModelStore &
  Readonly<{
    /** The account's rows of a table, in an order that begins with the column of its id. */
    rowsOf(table: Table, account: string, orderBy: readonly string[]): Promise<readonly Row[]>;
  }>;

const START: Checkpoint = {
  ...{ position: 0, hash: "", digest: EMPTY_DIGEST, state_digest: EMPTY_DIGEST },
};

/**
 * An empty store that keeps its first commit in memory. Whoever folds asks what it holds only after a
 * commit in the middle, which comes where its rows are too many: then they are stored.
 */
function holdBack(open: () => Promise<ModelStore>): HeldBack {
  let held: Commit | null = null;
  let opened: ModelStore | null = null;

  /** @returns null where nothing was ever written */
  async function stored(): Promise<ModelStore | null> {
    if (held === null) return opened;
    opened = await open();
    await opened.commit(held);
    held = null;
    return opened;
  }

  return {
    model: "balances",
    generation: 0,
    checkpoint: async () => held?.checkpoint ?? (await opened?.checkpoint()) ?? START,
    get: async (table, key) => (await stored())?.get(table, key) ?? null,
    select: async (table, selection) => (await stored())?.select(table, selection) ?? [],
    count: async (table, where, most) => (await stored())?.count(table, where, most) ?? 0,
    commit: async (commit) => {
      const store = await stored();
      if (store === null) held = commit;
      else await store.commit(commit);
    },
    rowsOf: async (table, account, orderBy) => {
      const [column = ""] = orderBy;
      if (held === null) {
        const where = [{ column, is: "=", value: account }] as const;
        const selection = { where, orderBy, limit: PAGE };
        return opened === null ? [] : Array.fromAsync(everyRow(opened, table, selection));
      }
      const written = [...held.inserts, ...held.puts].filter((one) => one.table === table);
      return written
        .flatMap(({ rows }) => rows)
        .filter((row) => row[column] === account)
        .sort(compareRows(orderBy));
    },
    close: async () => opened?.close(),
  };
}
