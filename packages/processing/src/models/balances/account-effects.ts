import {
  type Anomaly,
  anomaliesOf,
  anomaly,
  contradictionsOf,
} from "@counterfoil/core/balances/anomalies";
import { type Entry, entryId } from "@counterfoil/core/balances/entry";
import type { EntryChange } from "@counterfoil/core/balances/history";
import { canonicalJson } from "@counterfoil/core/exact/json";
import { accountIdsOf, type FactData, type FactState } from "@counterfoil/core/ingest/fact-state";
import type { Row, Selection } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type AnomalyCause,
  type AnomalyContent,
  closeAnomaly,
  openAnomaly,
} from "../anomaly-rows.ts";
import { type Account, loadEnd } from "./account.ts";
import type { Step } from "./runs.ts";
import { type Feeds, isSurelyListed, refreshUnlisted } from "./snapshot-membership.ts";
import { mayAffectStatements, rejudgeStatements } from "./statements.ts";
import { ACCOUNT_IDS, ACCOUNT_IDS_PAST } from "./tables.ts";

type Context = Readonly<{ buffer: RowBuffer; feeds: Feeds }>;

/**
 * Applies a step that affects only the account's balance, as nearly every step does.
 *
 * @returns false if it affects more; then nothing was changed
 */
export function applyIfPlain(feeds: Feeds, { account, before, after, changes }: Step): boolean {
  if (before !== null || after === null || after.contradicted.length > 0) return false;
  if (account.isEndChanged && !account.history.isEnd) return false;
  const ids = idDifference(before, after);
  const isPlain =
    areWithoutAnomalies(account, changes) &&
    !changesIds(account, ids) &&
    !mayAffectStatements(account, changes) &&
    isSurelyListed(feeds, account);
  if (isPlain) countIds(account, ids);
  return isPlain;
}

/** Whether the changed entries show no anomaly, before and after. */
function areWithoutAnomalies({ id, history }: Account, changes: readonly EntryChange[]): boolean {
  for (const { before, after } of changes) {
    for (const entry of [before, after]) {
      if (entry !== null && anomaliesOf(entry, id, history.same).length > 0) return false;
    }
  }
  return true;
}

/** Applies the effects of a step beyond the account's row: snapshots, anomalies, ids. */
export async function applyEffects(context: Context, step: Step): Promise<void> {
  const { buffer } = context;
  const { account, changes, event, before, after } = step;
  const judged = mayAffectStatements(account, changes)
    ? await rejudgeStatements(buffer, account, changes, event.position)
    : [];
  await updateAnomalies(buffer, step, [...changes, ...judged]);
  const ids = idDifference(before, after);
  if (changesIds(account, ids)) await applyIdChanges(buffer, account, ids, event);
  else countIds(account, ids);
  // Judging snapshots may have unloaded the end of the history.
  const isEndKnown = account.history.isEnd || account.isEndChanged;
  if (isEndKnown || judged.length > 0 || !isSurelyListed(context.feeds, account)) {
    await loadEnd(buffer, account);
    summarize(account);
    await refreshUnlisted(context, account, event);
  }
}

async function updateAnomalies(
  buffer: RowBuffer,
  step: Step,
  changes: readonly EntryChange[],
): Promise<void> {
  const { account, event } = step;
  const { previous, current } = anomaliesAround(step, changes);
  for (const [id, { kind }] of previous) {
    if (current.has(id)) continue;
    if (kind === "gap") account.openGaps -= 1;
    await closeAnomaly(buffer, id, event);
  }
  for (const [id, anomaly] of current) {
    const known = previous.get(id);
    if (known !== undefined && isSameDetail(known, anomaly)) continue;
    if (known === undefined && anomaly.kind === "gap") account.openGaps += 1;
    await openAnomaly(buffer, anomaly, event);
  }
}

type Anomalies = ReadonlyMap<string, Anomaly>;

/** The anomalies of the entries before and after the step. An entry may change twice in it. */
function anomaliesAround(
  { account, entry, before, after }: Step,
  changes: readonly EntryChange[],
): Readonly<{ previous: Anomalies; current: Anomalies }> {
  const { id, history } = account;
  const first = new Map<string, Entry | null>();
  const last = new Map<string, Entry | null>();
  for (const change of changes) {
    const key = entryId((change.after ?? change.before) as Entry);
    if (!first.has(key)) first.set(key, change.before);
    last.set(key, change.after);
  }
  const anomaliesOfAll = (entries: Iterable<Entry | null>, fact: Step["before"]): Anomalies => {
    const anomalies = [...entries].flatMap((one) =>
      one === null ? [] : anomaliesOf(one, id, history.same),
    );
    const all = [...anomalies, ...contradictionsOf(fact, entry, id)];
    return new Map(all.map((anomaly) => [anomaly.id, anomaly]));
  };
  return {
    previous: anomaliesOfAll(first.values(), before),
    current: anomaliesOfAll(last.values(), after),
  };
}

