import { accountParts } from "@counterfoil/core/account";
import type { Book } from "@counterfoil/core/balances/book-window";
import type { LineHeads } from "@counterfoil/core/balances/line-heads";
import type { LinePlace } from "@counterfoil/core/balances/report";
import { NOTHING_REPORTED, type Summary } from "@counterfoil/core/balances/summary";
import type { MissingListing } from "@counterfoil/core/balances/unlisted";
import { formatMoney } from "@counterfoil/core/exact/money";
import type { Row } from "../../ports/table.ts";
import { moneyIn } from "./entry-row.ts";

/** Everything of an account but its entries. */
export type Account = {
  readonly id: string;
  summary: Summary;
  openGaps: number;
  accountIds: readonly string[];
  /** By line: the last snapshot of the line that did not list the account. */
  unlisted: ReadonlyMap<string, MissingListing>;
  /** Whether the anomaly is open. */
  hasUnlistedAnomaly: boolean;
  position: number;
};

export const newAccount = (id: string): Account => ({
  id,
  summary: NOTHING_REPORTED,
  openGaps: 0,
  accountIds: [],
  unlisted: new Map(),
  hasUnlistedAnomaly: false,
  position: 0,
});

/** What readers see of the account, and what a change row holds. */
export function changingColumns({ summary, openGaps, accountIds }: Account) {
  const { balance, isContradicted, lastRunId, updatedAt, accountId } = summary;
  return {
    account_id: accountId,
    account_ids: JSON.stringify(accountIds),
    balance: balance === null ? null : formatMoney(balance),
    status: isContradicted ? "contradicted" : openGaps > 0 ? "gap_open" : "continuous",
    open_gaps: openGaps,
    last_run_id: lastRunId,
    updated_at: updatedAt,
  };
}

export type ChangingColumns = ReturnType<typeof changingColumns>;

/** The same of an account that nothing is said of any more, or was not yet. */
export const NOTHING_SHOWN: Readonly<Record<keyof ChangingColumns, null>> = {
  account_id: null,
  account_ids: null,
  balance: null,
  status: null,
  open_gaps: null,
  last_run_id: null,
  updated_at: null,
};

export function isSameColumns(a: ChangingColumns, b: ChangingColumns): boolean {
  return (
    a.balance === b.balance &&
    a.updated_at === b.updated_at &&
    a.last_run_id === b.last_run_id &&
    a.open_gaps === b.open_gaps &&
    a.status === b.status &&
    a.account_id === b.account_id &&
    a.account_ids === b.account_ids
  );
}

export function accountRow(account: Account, columns: ChangingColumns, book: Book): Row {
  return {
    id: account.id,
    ...accountParts(account.id),
    ...columns,
    position: account.position,
    heads: headsText(book.heads),
    snapshot_at: book.snapshotAt,
    unlisted: unlistedText(account),
  };
}

export function accountFromRow(row: Row): Account {
  const summary: Summary = {
    balance: moneyIn(row.balance),
    isContradicted: row.status === "contradicted",
    lastRunId: row.last_run_id as string | null,
    updatedAt: row.updated_at as bigint | null,
    accountId: row.account_id as string | null,
  };
  return {
    id: String(row.id),
    summary,
    openGaps: Number(row.open_gaps),
    accountIds: JSON.parse(String(row.account_ids)),
    ...unlistedFrom(String(row.unlisted)),
    position: Number(row.position),
  };
}

/** Times are strings in JSON: they do not fit its numbers. */
type PlaceText = Readonly<Omit<LinePlace, "lineOpenedAt"> & { lineOpenedAt: string }>;
const placeText = (place: LinePlace): PlaceText => ({
  ...place,
  lineOpenedAt: String(place.lineOpenedAt),
});
const placeFrom = (place: PlaceText): LinePlace => ({
  ...place,
  lineOpenedAt: BigInt(place.lineOpenedAt),
});

function headsText(heads: LineHeads): string {
  if (heads.size === 0) return "[]";
  const texts = [...heads.values()].map(({ key, place, effectiveAt, passed }) => ({
    key,
    place: placeText(place),
    effectiveAt: String(effectiveAt),
    passed: [...passed.values()].map(placeText),
  }));
  return JSON.stringify(texts);
}

export function headsFrom(text: string): LineHeads {
  const heads: LineHeads = new Map();
  for (const { key, place, effectiveAt, passed } of JSON.parse(text)) {
    const reached = passed.map(placeFrom).map((other: LinePlace) => [other.line, other] as const);
    heads.set(place.line, {
      key,
      place: placeFrom(place),
      effectiveAt: BigInt(effectiveAt),
      passed: new Map(reached),
    });
  }
  return heads;
}

const NONE_UNLISTED = "[]";

function unlistedText({ unlisted, hasUnlistedAnomaly }: Account): string {
  if (unlisted.size === 0 && !hasUnlistedAnomaly) return NONE_UNLISTED;
  return JSON.stringify([hasUnlistedAnomaly, [...unlisted]]);
}

function unlistedFrom(text: string): Pick<Account, "unlisted" | "hasUnlistedAnomaly"> {
  if (text === NONE_UNLISTED) return { unlisted: new Map(), hasUnlistedAnomaly: false };
  const [hasUnlistedAnomaly, unlisted] = JSON.parse(text);
  return { unlisted: new Map(unlisted), hasUnlistedAnomaly };
}
