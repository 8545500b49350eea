import { comparePlaces } from "@counterfoil/core/balances/arrangement";
import { type Entry, entryId, newEntry, withReport } from "@counterfoil/core/balances/entry";
import { nextFact, type StreamEvent, type Target } from "@counterfoil/core/balances/evolve";
import type { EntryChange } from "@counterfoil/core/balances/history";
import {
  balanceHeld,
  earliestArrivalWith,
  type Judgement,
  judgeSnapshot,
  mayBeIn,
  states,
} from "@counterfoil/core/balances/snapshots";
import { isSameMoney } from "@counterfoil/core/exact/money";
import { compareTimes, SECOND } from "@counterfoil/core/exact/time";
import { type FactState, firstArrivalOf } from "@counterfoil/core/ingest/fact-state";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { factStateText } from "../columns.ts";
import { type Account, extend, findEntry, seekEnd, seekTime } from "./account.ts";
import { reportFrom } from "./entry-row.ts";
import { place, type Step } from "./runs.ts";
import { type Feeds, noteListing } from "./snapshot-membership.ts";
import { STATEMENTS } from "./tables.ts";

/**
 * What snapshots state of an account. Each statement is a row; one that nothing confirms also stands
 * as an entry of the account's history.
 */

/** Nothing confirms it. */
const STANDS = "";

const statementId = ({ connection, frame }: Row): string => `${connection}:${frame}`;

/**
 * Folds an event about what a snapshot states of an account; that it lists it at all counts too.
 *
 * @returns null where nothing is known of what it amends
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
    await noteListing(feeds, account.id);
  }
  account.statements += (state.withdrawn ? 0 : 1) - (stored === null ? 0 : 1);
  await seekEnd(buffer, account);
  const entry = { key: `${connection}:${frame}`, effectiveAt: account.snapshotAt };
  return { account, entry, before, after: state.withdrawn ? null : state, changes, event };
}

/** Where the feed was opened whose snapshot is the last that lists the account; 0 where none does. */
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

/** Records a statement, or another version of it, and judges it. */
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

/** A statement that no delivery makes any more. */
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

type Case = Readonly<{ row: Row; stored: Row | null; position: number }>;

