import type { ProviderFact, ProviderFactType } from "@counterfoil/contracts/fact";
import type { LifecycleModel } from "@counterfoil/contracts/record";
import type { Entry } from "@counterfoil/core/balances/entry";
import {
  arithmeticOf,
  confirmingReason,
  movementReason,
  reportReason,
} from "@counterfoil/core/balances/reasons";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import {
  datedFact,
  type EntryOutcome,
  lifecycleReason,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import { entryFromRow, movementFrom, reportFrom } from "../../models/balances/entry-row.ts";
import { ENTRIES, MOVEMENTS, STATEMENTS } from "../../models/balances/tables.ts";
import { factStateFrom } from "../../models/columns.ts";
import type { Cluster } from "../../models/lifecycle/clusters.ts";
import { CLUSTERS, having, LIFECYCLE_FACTS, PLACE } from "../../models/lifecycle/tables.ts";
import type { ColumnType, Row, Rows, Value } from "../../ports/model-store.ts";
import { compareTuples, everyRow } from "../../projection/selection.ts";
import { entryAt } from "../account-history.ts";
import { LIFECYCLES } from "../lifecycle-record.ts";
import { HISTORY_VERSIONS, selectAt } from "../moment.ts";
import type { ListedFact } from "./subject.ts";

/** The key of a fact: its entry's place, and its item within the entry. */
export const ACCOUNT_FACT_KEY: readonly ColumnType[] = ["nanos", "integer", "text", "text"];

/** Rank of confirming snapshots, which are listed among the entries by their arrival. */
const STATEMENT_RANK = 1_000_000_000;
/** Number of rows read at once. */
const PAGE = 100;
/**
 * Maximum number of racing snapshots listed with the entry that confirms them, the newest first.
 */
const RACING_MAX = 20;

type Place = Readonly<{ at: bigint; rank: number; mark: string; item: string }>;

export type EntryFactOptions = Readonly<{ hashing: Hashing; storedEntry: StoredEntry }>;

type AccountFactOptions = EntryFactOptions &
  Readonly<{
    /**
     * The last entry of a whole history, which overtakes all earlier ones; null for a single entry.
     */
    last: string | null;
  }>;

/** An entry as the model stored it at the moment. */
type StoredEntry = (row: Row) => Promise<Row>;

/** Where the model's own rows are read, now or as of a position. */
type Stored = Readonly<{ rows: Rows; position: number | undefined }>;

/**
 * Reads entries as they were stored at a position. Where later facts are taken back, an entry is computed
 * in another order than the facts were recorded in, but that order decides what came late.
 */
export const storedEntries =
  ({ rows, position }: Stored): StoredEntry =>
  async (row) => {
    if (position === undefined) return row;
    const account = String(row.account);
    return (await entryAt({ rows, account, position }, String(row.id))) ?? row;
  };

/**
 * All facts of an account's history, the newest first: entries with their movements, and the
 * snapshots that the history confirms.
 */
export async function* accountFacts(
  rows: Rows,
  account: string,
  beyond: readonly Value[] | null,
  options: AccountFactOptions,
): AsyncGenerator<ListedFact> {
  const from = beyond === null ? null : placeFrom(beyond);
  const entries = entriesBefore(rows, account, from);
  const statements = statementsBefore(rows, account, from);
  let [entry, statement] = [await next(entries), await next(statements)];
  for (;;) {
    if (statement !== null && (entry === null || isBefore(statement, entry))) {
      yield statementFact(statement, account, options.hashing);
      statement = await next(statements);
    } else if (entry !== null) {
      yield* factsOfEntry(rows, entry, from, options);
      entry = await next(entries);
    } else return;
  }
}

/** The facts of one entry: its report, its movements, and the racing snapshots that it confirms. */
export async function* factsOfEntry(
  rows: Rows,
  row: Row,
  from: Place | null,
  { hashing, last, storedEntry }: AccountFactOptions,
): AsyncGenerator<ListedFact> {
  const stored = await storedEntry(row);
  const entry = entryFromRow(stored);
  const account = String(row.account);
  const isOvertaken = last !== null && last !== row.id;
  const place = placeOf(row);
  const after = from !== null && isSamePlace(from, place) ? from.item : "";
  const listed = (item: string, state: FactState, fact: Listing): ListedFact => ({
    id: providerEventId({ type: fact.type, data: state.data } as ProviderFact, hashing),
    reason: fact.reason,
    isOvertaken,
    entry: stored,
    key: [place.at, place.rank, place.mark, item],
  });
  const report = reportFrom(row);
  if (report !== null && after === "") {
    yield listed("report", report, {
      type: reportTypeOf(account),
      reason: () => reportReason(entry),
    });
  }
  for await (const { state, item } of movementsOf(rows, row, after)) {
    const reason = (now: FactState) => movementReason(entry, now);
    yield listed(item, state, { type: "MovementRecorded", reason });
  }
  const done = after.startsWith(SNAPSHOT_ITEM) ? Number(after.slice(SNAPSHOT_ITEM.length)) + 1 : 0;
  for (const [at, statement] of (await racingSnapshots(rows, row)).entries()) {
    if (at < done) continue;
    const fact = statementFact(statement, account, hashing);
    yield { ...fact, entry: stored, key: [place.at, place.rank, place.mark, SNAPSHOT_ITEM + at] };
  }
}

type Listing = Readonly<{ type: ProviderFact["type"]; reason: ListedFact["reason"] }>;

const reportTypeOf = (account: string) =>
  account.startsWith("layer1:") ? "FundsReported" : "BalanceReported";

const MOVEMENT_ITEM = "report:";
const SNAPSHOT_ITEM = "snapshot:";

async function* movementsOf(rows: Rows, row: Row, after: string) {
  if (row.kind !== "run" || row.run_id === null || after.startsWith(SNAPSHOT_ITEM)) return;
  const key = [row.account ?? null, row.run_id ?? null];
  const beyond = [...key, after.slice(MOVEMENT_ITEM.length)];
  const found = everyRow(rows, MOVEMENTS, {
    where: [
      { column: "account", is: "=", value: row.account ?? "" },
      { column: "run_id", is: "=", value: row.run_id ?? "" },
    ],
    orderBy: ["account", "run_id", "movement_id"],
    beyond,
    limit: PAGE,
  });
  for await (const one of found) {
    yield { state: movementFrom(one), item: MOVEMENT_ITEM + String(one.movement_id) };
  }
}

function racingSnapshots(rows: Rows, { account = null, id = null }: Row): Promise<readonly Row[]> {
  return rows.select(STATEMENTS, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "confirmed_by", is: "=", value: id },
    ],
    orderBy: ["account", "confirmed_by", "arrived_at", "connection", "frame"],
    descending: true,
    limit: RACING_MAX,
  });
}

