import type { Nanos } from "../exact/time.ts";
import type { Book } from "./book-window.ts";
import { type Entry, inForceOf } from "./entry.ts";
import type { Running } from "./report.ts";

/** What the end of a book says of the account now. */
export type Summary = Readonly<{
  balance: Running;
  isContradicted: boolean;
  lastRunId: string | null;
  updatedAt: Nanos | null;
  accountId: string | null;
}>;

/** @param before the summary so far: what the window does not show stays as it was. */
export function summarize({ entries, complete }: Book, before: Summary): Summary {
  const unseen = complete ? NOTHING_REPORTED : before;
  const accountId = lastAccountId(entries) ?? unseen.accountId;
  const last = entries.findLast(({ standing }) => standing);
  if (last === undefined) return { ...unseen, accountId };
  const lastRun = entries.findLast(({ kind }) => kind === "run");
  return {
    balance: last.running,
    isContradicted: inForceOf(last).some(({ contradicted }) => contradicted.length > 0),
    lastRunId: lastRun?.key ?? unseen.lastRunId,
    updatedAt: last.effectiveAt,
    accountId,
  };
}

export const NOTHING_REPORTED: Summary = {
  balance: null,
  isContradicted: false,
  lastRunId: null,
  updatedAt: null,
  accountId: null,
};

/** Also a snapshot that only confirms reports the account's id. */
function lastAccountId(entries: readonly Entry[]): string | null {
  return entries.findLast(({ accountIds }) => accountIds.length > 0)?.accountIds.at(-1) ?? null;
}
