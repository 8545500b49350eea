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
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type AnomalyCause,
  type AnomalyContent,
  closeAnomaly,
  openAnomaly,
} from "../anomaly-rows.ts";
import { type Account, seekEnd } from "./account.ts";
import type { Step } from "./runs.ts";
import { type Feeds, isSurelyListed, refreshUnlisted } from "./snapshot-membership.ts";
import { judgeAgain, mayConcern } from "./statements.ts";
import { ACCOUNT_IDS } from "./tables.ts";

type Context = Readonly<{ buffer: RowBuffer; feeds: Feeds }>;

/**
 * Takes in a step that means nothing beside the account's balance: nearly every one.
 *
 * @returns false where it means more; then nothing was changed
 */
export function takeInPlain(feeds: Feeds, { account, before, after, changes }: Step): boolean {
  if (before !== null || after === null || after.contradicted.length > 0) return false;
  if (account.isEndChanged && !account.history.isEnd) return false;
  const ids = idDifference(before, after);
  const isPlain =
    isCalm(account, changes) &&
    !changesIds(account, ids) &&
    !mayConcern(account, changes) &&
    isSurelyListed(feeds, account);
  if (isPlain) countIds(account, ids);
  return isPlain;
}

/** Entries that show nothing that a person should see, then and now. */
function isCalm({ id, history }: Account, changes: readonly EntryChange[]): boolean {
  for (const { before, after } of changes) {
    for (const entry of [before, after]) {
      if (entry !== null && anomaliesOf(entry, id, history.same).length > 0) return false;
    }
  }
  return true;
}

/** Takes in what a step means for the account but for its row: snapshots, anomalies, ids. */
export async function takeIn(context: Context, step: Step): Promise<void> {
  const { buffer } = context;
  const { account, changes, event, before, after } = step;
  const judged = mayConcern(account, changes)
    ? await judgeAgain(buffer, account, changes, event.position)
    : [];
  await showAnomalies(buffer, step, [...changes, ...judged]);
  const ids = idDifference(before, after);
  if (changesIds(account, ids)) await exchangeIds(buffer, account, ids, event);
  else countIds(account, ids);
  // What was looked at after the end may lie elsewhere.
  const isEndKnown = account.history.isEnd || account.isEndChanged;
  if (isEndKnown || account.isUnlisted || judged.length > 0) {
    await seekEnd(buffer, account);
    summarize(account);
    await refreshUnlisted(context, account, event);
  }
}

async function showAnomalies(
  buffer: RowBuffer,
  step: Step,
  changes: readonly EntryChange[],
): Promise<void> {
  const { account, event } = step;
  const { had, has } = anomaliesAround(step, changes);
  for (const [id, { kind }] of had) {
    if (has.has(id)) continue;
    if (kind === "gap") account.openGaps -= 1;
    await closeAnomaly(buffer, id, event);
  }
  for (const [id, anomaly] of has) {
    const known = had.get(id);
    if (known !== undefined && isSameDetail(known, anomaly)) continue;
    if (known === undefined && anomaly.kind === "gap") account.openGaps += 1;
    await openAnomaly(buffer, anomaly, event);
  }
}

type Anomalies = ReadonlyMap<string, Anomaly>;

/** What the entries showed before the step, and what they show now. An entry may change twice. */
function anomaliesAround(
  { account, entry, before, after }: Step,
  changes: readonly EntryChange[],
): Readonly<{ had: Anomalies; has: Anomalies }> {
  const { id, history } = account;
  const first = new Map<string, Entry | null>();
  const last = new Map<string, Entry | null>();
  for (const change of changes) {
    const key = entryId((change.after ?? change.before) as Entry);
    if (!first.has(key)) first.set(key, change.before);
    last.set(key, change.after);
  }
  const shown = (entries: Iterable<Entry | null>, fact: Step["before"]): Anomalies => {
    const anomalies = [...entries].flatMap((one) =>
      one === null ? [] : anomaliesOf(one, id, history.same),
    );
    const all = [...anomalies, ...contradictionsOf(fact, entry, id)];
    return new Map(all.map((anomaly) => [anomaly.id, anomaly]));
  };
  return { had: shown(first.values(), before), has: shown(last.values(), after) };
}

const isSameDetail = (a: Anomaly, b: Anomaly): boolean =>
  canonicalJson(a.detail) === canonicalJson(b.detail);

/** What the end of the history says of the account now. */
export function summarize(account: Account): void {
  const { history, accountIds } = account;
  const last = history.entries.at(-1);
  const lastRun = history.entries.findLast(({ kind }) => kind === "run");
  account.balance = last?.running ?? null;
  account.isContradicted = (last?.contradictions ?? 0) > 0;
  // Where only snapshots are in memory, the last run is the one that it was.
  if (lastRun !== undefined || history.isStart) account.lastRunId = lastRun?.key ?? null;
  account.updatedAt = last?.effectiveAt ?? null;
  account.accountId = last?.accountIds.at(-1) ?? accountIds.at(-1) ?? null;
  account.isEndChanged = false;
}