function statementFact(row: Row, account: string, hashing: Hashing): ListedFact {
  const state = reportFrom(row) as FactState;
  const by = row.confirmed_by === "=" ? null : String(row.confirmed_by);
  return {
    id: providerEventId({ type: "BalanceReported", data: state.data } as ProviderFact, hashing),
    reason: (now) => confirmingReason(now, by),
    isOvertaken: false,
    entry: null,
    key: [BigInt(row.arrived_at ?? 0), STATEMENT_RANK, statementMark(row), account],
  };
}

export const arithmeticIn = (row: Row) => {
  const entry: Entry = entryFromRow(row);
  return { entry: String(row.id), ...arithmeticOf(entry) };
};

/**
 * The entries of an account backward from a place, which is included as it may be listed in part.
 */
function entriesBefore(rows: Rows, account: string, from: Place | null): AsyncGenerator<Row> {
  const beyond = from && [account, from.at, from.rank, `${from.mark}\u0001`];
  return everyRow(rows, ENTRIES, {
    where: [{ column: "account", is: "=", value: account }],
    orderBy: ["account", "placed_at", "rank", "mark"],
    descending: true,
    ...(beyond === null ? {} : { beyond }),
    limit: PAGE,
  });
}

/** Snapshots confirmed by the last run that they surely include. */
function statementsBefore(rows: Rows, account: string, from: Place | null): AsyncGenerator<Row> {
  const [connection, frame] = from === null ? [] : markParts(from.mark);
  const isStatement = from?.rank === STATEMENT_RANK;
  const beyond = from && [
    account,
    "=",
    from.at,
    ...(isStatement ? [connection ?? "", frame ?? 0] : ["", -1]),
  ];
  return everyRow(rows, STATEMENTS, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "confirmed_by", is: "=", value: "=" },
    ],
    orderBy: ["account", "confirmed_by", "arrived_at", "connection", "frame"],
    descending: true,
    ...(beyond === null ? {} : { beyond }),
    limit: PAGE,
  });
}

const statementMark = ({ connection, frame }: Row): string => `${frame}:${connection}`;

function markParts(mark: string): readonly [connection: string, frame: number] {
  const at = mark.indexOf(":");
  return [mark.slice(at + 1), Number(mark.slice(0, at))];
}

const isBefore = (statement: Row, entry: Row): boolean =>
  BigInt(statement.arrived_at ?? 0) >= BigInt(entry.placed_at ?? 0);

const placeOf = (row: Row): Place => ({
  at: BigInt(row.placed_at ?? 0),
  rank: Number(row.rank),
  mark: String(row.mark),
  item: "",
});

const placeFrom = ([at, rank, mark, item]: readonly Value[]): Place => ({
  at: BigInt(at ?? 0),
  rank: Number(rank),
  mark: String(mark),
  item: String(item),
});

