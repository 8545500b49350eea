import { accountParts } from "@counterfoil/core/account";
import {
  isBalanceFact,
  type StreamEvent,
  type Target,
  targetsOf,
} from "@counterfoil/core/balances/targets";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { ModelStore } from "../../ports/model-store.ts";
import type { Work } from "../../projection/projection.ts";
import { createRecentlyUsed, type RecentlyUsed } from "../../projection/recently-used.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type Account,
  earliest,
  isEmpty,
  isSameColumns,
  loadEnd,
  NO_VISIBLE_COLUMNS,
  newAccount,
  openAccount,
  type Start,
  visibleColumns,
  writeAccount,
} from "./account.ts";
import { applyEffects, applyIfPlain, summarize } from "./account-effects.ts";
import { foldInMemory, foldRun, type RunTarget, type Step } from "./runs.ts";
import { type Feeds, refreshUnlisted } from "./snapshot-membership.ts";
import { foldStatement } from "./statements.ts";
import { ACCOUNT_STARTS, BALANCE_CHANGES } from "./tables.ts";
import { openTotals, type Totals } from "./totals.ts";

/** The accounts of the balances model: loaded when an event needs them, written at a commit. */
export interface Accounts {
  fold(event: StreamEvent): Work;
  /** Checks an account that is not marked as unlisted and that the newest complete snapshot does not list. */
  checkListed(account: string, event: StreamEvent): Promise<void>;
  /** Puts changed accounts into the buffer. */
  flush(): void;
  /** Reads the rows of starts and totals and puts changes into the buffer. Once per commit, after `flush`. */
  flushStartsAndTotals(): Work;
}

/** Some 25 MiB. A long account has some hundred entries. */
const ACCOUNTS_IN_MEMORY = { kept: 10_000, usedOnceKept: 4_000, lengthMax: 128 * 1024 };

/** What folding an event needs; `changed` collects the accounts to be written. */
type Context = Readonly<{
  buffer: RowBuffer;
  feeds: Feeds;
  totals: Totals;
  cache: RecentlyUsed<Account>;
  changed: Set<Account>;
}>;

/** @param position the last position that the store has folded */
export function createAccounts(
  store: Pick<ModelStore, "select">,
  { buffer, feeds }: Pick<Context, "buffer" | "feeds">,
  position: number,
): Accounts {
  const totals = openTotals(store, buffer, position);
  const starts = openAccountStarts(buffer);
  const cache = createRecentlyUsed((id) => openAccount(buffer, id), ACCOUNTS_IN_MEMORY);
  const changed = new Set<Account>();
  const context = { buffer, feeds, totals, cache, changed };
  return {
    fold: (event) => foldEvent(context, event),
    flushStartsAndTotals() {
      const written = starts.flush();
      return written === undefined ? totals.flush() : written.then(totals.flush);
    },
    async checkListed(id, event) {
      const account = await cache.load(id);
      await loadEnd(buffer, account);
      await refreshUnlisted(context, account, event);
      if (account.isUnlisted) refresh(context, account, event);
    },
    flush() {
      for (const account of changed) {
        const before = buffer.textLength();
        if (account.pendingStart !== null) starts.note(account.id, account.pendingStart);
        account.pendingStart = null;
        writeAccount(buffer, account);
        cache.addLength(account.id, buffer.textLength() - before);
      }
      changed.clear();
      cache.evict();
    },
  };
}

/** What an event is about; `moved` is the new target if a correction moves it. */
type Targets = Readonly<{ target: Target; moved: Target | undefined }>;

/** The common case needs only loaded data and stays synchronous. */
function foldEvent(context: Context, event: StreamEvent): Work {
  const [target, moved] = targetsOf(event);
  if (target === undefined) return undefined;
  const targets = { target, moved };
  const account = context.cache.find(target.account);
  if (account !== undefined) return foldInto(context, account, event, targets);
  return context.cache
    .load(target.account)
    .then((loaded) => foldInto(context, loaded, event, targets));
}

function foldInto(context: Context, account: Account, event: StreamEvent, targets: Targets): Work {
  const { target } = targets;
  const isPlain = isBalanceFact(event.type) && target.kind !== "statement";
  const step = isPlain ? foldInMemory(context.buffer, account, target, event) : null;
  return step === null ? foldWithLoading(context, account, event, targets) : finish(context, step);
}