/**
 * The provider's ids of an account, and which accounts share one. Zero Hash promises one id a
 * five-tuple and one five-tuple an id; its own pages break both, so either is an anomaly and no
 * error.
 */

/** How many more facts in force give each id, where one fact takes the other's place. */
type IdDifference = ReadonlyMap<string, number>;

const NO_DIFFERENCE: IdDifference = new Map();

function idDifference(before: FactState | null, after: FactState | null): IdDifference {
  const [given, gives] = [idsInForce(before), idsInForce(after)];
  if (given.length === 0 && gives.length === 0) return NO_DIFFERENCE;
  const difference = new Map<string, number>();
  const count = (id: string, by: number) => difference.set(id, (difference.get(id) ?? 0) + by);
  for (const id of gives) count(id, 1);
  for (const id of given) count(id, -1);
  return difference;
}

const idsInForce = (state: FactState | null): readonly string[] =>
  state === null || state.withdrawn ? [] : accountIdsOf(state);

/** Whether the difference gives the account an id, or takes its last fact from one. */
export function changesIds({ idFacts }: Account, difference: IdDifference): boolean {
  for (const [id, by] of difference) {
    const count = idFacts.get(id) ?? 0;
    if ((count === 0) !== (count + by === 0)) return true;
  }
  return false;
}

/** Counts a difference that gives no new id and takes none. */
export function countIds({ idFacts }: Account, difference: IdDifference): void {
  for (const [id, by] of difference) if (by !== 0) idFacts.set(id, (idFacts.get(id) ?? 0) + by);
}

/** One provider's id on more accounts than this is no id. */
const SHARERS_MAX = 1000;

/** Counts a difference, and opens and closes what follows from ids that come or go. */
async function exchangeIds(
  buffer: RowBuffer,
  account: Account,
  difference: IdDifference,
  cause: AnomalyCause,
): Promise<void> {
  const before = new Set(account.accountIds);
  countIds(account, difference);
  for (const [id, count] of account.idFacts) if (count <= 0) account.idFacts.delete(id);
  account.accountIds = [...account.idFacts.keys()].sort();
  for (const id of account.accountIds) {
    if (before.has(id)) continue;
    buffer.put(ACCOUNT_IDS, { account_id: id, account: account.id }, null);
    const accounts = await accountsCalled(buffer, id);
    // Nearly always it is the account's alone, and nothing can be open of it then.
    if (accounts.length > 1) await showSharing(buffer, id, accounts, { account, cause });
  }
  for (const id of before) {
    if (account.accountIds.includes(id)) continue;
    const row = { account_id: id, account: account.id };
    buffer.remove(ACCOUNT_IDS, row, row);
    await closeAnomaly(buffer, conflict(account.id, id, {}, null).id, cause);
    await showSharing(buffer, id, await accountsCalled(buffer, id), { account, cause });
  }
  const { id, accountIds, updatedAt } = account;
  if (before.size < 2 && accountIds.length < 2) return;
  const several = conflict(id, "account_ids", { account_ids: accountIds }, updatedAt);
  await show(buffer, several, accountIds.length > 1, cause);
}

async function accountsCalled(buffer: RowBuffer, accountId: string): Promise<readonly string[]> {
  const rows = await buffer.select(ACCOUNT_IDS, {
    where: [{ column: "account_id", is: "=", value: accountId }],
    orderBy: ["account_id", "account"],
    limit: SHARERS_MAX,
  });
  return rows.map(({ account }) => String(account));
}

/** Each account that shares the id says so, as long as there are several. */
async function showSharing(
  buffer: RowBuffer,
  accountId: string,
  accounts: readonly string[],
  { account, cause }: Readonly<{ account: Account; cause: AnomalyCause }>,
): Promise<void> {
  const detail = { account_id: accountId, accounts };
  for (const one of accounts) {
    const shared = conflict(one, accountId, detail, account.updatedAt);
    await show(buffer, shared, accounts.length > 1, cause);
  }
}

async function show(
  buffer: RowBuffer,
  content: AnomalyContent,
  isOpen: boolean,
  cause: AnomalyCause,
): Promise<void> {
  if (isOpen) await openAnomaly(buffer, content, cause);
  else await closeAnomaly(buffer, content.id, cause);
}

function conflict(
  subject: string,
  what: string,
  detail: FactData,
  at: Account["updatedAt"],
): AnomalyContent {
  return anomaly("account_id_conflict", subject, what, { detail, essence: detail, at });
}
