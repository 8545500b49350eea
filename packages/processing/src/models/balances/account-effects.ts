import { type Anomaly, anomaliesOf, contradictionsOf } from "@counterfoil/core/balances/anomalies";
import { type Entry, entryId } from "@counterfoil/core/balances/entry";
import type { EntryChange } from "@counterfoil/core/balances/history";
import { canonicalJson } from "@counterfoil/core/exact/json";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import { type Account, seekEnd } from "./account.ts";
import { changesIds, countIds, exchangeIds, idDifference } from "./account-ids.ts";
import type { Step } from "./run-facts.ts";
import type { Feeds } from "./snapshot-membership.ts";
import { isSurelyListed, refreshUnlisted } from "./snapshot-membership.ts";
import { judgeAgain, mayConcern } from "./statements.ts";

type Context = Readonly<{ buffer: RowBuffer; feeds: Feeds }>;

/**
 * Takes in a step that means nothing beside the account's balance: nearly every one.
 *
 * @returns false where it means more; then nothing was changed
 */
export function takeInPlain(feeds: Feeds, { account, before, after, changes }: Step): boolean {
  if (before !== null || after === null || after.contradicted.length > 0) return false;
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
  if (account.history.isEnd || account.isUnlisted || judged.length > 0) {
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
  account.lastRunId = lastRun?.key ?? null;
  account.updatedAt = last?.effectiveAt ?? null;
  account.accountId = last?.accountIds.at(-1) ?? accountIds.at(-1) ?? null;
}