/** Judges one statement anew, and lets it stand or takes it out of the history. */
async function judge(
  buffer: RowBuffer,
  account: Account,
  { row, stored, position }: Case,
): Promise<readonly EntryChange[]> {
  const entry = snapshotEntry(row);
  const { confirmedBy, sure } = await judgementOf(buffer, account, entry);
  const judged = { ...row, confirmed_by: confirmedBy ?? STANDS, sure: sure ? entryId(sure) : "" };
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

async function judgementOf(buffer: RowBuffer, account: Account, entry: Entry): Promise<Judgement> {
  await seekTime(buffer, account, entry.arrivedAt);
  for (;;) {
    const judged = judgeSnapshot(account.history, entry);
    if (judged.outcome === "judged") return judged;
    await extend(buffer, account, judged.side);
  }
}

/** Whether a change of entries may tell otherwise of a statement that was judged before. */
export function mayConcern({ snapshotAt }: Account, changes: readonly EntryChange[]): boolean {
  if (snapshotAt === 0n) return false;
  return changes.some((change) => isTelling(change) && earliestOf(change) <= snapshotAt);
}

/** Another balance before or after an entry, or another place. */
function isTelling({ before, after }: EntryChange): boolean {
  if (before === null || after === null) return true;
  return !(
    isSameMoney(balanceHeld(before), balanceHeld(after)) &&
    isSameMoney(before.balance, after.balance) &&
    isSameMoney(before.change, after.change) &&
    comparePlaces(before, after) === 0 &&
    before.recordedAt === after.recordedAt
  );
}

/** The earliest arrival of a snapshot that one of its versions may be in. */
function earliestOf({ before, after }: EntryChange): bigint {
  const arrivals = [before, after].flatMap((entry) => (entry ? [earliestArrivalWith(entry)] : []));
  const [earliest = 0n] = arrivals.sort(compareTimes);
  return earliest;
}

/**
 * Judges anew what changed entries may tell otherwise of: statements that they surely are in, those
 * that one of them confirmed, and those that nothing confirmed so far. One that comes or goes is a
 * change itself.
 */
export async function judgeAgain(
  buffer: RowBuffer,
  account: Account,
  changes: readonly EntryChange[],
  position: number,
): Promise<readonly EntryChange[]> {
  const all: EntryChange[] = [];
  for (let open = changes.filter(isTelling); open.length > 0; ) {
    const found: EntryChange[] = [];
    for (const row of await concerned(buffer, account, open)) {
      const stored = await buffer.get(STATEMENTS, [
        account.id,
        row.connection ?? "",
        row.frame ?? 0,
      ]);
      if (stored === null) continue;
      found.push(...(await judge(buffer, account, { row: stored, stored, position })));
    }
    all.push(...found);
    open = found.filter(isTelling);
  }
  return all;
}

async function concerned(
  buffer: RowBuffer,
  account: Account,
  changes: readonly EntryChange[],
): Promise<readonly Row[]> {
  const rows = new Map<string, Row>();
  const add = (row: Row) => rows.set(statementId(row), row);
  for (const row of await sureOf(buffer, account, changes)) add(row);
  for (const change of changes) {
    const id = entryId((change.after ?? change.before) as Entry);
    if (change.before !== null) {
      for await (const row of statements(buffer, account, { confirmedBy: id })) add(row);
    }
    const { after } = change;
    if (after === null) continue;
    for (const row of await standingWith(buffer, account, after)) add(row);
  }
  return [...rows.values()].sort((a, b) => (Number(a.arrived_at) < Number(b.arrived_at) ? -1 : 1));
}

/**
 * Statements that one of the entries surely is in, as far as it may be the last one that is: behind
 * a statement whose last sure entry stands further on, so do all.
 */
async function sureOf(
  buffer: RowBuffer,
  account: Account,
  changes: readonly EntryChange[],
): Promise<readonly Row[]> {
  const versions = changes
    .flatMap(({ before, after }) => [before, after])
    .filter((e) => e !== null);
  const recordedAt = Math.min(...versions.map((entry) => entry.recordedAt));
  const last = versions.reduce((a, b) => (comparePlaces(a, b) < 0 ? b : a));
  const rows: Row[] = [];
  for await (const row of statements(buffer, account, { openedAfter: recordedAt })) {
    const sure = await sureIn(buffer, account, row);
    if (sure !== null && comparePlaces(sure, last) > 0) break;
    rows.push(row);
  }
  return rows;
}

/** The last entry that surely is in a statement. */
async function sureIn(buffer: RowBuffer, account: Account, { sure }: Row): Promise<Entry | null> {
  return sure === "" ? null : findEntry(buffer, account, String(sure));
}

/** Connections overlap no longer than this: behind it the order of arrivals is that of openings. */
const OVERLAP = 600n * SECOND;

/** Statements that stand, and that the entry would confirm. */
async function standingWith(
  buffer: RowBuffer,
  account: Account,
  entry: Entry,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let end: bigint | null = null;
  const arrivedFrom = earliestArrivalWith(entry);
  for await (const row of statements(buffer, account, { confirmedBy: STANDS, arrivedFrom })) {
    const arrivedAt = BigInt(row.arrived_at ?? 0);
    if (end !== null && arrivedAt > end) break;
    if (`snapshot:${statementId(row)}` === entryId(entry)) continue;
    const sure = await sureIn(buffer, account, row);
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

type Asked =
  | Readonly<{ openedAfter: number }>
  | Readonly<{ confirmedBy: string; arrivedFrom?: bigint }>;

const PAGE = 100;

async function* statements(buffer: RowBuffer, account: Account, asked: Asked): AsyncGenerator<Row> {
  const isByOpening = "openedAfter" in asked;
  const columns = isByOpening
    ? ["account", "opened_at", "connection", "frame"]
    : ["account", "confirmed_by", "arrived_at", "connection", "frame"];
  yield* everyRow(buffer, STATEMENTS, {
    where: [
      { column: "account", is: "=", value: account.id },
      ...(isByOpening
        ? []
        : [{ column: "confirmed_by", is: "=", value: asked.confirmedBy } as const]),
    ],
    orderBy: columns,
    beyond: isByOpening
      ? [account.id, asked.openedAfter + 1, "", -1]
      : [account.id, asked.confirmedBy, asked.arrivedFrom ?? 0n, "", -1],
    limit: PAGE,
  });
}