const isSamePlace = (a: Place, b: Place): boolean =>
  a.at === b.at && a.rank === b.rank && a.mark === b.mark;

/** The id of an account's last entry; null if it has none. */
export async function lastEntryId(rows: Rows, account: string): Promise<string | null> {
  const [last] = await rows.select(ENTRIES, {
    where: [{ column: "account", is: "=", value: account }],
    orderBy: ["account", "placed_at", "rank", "mark"],
    descending: true,
    limit: 1,
  });
  return last === undefined ? null : String(last.id);
}

async function next<T>(from: AsyncGenerator<T>): Promise<T | null> {
  const { value, done } = await from.next();
  return done ? null : value;
}

/** The time when a fact took effect, and its id, both descending. */
export const LIFECYCLE_FACT_KEY: readonly ColumnType[] = ["nanos", "text"];

type Options = Readonly<{
  model: LifecycleModel;
  hashing: Hashing;
  /** The history of the record as the model stored it at the moment, for the same reason as an entry. */
  history: Stored & Readonly<{ cluster: Value }>;
}>;

/** The facts of all clusters of a record, the newest first. */
export async function* lifecycleFacts(
  rows: Rows,
  base: number,
  beyond: readonly Value[] | null,
  options: Options,
): AsyncGenerator<ListedFact> {
  const lists = (await membersOf(rows, base)).map((cluster) => factsIn(rows, cluster, beyond));
  const nextRows = await Promise.all(lists.map(async (list) => (await list.next()).value ?? null));
  for (;;) {
    const at = newest(nextRows);
    const row = nextRows[at];
    if (row === undefined || row === null) return;
    yield listedFact(row, options);
    nextRows[at] = (await lists[at]?.next())?.value ?? null;
  }
}

const keyOf = ({ at, id }: Row): Value[] => [BigInt(at ?? 0), String(id)];

function newest(nextRows: readonly (Row | null)[]): number {
  let best = -1;
  nextRows.forEach((row, at) => {
    const other = nextRows[best] ?? null;
    if (row === null) return;
    if (other === null || compareTuples(keyOf(row), keyOf(other)) > 0) best = at;
  });
  return best;
}

function factsIn(
  rows: Rows,
  cluster: number,
  beyond: readonly Value[] | null,
): AsyncGenerator<Row> {
  const behind = beyond === null ? {} : { beyond };
  const selection = having({ cluster }, ["at", "id"], { descending: true, limit: 100, ...behind });
  return everyRow(rows, LIFECYCLE_FACTS, selection);
}

/** The clusters of a record: those connected with its base by any number of links. */
async function membersOf(rows: Rows, base: number): Promise<readonly number[]> {
  const members = new Set([base]);
  for (const member of members) {
    const row = await rows.get(CLUSTERS, [member]);
    const { links = [] } = (row === null ? {} : JSON.parse(String(row.data))) as Partial<Cluster>;
    for (const { to } of links) members.add(to);
  }
  return [...members];
}

function listedFact(row: Row, options: Options): ListedFact {
  const type = row.type as ProviderFactType;
  const { data } = factStateFrom(JSON.parse(String(row.state)));
  return {
    id: providerEventId({ type, data } as ProviderFact, options.hashing),
    reason: (state) => reasonOf({ row, state, type }, options),
    isOvertaken: false,
    entry: null,
    key: keyOf(row),
  };
}

type Placed = Readonly<{ row: Row; state: FactState; type: ProviderFactType }>;

/** What the fact says, and the outcome of its entries in the record's history. */
async function reasonOf(
  { row, state, type }: Placed,
  { model, hashing, history: { rows, position, cluster } }: Options,
): Promise<string> {
  const id = String(row.id);
  const tie = hashing.sha256(id).slice(0, 16);
  const at = BigInt(row.at ?? 0);
  const reading = LIFECYCLES[model].read(datedFact({ id, type, state }, tie, at));
  const selection = having({ record: cluster, at }, PLACE.slice(1));
  const stored = await selectAt(rows, HISTORY_VERSIONS, position, selection);
  const outcomes = (reading?.entries ?? []).map((_, seq) => {
    const word = stored.find((one) => String(one.tie).endsWith(`:${tie}`) && one.seq === seq);
    return word === undefined ? null : outcomeIn(word);
  });
  return `${typeText(type)}: ${lifecycleReason(reading, outcomes)}`;
}

const outcomeIn = ({ after, moves, flag, late }: Row): EntryOutcome => ({
  after: typeof after === "string" ? after : null,
  moves: moves === 1,
  flag: typeof flag === "string" ? flag : null,
  late: late === 1,
});

/** `DepositStatusReported` in words. */
const typeText = (type: string): string =>
  type.replaceAll(/(?!^)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).toLowerCase();