const isSameDetail = (a: Anomaly, b: Anomaly): boolean =>
  canonicalJson(a.detail) === canonicalJson(b.detail);

/** Derives the account's balance and the other columns from the end of its history. */
export function summarize(account: Account): void {
  const { history, accountIds } = account;
  const last = history.entries.at(-1);
  const lastRun = history.entries.findLast(({ kind }) => kind === "run");
  account.balance = last?.running ?? null;
  account.isContradicted = (last?.contradictions ?? 0) > 0;
  // If only snapshots are loaded, the last run is unchanged.
  if (lastRun !== undefined || history.isStart) account.lastRunId = lastRun?.key ?? null;
  account.updatedAt = last?.effectiveAt ?? null;
  account.accountId = last?.accountIds.at(-1) ?? accountIds.at(-1) ?? null;
  account.isEndChanged = false;
}

/**
 * The provider's ids of an account, and the accounts that share one. Zero Hash promises one id per
 * five-tuple and one five-tuple per id; its own pages break both, so each case is an anomaly and not an
 * error.
 */

/** How the number of facts in force that name each id changes, when one fact replaces another. */
type IdDifference = ReadonlyMap<string, number>;

const NO_DIFFERENCE: IdDifference = new Map();

function idDifference(before: FactState | null, after: FactState | null): IdDifference {
  const [idsBefore, idsAfter] = [idsInForce(before), idsInForce(after)];
  if (idsBefore.length === 0 && idsAfter.length === 0) return NO_DIFFERENCE;
  const difference = new Map<string, number>();
  const count = (id: string, by: number) => difference.set(id, (difference.get(id) ?? 0) + by);
  for (const id of idsAfter) count(id, 1);
  for (const id of idsBefore) count(id, -1);
  return difference;
}

const idsInForce = (state: FactState | null): readonly string[] =>
  state === null || state.withdrawn ? [] : accountIdsOf(state);

/** Whether the difference adds an id to the account or removes one, as far as its ids are counted. */
export function changesIds({ idFacts }: Account, difference: IdDifference): boolean {
  for (const [id, by] of difference) {
    const count = idFacts.get(id) ?? 0;
    if ((count === 0) !== (count + by === 0)) return true;
  }
  return false;
}

/** Applies a difference to the counts of facts per id. */
export function countIds({ idFacts }: Account, difference: IdDifference): void {
  for (const [id, by] of difference) if (by !== 0) idFacts.set(id, (idFacts.get(id) ?? 0) + by);
}

/**
 * How many ids of an account are counted and shown: the first in order. Search finds the others too, also
 * after the facts that state them were withdrawn.
 */
const IDS_MAX = 32;

/** How many accounts on either side, in order, are shown of those that share an id with an account. */
const SHARERS_MAX = 5;

/** Applies a difference, and opens and closes the conflicts of added and removed ids. */
async function applyIdChanges(
  buffer: RowBuffer,
  account: Account,
  difference: IdDifference,
  cause: AnomalyCause,
): Promise<void> {
  const before = account.accountIds;
  countIds(account, difference);
  keepCounted(account);
  for (const [id, by] of difference) {
    const wasCounted = before.includes(id);
    if (by > 0 && !wasCounted) await addId(buffer, account, id, cause);
    if (by < 0 && wasCounted && !account.idFacts.has(id)) {
      await removeId(buffer, account, id, cause);
    }
  }
  const { id, accountIds, updatedAt } = account;
  const isSame = JSON.stringify(accountIds) === JSON.stringify(before);
  if (isSame || (before.length < 2 && accountIds.length < 2)) return;
  const several = idConflict(id, "account_ids", { account_ids: accountIds }, updatedAt);
  await openOrClose(buffer, several, accountIds.length > 1, cause);
}

function keepCounted(account: Account): void {
  const { idFacts } = account;
  for (const [id, count] of idFacts) if (count <= 0) idFacts.delete(id);
  const ids = [...idFacts.keys()].sort();
  for (const id of ids.slice(IDS_MAX)) idFacts.delete(id);
  account.accountIds = ids.slice(0, IDS_MAX);
}

