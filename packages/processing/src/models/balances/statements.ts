import { comparePlaces, type History, type Placed } from "@counterfoil/core/balances/arrangement";
import { type Entry, entryId, newEntry, withReport } from "@counterfoil/core/balances/entry";
import type { EntryChange } from "@counterfoil/core/balances/history";
import {
  balanceHeld,
  earliestArrivalWith,
  hiddenBehind,
  type Judgement,
  judgeSnapshot,
  mayBeIn,
  states,
} from "@counterfoil/core/balances/snapshots";
import { nextFact, type StreamEvent, type Target } from "@counterfoil/core/balances/targets";
import { isSameMoney } from "@counterfoil/core/exact/money";
import { compareText } from "@counterfoil/core/exact/text";
import { compareTimes, type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { type FactState, firstArrivalOf } from "@counterfoil/core/ingest/fact-state";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { factStateText } from "../columns.ts";
import {
  type Account,
  findEntry,
  loadAround,
  loadAroundTime,
  loadEnd,
  loadMore,
} from "./account.ts";
import { reportFrom } from "./entry-row.ts";
import { place, type Step } from "./runs.ts";
import { type Feeds, noteListing } from "./snapshot-membership.ts";
import { STATEMENTS } from "./tables.ts";

/**
 * The balances that snapshots state of an account. Each statement is a row; an unconfirmed one is also an
 * entry of the account's history.
 */

/** `confirmed_by` of a statement that nothing confirms. */
const UNCONFIRMED = "";

const statementId = ({ connection, frame }: Row): string => `${connection}:${frame}`;

/** Two connections may state the account in one nanosecond. */
const compareArrivals = (a: Row, b: Row): number =>
  compareTimes(BigInt(a.arrived_at ?? 0), BigInt(b.arrived_at ?? 0)) ||
  compareText(statementId(a), statementId(b));

/**
 * Folds an event about a snapshot's statement of an account, and records that the snapshot lists it.
 *
 * @returns null if the statement that it amends is unknown
 */
export async function foldStatement(
  { buffer, feeds }: Readonly<{ buffer: RowBuffer; feeds: Feeds }>,
  account: Account,
  { connection, frame }: Extract<Target, { kind: "statement" }>,
  event: StreamEvent,
): Promise<Step | null> {
  const { position } = event;
  const stored = await buffer.get(STATEMENTS, [account.id, connection, frame]);
  const before = stored && reportFrom(stored);
  const state = nextFact(before, event);
  if (state === null) return null;
  let changes: readonly EntryChange[] = [];
  if (state.withdrawn) {
    if (stored !== null) changes = await removeStatement(buffer, account, stored, position);
    account.listedAt = await lastListing(buffer, account);
  } else {
    const openedAt = (await feeds.openedAt(connection)) ?? state.position;
    const statement = { connection, frame, openedAt, state };
    changes = await putStatement(buffer, account, statement, position);
    account.listedAt = Math.max(account.listedAt, openedAt);
    await feeds.listed(connection, firstArrivalOf(state));
    await noteListing(feeds, account.id, position);
  }
  account.statements += (state.withdrawn ? 0 : 1) - (stored === null ? 0 : 1);
  await loadEnd(buffer, account);
  const entry = { key: `${connection}:${frame}`, effectiveAt: account.snapshotAt };
  return { account, entry, before, after: state.withdrawn ? null : state, changes, event };
}

/** The latest position at which a feed was opened whose snapshot lists the account; 0 if none does. */
async function lastListing(buffer: RowBuffer, { id }: Account): Promise<number> {
  const [last] = await buffer.select(STATEMENTS, {
    where: [{ column: "account", is: "=", value: id }],
    orderBy: ["account", "opened_at", "connection", "frame"],
    descending: true,
    limit: 1,
  });
  return Number(last?.opened_at ?? 0);
}

function snapshotEntry(row: Row): Entry {
  const entry = { ...newEntry("snapshot", statementId(row)), openedAt: Number(row.opened_at) };
  return withReport(entry, reportFrom(row));
}

/** Stores a statement, or a new version of it, and judges it. */
async function putStatement(
  buffer: RowBuffer,
  account: Account,
  statement: Readonly<{ connection: string; frame: number; openedAt: number; state: FactState }>,
  position: number,
): Promise<readonly EntryChange[]> {
  const { connection, frame, openedAt, state } = statement;
  const stored = await buffer.get(STATEMENTS, [account.id, connection, frame]);
  const arrivedAt = firstArrivalOf(state);
  const row = {
    account: account.id,
    connection,
    frame,
    arrived_at: arrivedAt,
    opened_at: openedAt,
    report: factStateText(state),
  };
  if (arrivedAt > account.snapshotAt) account.snapshotAt = arrivedAt;
  return judge(buffer, account, { row, stored, position });
}

/** Removes a withdrawn statement. */
async function removeStatement(
  buffer: RowBuffer,
  account: Account,
  row: Row,
  position: number,
): Promise<readonly EntryChange[]> {
  buffer.remove(STATEMENTS, row, row);
  const before = await findEntry(buffer, account, `snapshot:${statementId(row)}`);
  if (before === null) return [];
  return place(buffer, account, { before, after: null, position });
}

type JudgedRow = Readonly<{
  row: Row;
  stored: Row | null;
  /** A place behind which it certainly includes no entry, if that is known. */
  latest?: Placed;
  position: number;
}>;

/** Judges one statement: unconfirmed, it becomes an entry of the history; confirmed, it is removed from it. */
async function judge(
  buffer: RowBuffer,
  account: Account,
  { row, stored, latest, position }: JudgedRow,
): Promise<readonly EntryChange[]> {
  const entry = snapshotEntry(row);
  const { confirmedBy, sure } = await judgementOf(buffer, account, entry, latest ?? null);
  const judged = {
    ...row,
    confirmed_by: confirmedBy ?? UNCONFIRMED,
    sure: sure ? entryId(sure) : "",
  };
  if (!isSameRow(judged, stored)) buffer.put(STATEMENTS, judged, stored);
  const before = await findEntry(buffer, account, entryId(entry));
  if (confirmedBy !== null) {
    return before === null ? [] : place(buffer, account, { before, after: null, position });
  }
  const at = sure && sure.placedAt > entry.arrivedAt ? sure.placedAt : entry.arrivedAt;
  if (before !== null && before.report !== null && row.report === factStateText(before.report)) {
    return [];
  }
  return place(buffer, account, { before, after: { ...entry, late: false }, position, at });
}

const isSameRow = (row: Row, stored: Row | null): boolean =>
  stored !== null && Object.keys(row).every((column) => row[column] === stored[column]);

async function judgementOf(
  buffer: RowBuffer,
  account: Account,
  entry: Entry,
  latest: Placed | null,
): Promise<Judgement> {
  await (latest === null
    ? loadAroundTime(buffer, account, entry.arrivedAt)
    : loadAround(buffer, account, latest));
  for (;;) {
    const judged = judgeSnapshot(account.history, entry, latest);
    if (judged.outcome === "judged") return judged;
    await loadMore(buffer, account, judged.side);
  }
}

/** Whether changes of entries may alter how a statement was judged. */
export function mayAffectStatements(
  { snapshotAt, history }: Account,
  changes: readonly EntryChange[],
): boolean {
  if (snapshotAt === 0n) return false;
  return changes.some(
    (change) =>
      mayAffectJudgements(change) &&
      versionsOf(change).some((entry) => isReached(history, entry, snapshotAt)),
  );
}

const versionsOf = ({ before, after }: EntryChange): readonly Entry[] =>
  [before, after].filter((entry) => entry !== null);

/** Whether a snapshot that arrived by then may include the entry, or one that it hides. */
function isReached(history: History, entry: Entry, arrivedAt: Nanos): boolean {
  const { hidden, isWhole } = hiddenBehind(history, entry);
  return !isWhole || [entry, ...hidden].some((one) => mayBeIn(one, { arrivedAt }));
}

/** Whether an entry's balances, change, place or recording differ, or it was added or removed. */
function mayAffectJudgements({ before, after }: EntryChange): boolean {
  if (before === null || after === null) return true;
  return !(
    isSameMoney(balanceHeld(before), balanceHeld(after)) &&
    isSameMoney(before.balance, after.balance) &&
    isSameMoney(before.change, after.change) &&
    comparePlaces(before, after) === 0 &&
    before.recordedAt === after.recordedAt
  );
}

/**
 * Judges again the statements that changed entries may affect: those that certainly include them, those
 * that one of them confirmed, and unconfirmed ones. A statement that is added to the history or removed
 * from it is a change itself.
 */
export async function rejudgeStatements(
  buffer: RowBuffer,
  account: Account,
  changes: readonly EntryChange[],
  position: number,
): Promise<readonly EntryChange[]> {
  const all: EntryChange[] = [];
  for (let open = changes.filter(mayAffectJudgements); open.length > 0; ) {
    const found: EntryChange[] = [];
    const versions = open.flatMap(versionsOf);
    for (const row of await affectedStatements(buffer, account, open)) {
      const stored = await buffer.get(STATEMENTS, [
        account.id,
        row.connection ?? "",
        row.frame ?? 0,
      ]);
      if (stored === null) continue;
      const latest = await latestIncluded(buffer, account, stored, versions);
      found.push(...(await judge(buffer, account, { row: stored, stored, latest, position })));
    }
    all.push(...found);
    open = found.filter(mayAffectJudgements);
  }
  return all;
}

/** The last place at which an entry may stand that the statement certainly includes. */
async function latestIncluded(
  buffer: RowBuffer,
  account: Account,
  row: Row,
  versions: readonly Entry[],
): Promise<Placed> {
  const openedAt = Number(row.opened_at);
  const sure = await lastSureEntry(buffer, account, row);
  const changed = versions.filter(({ recordedAt }) => recordedAt < openedAt);
  return [...(sure ? [sure] : []), ...changed].reduce(laterPlace, BEFORE_ALL);
}

async function affectedStatements(
  buffer: RowBuffer,
  account: Account,
  changes: readonly EntryChange[],
): Promise<readonly Row[]> {
  const rows = new Map<string, Row>();
  const add = (row: Row) => rows.set(statementId(row), row);
  const versions = changes.flatMap(versionsOf);
  for (const row of await statementsIncluding(buffer, account, versions)) add(row);
  for (const change of [...changes, ...(await hiddenBehindAll(buffer, account, versions))]) {
    const id = entryId((change.after ?? change.before) as Entry);
    if (change.before !== null) {
      for await (const row of statements(buffer, account, { confirmedBy: id })) add(row);
    }
    const { after } = change;
    if (after === null) continue;
    for (const row of await statementsConfirmedBy(buffer, account, after)) add(row);
  }
  return [...rows.values()].sort(compareArrivals);
}

/** Entries that versions of changed ones hide, or hid, as if they had changed. */
async function hiddenBehindAll(
  buffer: RowBuffer,
  account: Account,
  versions: readonly Entry[],
): Promise<readonly EntryChange[]> {
  const found = new Map<string, Entry>();
  for (const entry of versions) {
    for (const hidden of await loadHiddenBehind(buffer, account, entry)) {
      found.set(entryId(hidden), hidden);
    }
  }
  return [...found.values()].map((entry) => ({ before: entry, after: entry }));
}

async function loadHiddenBehind(
  buffer: RowBuffer,
  account: Account,
  entry: Entry,
): Promise<readonly Entry[]> {
  await loadAround(buffer, account, entry);
  for (;;) {
    const { hidden, isWhole } = hiddenBehind(account.history, entry);
    if (isWhole) return hidden;
    await loadMore(buffer, account, "right");
  }
}

/**
 * Statements that certainly include one of the entries, as far as it may be their last certain entry: once
 * a statement's last certain entry is after all of these, so is that of every later statement.
 */
async function statementsIncluding(
  buffer: RowBuffer,
  account: Account,
  versions: readonly Entry[],
): Promise<readonly Row[]> {
  const recordedAt = Math.min(...versions.map((entry) => entry.recordedAt));
  const last = versions.reduce<Placed>(laterPlace, BEFORE_ALL);
  const rows: Row[] = [];
  for await (const row of statements(buffer, account, { openedAfter: recordedAt })) {
    const sure = await lastSureEntry(buffer, account, row);
    if (sure !== null && comparePlaces(sure, last) > 0) break;
    rows.push(row);
  }
  return rows;
}

const BEFORE_ALL: Placed = { placedAt: 0n, rank: -1, mark: "" };

const laterPlace = (a: Placed, b: Placed): Placed => (comparePlaces(a, b) < 0 ? b : a);

/** The last entry that a statement certainly includes. */
async function lastSureEntry(
  buffer: RowBuffer,
  account: Account,
  { sure }: Row,
): Promise<Entry | null> {
  return sure === "" ? null : findEntry(buffer, account, String(sure));
}

/** Connections overlap for at most this time; snapshots further apart arrive in the order of their openings. */
const OVERLAP = 600n * SECOND;

/** Unconfirmed statements that the entry confirms. */
async function statementsConfirmedBy(
  buffer: RowBuffer,
  account: Account,
  entry: Entry,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let end: bigint | null = null;
  const arrivedFrom = earliestArrivalWith(entry);
  for await (const row of statements(buffer, account, { confirmedBy: UNCONFIRMED, arrivedFrom })) {
    const arrivedAt = BigInt(row.arrived_at ?? 0);
    if (end !== null && arrivedAt > end) break;
    if (`snapshot:${statementId(row)}` === entryId(entry)) continue;
    const sure = await lastSureEntry(buffer, account, row);
    if (sure !== null && comparePlaces(entry, sure) < 0) {
      end ??= arrivedAt + OVERLAP;
      continue;
    }
    const { balance } = snapshotEntry(row);
    const isConfirmed = balance !== null && states(entry, balance, account.history);
    if (isConfirmed && mayBeIn(entry, { arrivedAt })) rows.push(row);
  }
  return rows;
}

/** The statements to read: by the opening of their feed, or by what confirms them. */
type StatementFilter =
  | Readonly<{ openedAfter: number }>
  | Readonly<{ confirmedBy: string; arrivedFrom?: bigint }>;

const PAGE = 100;

async function* statements(
  buffer: RowBuffer,
  account: Account,
  filter: StatementFilter,
): AsyncGenerator<Row> {
  const isByOpening = "openedAfter" in filter;
  const columns = isByOpening
    ? ["account", "opened_at", "connection", "frame"]
    : ["account", "confirmed_by", "arrived_at", "connection", "frame"];
  yield* everyRow(buffer, STATEMENTS, {
    where: [
      { column: "account", is: "=", value: account.id },
      ...(isByOpening
        ? []
        : [{ column: "confirmed_by", is: "=", value: filter.confirmedBy } as const]),
    ],
    orderBy: columns,
    beyond: isByOpening
      ? [account.id, filter.openedAfter + 1, "", -1]
      : [account.id, filter.confirmedBy, filter.arrivedFrom ?? 0n, "", -1],
    limit: PAGE,
  });
}
