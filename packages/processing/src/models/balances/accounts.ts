import {
  isBalanceFact,
  type StreamEvent,
  type Target,
  targetsOf,
} from "@counterfoil/core/balances/evolve";
import type { ModelStore } from "../../ports/model-store.ts";
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import {
  type Account,
  changingColumns,
  isEmpty,
  isSameColumns,
  NOTHING_SHOWN,
  newAccount,
  openAccount,
  seekEnd,
  writeAccount,
} from "./account.ts";
import { summarize, takeIn, takeInPlain } from "./account-effects.ts";
import { earliest, openAccountStarts } from "./account-starts.ts";
import { foldInMemory, foldRun, type Step } from "./runs.ts";
import { type Feeds, refreshUnlisted } from "./snapshot-membership.ts";
import { foldStatement } from "./statements.ts";
import { BALANCE_CHANGES } from "./tables.ts";
import { openTotals, type Totals } from "./totals.ts";

/** The accounts of the balances model: loaded when an event asks for them, written at a commit. */
export interface Accounts {
  fold(event: StreamEvent): Work;
  /** The newest complete snapshot does not list the account, of which none was missing so far. */
  checkListed(account: string, event: StreamEvent): Promise<void>;
  /** Puts everything changed into the buffer. */
  flush(): void;
  /** The same of what is looked up first: starts, and what they hold together. Once before each commit. */
  flushLookedUp(): Work;
}

type Context = Readonly<{ buffer: RowBuffer; feeds: Feeds; totals: Totals }>;

/** What an event is about, and where it goes from there. */
type Targets = Readonly<{ target: Target; moved: Target | undefined }>;

/** @param position up to where the store has folded */
export function createAccounts(
  store: Pick<ModelStore, "select">,
  { buffer, feeds }: Omit<Context, "totals">,
  position: number,
): Accounts {
  const totals = openTotals(store, buffer, position);
  const starts = openAccountStarts(buffer);
  const context = { buffer, feeds, totals };
  const cache = createAccountCache((id) => openAccount(buffer, id));
  let dirty = new Set<Account>();

  /** The common case needs nothing that is not in memory; it is not even begun where it does. */
  function fold(event: StreamEvent): Work {
    const [target, moved] = targetsOf(event);
    if (target === undefined) return undefined;
    const account = cache.find(target.account);
    if (account !== undefined) return foldOn(account, event, { target, moved });
    return cache.load(target.account).then((loaded) => foldOn(loaded, event, { target, moved }));
  }

  function foldOn(account: Account, event: StreamEvent, { target, moved }: Targets): Work {
    const isPlain = isBalanceFact(event.type) && target.kind !== "statement";
    const step = isPlain ? foldInMemory(buffer, account, target, event) : null;
    return step === null ? foldWithLoading(account, event, { target, moved }) : finish(step);
  }

  async function foldWithLoading(
    account: Account,
    event: StreamEvent,
    { target, moved }: Targets,
  ): Promise<void> {
    if (target.kind === "statement") {
      const stated = await foldStatement(context, account, target, event);
      return stated === null ? undefined : finishWithLookUps(stated);
    }
    if (moved === undefined || moved.kind !== "movement") {
      const done = await foldRun(buffer, account, target, event);
      return done === null ? undefined : finish(done.step);
    }
    // A movement goes to another run: readers see it in the one or in the other.
    const left = await foldRun(buffer, account, target, event, { leaves: true });
    if (left === null) return undefined;
    await takeIn(context, left.step);
    const other = await cache.load(moved.account);
    const entered = await foldRun(buffer, other, moved, event, { coming: left.fact });
    if (entered !== null) await takeIn(context, entered.step);
    for (const changed of new Set([account, other])) refreshOrForget(changed, event);
  }

  function finish(step: Step): Work {
    if (!takeInPlain(feeds, step)) return finishWithLookUps(step);
    refresh(step.account, step.event);
    return undefined;
  }

  async function finishWithLookUps(step: Step): Promise<void> {
    await takeIn(context, step);
    refreshOrForget(step.account, step.event);
  }

  function refresh(account: Account, { position }: StreamEvent): void {
    if (account.history.isEnd) summarize(account);
    dirty.add(account);
    noteChange(context, account, position);
  }

  function refreshOrForget(account: Account, event: StreamEvent): void {
    if (!isEmpty(account)) {
      refresh(account, event);
    } else if (account.position > 0) {
      dirty.add(account);
      forgetAccount(context, account, event.position);
    }
    // An account that nothing was said of before either has no row that could go.
  }

  return {
    fold,
    flushLookedUp() {
      const written = starts.flush();
      return written === undefined ? totals.flush() : written.then(totals.flush);
    },
    async checkListed(id, event) {
      const account = await cache.load(id);
      await seekEnd(buffer, account);
      await refreshUnlisted(context, account, event);
      if (account.isUnlisted) refresh(account, event);
    },
    flush() {
      for (const account of dirty) {
        const before = buffer.textLength();
        if (account.begins !== null) starts.note(account.id, account.begins);
        account.begins = null;
        writeAccount(buffer, account);
        cache.grew(account.id, buffer.textLength() - before);
      }
      dirty = new Set();
      cache.shrink();
    },
  };
}