async function foldWithLoading(
  context: Context,
  account: Account,
  event: StreamEvent,
  { target, moved }: Targets,
): Promise<void> {
  if (target.kind === "statement") {
    const stated = await foldStatement(context, account, target, event);
    return stated === null ? undefined : finishWithReads(context, stated);
  }
  if (moved === undefined || moved.kind !== "movement") {
    const done = await foldRun(context.buffer, account, target, event);
    return done === null ? undefined : finish(context, done.step);
  }
  return moveMovement(context, account, event, { target, moved });
}

/** A movement moves to another run: readers see it in exactly one of the two. */
async function moveMovement(
  context: Context,
  account: Account,
  event: StreamEvent,
  { target, moved }: Readonly<{ target: RunTarget; moved: RunTarget }>,
): Promise<void> {
  const { buffer, cache } = context;
  const source = await foldRun(buffer, account, target, event, { isLeaving: true });
  if (source === null) return;
  await applyEffects(context, source.step);
  const other = await cache.load(moved.account);
  const destination = await foldRun(buffer, other, moved, event, { arriving: source.fact });
  if (destination !== null) await applyEffects(context, destination.step);
  for (const changed of new Set([account, other])) refreshOrForget(context, changed, event);
}

function finish(context: Context, step: Step): Work {
  if (!applyIfPlain(context.feeds, step)) return finishWithReads(context, step);
  refresh(context, step.account, step.event);
  return undefined;
}

async function finishWithReads(context: Context, step: Step): Promise<void> {
  await applyEffects(context, step);
  refreshOrForget(context, step.account, step.event);
}

function refresh(context: Context, account: Account, { position }: StreamEvent): void {
  if (account.history.isEnd) summarize(account);
  context.changed.add(account);
  writeChange(context, account, position);
}

function refreshOrForget(context: Context, account: Account, event: StreamEvent): void {
  if (!isEmpty(account)) {
    refresh(context, account, event);
  } else if (account.position > 0) {
    context.changed.add(account);
    forgetAccount(context, account, event.position);
  }
  // An account that had no facts before has no row to remove.
}

/** Writes a change row if the account's visible columns differ. */
function writeChange({ buffer, totals }: Context, account: Account, position: number): void {
  const columns = visibleColumns(account);
  if (account.position > 0 && isSameColumns(columns, account.columns)) return;
  if (account.position === 0 || position < account.position) {
    account.pendingStart = earliest(account.pendingStart, { position, at: null });
  }
  totals.change(account.id, position, { before: account.columns, after: columns });
  account.columns = columns;
  account.position = position;
  buffer.append(BALANCE_CHANGES, { position, account: account.id, ...columns });
}

/**
 * Resets an account that has no facts any more, as if it had never been named. Its change rows stay, and
 * so does its start, by which lists of a past moment find it.
 */
function forgetAccount({ buffer, totals }: Context, account: Account, position: number): void {
  totals.change(account.id, position, { before: account.columns, after: NO_VISIBLE_COLUMNS });
  buffer.append(BALANCE_CHANGES, { position, account: account.id, ...NO_VISIBLE_COLUMNS });
  const { stored, holder, pendingStart } = account;
  Object.assign(account, newAccount(account.id), { stored, holder, pendingStart });
}

/** Keeps the start of each account; see `ACCOUNT_STARTS`. */
interface AccountStarts {
  /** Records that an account starts here or earlier. */
  note(account: string, start: Start): void;
  /** Puts starts that are earlier than the stored ones into the buffer, once before each commit. */
  flush(): Work;
}

function openAccountStarts(buffer: RowBuffer): AccountStarts {
  let pending = new Map<string, Start>();

  async function flush(): Promise<void> {
    const noted = pending;
    pending = new Map();
    for (const [account, start] of noted) await writeStart(buffer, account, start);
  }

  return {
    note(account, start) {
      pending.set(account, earliest(pending.get(account) ?? null, start));
    },
    flush: () => (pending.size === 0 ? undefined : flush()),
  };
}

async function writeStart(buffer: RowBuffer, account: string, start: Start): Promise<void> {
  const stored = await buffer.get(ACCOUNT_STARTS, [account]);
  const known = stored && {
    position: Number(stored.first_position),
    at: stored.first_at as Nanos | null,
  };
  const { position, at } = earliest(known, start);
  if (known !== null && position === known.position && at === known.at) return;
  const { address: _, ...parts } = accountParts(account);
  const row = { account, ...parts, first_position: position, first_at: at };
  buffer.put(ACCOUNT_STARTS, row, stored);
}