async function addId(
  buffer: RowBuffer,
  { id: account, updatedAt }: Account,
  id: string,
  cause: AnomalyCause,
): Promise<void> {
  const row = { account_id: id, account };
  const [first] = await buffer.select(ACCOUNT_IDS, { ...havingId(id), limit: 1 });
  // An id that is not counted may have been added before.
  const isKnown = first !== undefined && (await buffer.get(ACCOUNT_IDS, [id, account])) !== null;
  if (isKnown) return;
  buffer.put(ACCOUNT_IDS, { ...row, since: cause.position }, null);
  // Nearly always only this account has the id.
  if (first === undefined) return;
  const { before, after } = await sharersAround(buffer, row);
  const all = [...before, account, ...after];
  const near = [account, ...nearest(all, account)];
  await updateShared(buffer, id, { all, near }, { at: updatedAt, cause });
}

async function removeId(
  buffer: RowBuffer,
  { id: account, updatedAt }: Account,
  id: string,
  cause: AnomalyCause,
): Promise<void> {
  const row = { account_id: id, account };
  const { before, after } = await sharersAround(buffer, row);
  const stored = await buffer.get(ACCOUNT_IDS, [id, account]);
  if (stored !== null) keepPast(buffer, stored, cause.position);
  buffer.remove(ACCOUNT_IDS, row, stored);
  await closeAnomaly(buffer, idConflict(account, id, {}, null).id, cause);
  const near = nearest([...before, account, ...after], account);
  await updateShared(buffer, id, { all: [...before, ...after], near }, { at: updatedAt, cause });
}

/** Keeps the row for reads as of an earlier position, unless the same event added it. */
function keepPast(buffer: RowBuffer, row: Row, position: number): void {
  if (row.since !== position) buffer.append(ACCOUNT_IDS_PAST, { ...row, until: position });
}

type SharedId = Readonly<{ account_id: string; account: string }>;

/** The rows of an id, in order of its accounts. */
const havingId = (id: string): Pick<Selection, "where" | "orderBy"> => ({
  where: [{ column: "account_id", is: "=", value: id }],
  orderBy: ["account_id", "account"],
});

/**
 * The other accounts with the id on either side of an account: those that are shown of it, and those
 * that are shown of them, read at once.
 */
async function sharersAround(
  buffer: RowBuffer,
  { account_id, account }: SharedId,
): Promise<Readonly<{ before: readonly string[]; after: readonly string[] }>> {
  const beside = async (descending: boolean) => {
    const beyond = [account_id, account];
    const page = { ...havingId(account_id), beyond, descending, limit: 2 * SHARERS_MAX };
    return (await buffer.select(ACCOUNT_IDS, page)).map((row) => String(row.account));
  };
  const [before, after] = [await beside(true), await beside(false)];
  return { before: before.toReversed(), after };
}

/** The accounts on either side of one that are shown of it. */
function nearest(all: readonly string[], account: string): readonly string[] {
  const at = all.indexOf(account);
  const before = all.slice(Math.max(0, at - SHARERS_MAX), at);
  return [...before, ...all.slice(at + 1, at + 1 + SHARERS_MAX)];
}

/** Each account with the id has an open anomaly while there are several. */
async function updateShared(
  buffer: RowBuffer,
  account_id: string,
  { all, near }: Readonly<{ all: readonly string[]; near: readonly string[] }>,
  { at, cause }: Readonly<{ at: Account["updatedAt"]; cause: AnomalyCause }>,
): Promise<void> {
  for (const account of near) {
    const sharers = nearest(all, account);
    const detail = { account_id, accounts: [...sharers, account].sort() };
    const shared = idConflict(account, account_id, detail, at);
    await openOrClose(buffer, shared, sharers.length > 0, cause);
  }
}

async function openOrClose(
  buffer: RowBuffer,
  content: AnomalyContent,
  isOpen: boolean,
  cause: AnomalyCause,
): Promise<void> {
  if (isOpen) await openAnomaly(buffer, content, cause);
  else await closeAnomaly(buffer, content.id, cause);
}

function idConflict(
  subject: string,
  what: string,
  detail: FactData,
  at: Account["updatedAt"],
): AnomalyContent {
  return anomaly("account_id_conflict", subject, what, { detail, essence: detail, at });
}