/** Leaves a change row where what readers see of the account is different. */
function noteChange({ buffer, totals }: Context, account: Account, position: number): void {
  const columns = changingColumns(account);
  if (account.position > 0 && isSameColumns(columns, account.columns)) return;
  if (account.position === 0 || position < account.position) {
    account.begins = earliest(account.begins, { position, at: null });
  }
  totals.change(account.id, position, { before: account.columns, after: columns });
  account.columns = columns;
  account.position = position;
  buffer.append(BALANCE_CHANGES, { position, account: account.id, ...columns });
}

/**
 * Nothing is said of the account any more: it is as one that was never named. What it was up to
 * here stays in its change rows, and its start, by which lists of a past moment find it.
 */
function forgetAccount({ buffer, totals }: Context, account: Account, position: number): void {
  totals.change(account.id, position, { before: account.columns, after: NOTHING_SHOWN });
  buffer.append(BALANCE_CHANGES, { position, account: account.id, ...NOTHING_SHOWN });
  const { stored, holder, begins } = account;
  Object.assign(account, newAccount(account.id), { stored, holder, begins });
}

/** Accounts kept in memory, some 25 MiB; beyond, those not touched for longest go. */
const ACCOUNTS_KEPT = 10_000;

/** Text of an account that is kept in memory, some hundred entries; beyond, it is loaded anew. */
const ACCOUNT_LENGTH_MAX = 128 * 1024;

/** The accounts that are in memory, each as of the last event that touched it. */
type AccountCache = Readonly<{
  /** undefined where it is not loaded. */
  find(id: string): Account | undefined;
  load(id: string): Promise<Account>;
  /** So much text of it was written: it goes with the next `shrink` when that is much. */
  grew(id: string, length: number): void;
  /** Lets go of what is too much; nothing that was not written yet may be kept then. */
  shrink(): void;
}>;

function createAccountCache(
  openAccount: (id: string) => Promise<Account>,
  most = ACCOUNTS_KEPT,
): AccountCache {
  /** Least recently used first. */
  const loaded = new Map<string, Account>();
  /** Text written since it was loaded. */
  const lengths = new Map<string, number>();

  function forget(id: string): void {
    loaded.delete(id);
    lengths.delete(id);
  }

  function find(id: string): Account | undefined {
    const known = loaded.get(id);
    if (known === undefined || loaded.size <= most / 2) return known;
    loaded.delete(id);
    loaded.set(id, known);
    return known;
  }

  return {
    find,
    async load(id) {
      const known = find(id);
      if (known !== undefined) return known;
      const opened = await openAccount(id);
      loaded.set(id, opened);
      return opened;
    },
    grew: (id, length) => void lengths.set(id, (lengths.get(id) ?? 0) + length),
    shrink() {
      for (const [id, length] of lengths) if (length > ACCOUNT_LENGTH_MAX) forget(id);
      for (const id of loaded.keys()) {
        if (loaded.size <= most) break;
        forget(id);
      }
    },
  };
}
