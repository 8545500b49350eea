import type { BookEffects } from "@counterfoil/core/balances/book-effects";
import { isEmpty } from "@counterfoil/core/balances/book-window";
import { entryId } from "@counterfoil/core/balances/entry";
import {
  foldEvent,
  type StreamEvent,
  type Target,
  targetsOf,
} from "@counterfoil/core/balances/fold";
import { summarize } from "@counterfoil/core/balances/summary";
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type AnomalyCause, closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import { type AccountIds, createAccountIds } from "./account-ids.ts";
import { changingColumns, isSameColumns } from "./account-row.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { createHeldAccounts } from "./held-accounts.ts";
import type { LeftOut } from "./listings.ts";
import { extendAccount, type OpenAccount, openAccount } from "./open-account.ts";
import { BALANCE_CHANGES, ENTRIES } from "./tables.ts";
import { forgetAccount, mayTakeBack, takeBack } from "./take-back.ts";
import { checkUnlisted, noteLeftOut } from "./unlisted.ts";
import { removeEntry, writeAccount } from "./write-account.ts";

/** The accounts of the balances model: opened when an event asks for them, written at a commit. */
export interface Accounts {
  fold(event: StreamEvent): Work;
  /** Takes in whether the snapshots of a line leave the account out. */
  noteLeftOut(id: string, leftOut: LeftOut, cause: AnomalyCause): Promise<void>;
  /** The stream has just recorded a run for the first time. */
  noteNewRun(runId: string): void;
  /** Puts everything changed into the buffer. */
  flush(): void;
}

export function createAccounts(context: AccountsContext): Accounts {
  const { store, buffer, connections } = context;
  const held = createHeldAccounts((id) => openAccount(store, id, connections));
  const ids = createAccountIds(buffer, store);
  let dirty = new Set<OpenAccount>();
  /** A run of which nothing was recorded before the events of this commit: it has no entries yet. */
  let newRun: string | null = null;

  /** The common case needs nothing that is not in memory; it is not even begun where it does. */
  function fold(event: StreamEvent): Work {
    const [target, moved] = targetsOf(event);
    if (target === undefined) return undefined;
    const account = held.find(target.account);
    if (account === undefined || moved !== undefined || !isAtHand(account, target)) {
      return foldFar(event, target, moved);
    }
    const effects = foldEvent(account.book, event, connections);
    if (effects.outcome === "out_of_reach") return foldFar(event, target, moved);
    return take(account, effects, event);
  }

  const isAtHand = ({ book }: OpenAccount, target: Target): boolean =>
    book.complete || target.key === newRun || book.byId.has(entryId(target));

  async function foldFar(event: StreamEvent, target: Target, moved: Target | undefined) {
    if (moved) await bringIn(moved);
    const account = await bringIn(target);
    let effects = foldEvent(account.book, event, connections);
    while (effects.outcome === "out_of_reach") {
      await extendAccount(store, account, connections);
      effects = foldEvent(account.book, event, connections);
    }
    await take(account, effects, event);
  }

  /** The account with the target's entry in its window, if there is such an entry. */
  async function bringIn(target: Target): Promise<OpenAccount> {
    const account = await held.open(target.account);
    if (isAtHand(account, target)) return account;
    const { book } = account;
    const id = entryId(target);
    const isElsewhere = (await store.get(ENTRIES, [target.account, id])) !== null;
    while (isElsewhere && !book.byId.has(id) && !book.complete) {
      await extendAccount(store, account, connections);
    }
    return account;
  }

  function take(account: OpenAccount, effects: BookEffects, event: StreamEvent): Work {
    for (const entry of effects.entries) account.dirtyEntries.add(entry);
    for (const id of effects.removed) removeEntry(buffer, account, id);
    const isQuiet = !mayTakeBack(event) && addsNothing(account, effects);
    return isQuiet ? refresh(account, event) : takeAll(account, effects, event);
  }

  async function takeAll(account: OpenAccount, effects: BookEffects, event: StreamEvent) {
    if (mayTakeBack(event)) await takeBack({ ...context, ids }, account, effects, event);
    await noteEffects({ buffer, ids }, account, effects, event);
    await refresh(account, event);
  }

  async function takeLeftOut(id: string, leftOut: LeftOut, cause: AnomalyCause): Promise<void> {
    const open = await held.open(id);
    if (noteLeftOut(open.account, leftOut)) await refresh(open, cause);
  }

  /** Computes the account's row anew after its book changed, or something beside it. */
  function refresh(open: OpenAccount, cause: AnomalyCause): Work {
    const { account, book } = open;
    if (isEmpty(book)) return leave(open, cause);
    account.summary = summarize(book, account.summary);
    dirty.add(open);
    noteChange(buffer, open, cause);
    const isListed = account.unlisted.size === 0 && !account.hasUnlistedAnomaly;
    return isListed ? undefined : checkUnlisted(context, open, cause);
  }

  /** An account that nothing was said of before either has no row that could go. */
  function leave(open: OpenAccount, cause: AnomalyCause): Work {
    if (open.account.position === 0) return undefined;
    dirty.add(open);
    return forgetAccount(context, open, cause);
  }

  function flush(): void {
    newRun = null;
    for (const account of dirty) writeAccount(buffer, account);
    dirty = new Set();
    ids.flush();
    held.shrink();
  }

  function noteNewRun(runId: string): void {
    newRun = runId;
  }

  return { fold, noteLeftOut: takeLeftOut, noteNewRun, flush };
}

/** Neither anomalies nor an id of the account that is new. */
function addsNothing({ account }: OpenAccount, effects: BookEffects): boolean {
  const { entries, opened, altered, closed } = effects;
  if (opened.length + altered.length + closed.length > 0) return false;
  for (const { accountIds } of entries) {
    for (const id of accountIds) if (!account.accountIds.includes(id)) return false;
  }
  return true;
}

async function noteEffects(
  { buffer, ids }: Readonly<{ buffer: RowBuffer; ids: AccountIds }>,
  { account }: OpenAccount,
  effects: BookEffects,
  cause: AnomalyCause,
): Promise<void> {
  for (const { id, kind } of effects.closed) {
    if (kind === "gap") account.openGaps -= 1;
    await closeAnomaly(buffer, id, cause);
  }
  for (const opened of effects.opened) {
    if (opened.kind === "gap") account.openGaps += 1;
    await openAnomaly(buffer, opened, cause);
  }
  for (const altered of effects.altered) await openAnomaly(buffer, altered, cause);
  for (const { accountIds } of effects.entries) {
    for (const id of accountIds) await ids.note(account, id, cause);
  }
}

/** Leaves a change row where what readers see of the account is different. */
function noteChange(buffer: RowBuffer, open: OpenAccount, { position }: AnomalyCause): void {
  const { account } = open;
  const columns = changingColumns(account);
  if (account.position > 0 && isSameColumns(columns, open.columns)) return;
  open.columns = columns;
  account.position = position;
  buffer.append(BALANCE_CHANGES, { position, account: account.id, ...columns });
}
