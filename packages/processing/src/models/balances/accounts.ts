import { type Anomaly, anomaliesOf, contradictionsOf } from "@counterfoil/core/balances/anomalies";
import {
  type Entry,
  entryId,
  exchange,
  hasFacts,
  type MovementSum,
  NO_MOVEMENTS,
  newEntry,
  withMovement,
  withMovementSum,
  withReport,
} from "@counterfoil/core/balances/entry";
import {
  isBalanceFact,
  nextFact,
  type StreamEvent,
  type Target,
  targetsOf,
} from "@counterfoil/core/balances/evolve";
import type { EntryChange } from "@counterfoil/core/balances/history";
import { canonicalJson } from "@counterfoil/core/exact/json";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import type { Work } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import {
  type Account,
  changingColumns,
  findEntry,
  isAllInMemory,
  isEmpty,
  isSameColumns,
  NOTHING_SHOWN,
  newAccount,
  openAccount,
  seekEnd,
  writeAccount,
} from "./account.ts";
import { type AccountCache, createAccountCache } from "./account-cache.ts";
import {
  changesIds,
  countIds,
  exchangeIds,
  type IdDifference,
  idDifference,
} from "./account-ids.ts";
import { movementFrom, movementRow, reportFrom } from "./entry-row.ts";
import type { Feeds } from "./feeds.ts";
import { place, placeInMemory } from "./placing.ts";
import { judgeAgain, mayConcern, putStatement, removeStatement } from "./statements.ts";
import { BALANCE_CHANGES, MOVEMENTS, STATEMENTS } from "./tables.ts";
import { isSurelyListed, noteListing, refreshUnlisted } from "./unlisted.ts";

/** The accounts of the balances model: loaded when an event asks for them, written at a commit. */
export interface Accounts {
  fold(event: StreamEvent): Work;
  /** The newest complete snapshot leaves the account out, or another one than before does. */
  checkListed(account: string, event: StreamEvent): Promise<void>;
  /** Puts everything changed into the buffer. */
  flush(): void;
}

type Context = Readonly<{ buffer: RowBuffer; feeds: Feeds }>;

/** One fact as it was and as it is now, and what became of the account's entries. */
type Step = Readonly<{
  account: Account;
  entry: Pick<Entry, "key" | "effectiveAt">;
  before: FactState | null;
  after: FactState | null;
  changes: readonly EntryChange[];
  event: StreamEvent;
}>;

export function createAccounts(context: Context): Accounts {
  const { buffer, feeds } = context;
  const cache: AccountCache = createAccountCache((id) => openAccount(buffer, id));
  let dirty = new Set<Account>();

  /** The common case needs nothing that is not in memory; it is not even begun where it does. */
  function fold(event: StreamEvent): Work {
    const [target, moved] = targetsOf(event);
    if (target === undefined) return undefined;
    const account = cache.find(target.account);
    const step = account && isBalanceFact(event.type) ? foldInMemory(account, target, event) : null;
    return step === null ? foldWithLoading(event, target, moved) : finish(step);
  }

  function foldInMemory(account: Account, target: Target, event: StreamEvent): Step | null {
    if (target.kind === "statement" || !account.history.isEnd) return null;
    const known = account.history.byId.get(`run:${target.key}`);
    const entry = known ?? newEntry("run", target.key);
    if (!known && !isAllInMemory(account) && entry.counter <= account.lastCounter) return null;
    const fact = nextFact(null, event) as FactState;
    const isReport = target.kind === "report";
    const drawn = isReport ? withReport(entry, fact) : withMovement(entry, null, fact);
    if (drawn === null) return null;
    const replacement = { before: known ?? null, after: drawn, position: event.position };
    const changes = placeInMemory(account, replacement);
    if (changes === null) return null;
    if (entry.counter > account.lastCounter) account.lastCounter = entry.counter;
    if (!isReport) buffer.put(MOVEMENTS, movementRow(fact, account.id), null);
    return { account, entry: drawn, before: null, after: fact, changes, event };
  }

  async function foldWithLoading(event: StreamEvent, target: Target, moved: Target | undefined) {
    const account = await cache.load(target.account);
    if (target.kind === "statement") return foldStatement(account, target, event);
    const first = await foldRun(account, target, event, moved !== undefined);
    if (first === null) return;
    if (moved === undefined || moved.kind !== "movement") return finish(first.step);
    // What is between the two is nobody's state: readers see both or neither.
    await takeIn(first.step);
    const other = await cache.load(moved.account);
    const second = await foldRun(other, moved, event, false, first.fact);
    if (second !== null) await takeIn(second.step);
    for (const changed of new Set([account, other])) await refreshOrForget(changed, event);
  }

  /**
   * Folds an event about a run's report or movement.
   *
   * @param leaves whether the fact goes to another run: then it is only taken out of this one.
   * @param coming the fact that comes from another run
   */
  async function foldRun(
    account: Account,
    target: Exclude<Target, { kind: "statement" }>,
    event: StreamEvent,
    leaves: boolean,
    coming?: FactState,
  ): Promise<Readonly<{ step: Step; fact: FactState }> | null> {
    const { position } = event;
    const known = await findEntry(buffer, account, `run:${target.key}`);
    const entry = known ?? newEntry("run", target.key);
    const before = coming ? null : await factBefore(account, entry, target);
    const fact = coming ?? nextFact(before, event);
    if (fact === null) return null;
    const after = leaves ? null : fact;
    const drawn = await withFact(account, entry, target, { before, after });
    if (target.kind === "movement") await putMovement(account, target, after);
    if (entry.counter > account.lastCounter) account.lastCounter = entry.counter;
    const stays = hasFacts(drawn) ? drawn : null;
    const changes =
      known === null && stays === null
        ? []
        : await place(buffer, account, { before: known, after: stays, position });
    return { step: { account, entry: drawn, before, after, changes, event }, fact };
  }

  async function factBefore(account: Account, entry: Entry, target: Target) {
    if (target.kind === "report") return entry.report;
    if (target.kind !== "movement") return null;
    const row = await buffer.get(MOVEMENTS, [account.id, target.key, target.movement]);
    return row === null ? null : movementFrom(row);
  }

  async function withFact(
    account: Account,
    entry: Entry,
    target: Exclude<Target, { kind: "statement" }>,
    { before, after }: Readonly<{ before: FactState | null; after: FactState | null }>,
  ): Promise<Entry> {
    if (target.kind === "report") return withReport(entry, after);
    const exchanged = withMovement(entry, before, after);
    if (exchanged !== null) return exchanged;
    const others = await sumOfOthers(account, target.key, target.movement);
    const whole = withMovement(withMovementSum(entry, others), null, after);
    return whole ?? withMovementSum(entry, others);
  }

  /** What the other movements of a run add up to: read anew where the latest of them is gone. */
  async function sumOfOthers(account: Account, run: string, except: string): Promise<MovementSum> {
    let sum = NO_MOVEMENTS;
    let beyond: readonly string[] | null = null;
    for (;;) {
      const rows = await buffer.select(MOVEMENTS, {
        where: [
          { column: "account", is: "=", value: account.id },
          { column: "run_id", is: "=", value: run },
        ],
        orderBy: ["account", "run_id", "movement_id"],
        ...(beyond === null ? {} : { beyond }),
        limit: PAGE,
      });
      for (const row of rows) {
        if (row.movement_id !== except) sum = exchange(sum, null, movementFrom(row)) ?? sum;
      }
      if (rows.length < PAGE) return sum;
      beyond = [account.id, run, String(rows.at(-1)?.movement_id)];
    }
  }

  async function putMovement(
    account: Account,
    { key, movement }: Extract<Target, { kind: "movement" }>,
    state: FactState | null,
  ): Promise<void> {
    const stored = await buffer.get(MOVEMENTS, [account.id, key, movement]);
    if (state !== null) buffer.put(MOVEMENTS, movementRow(state, account.id), stored);
    else if (stored !== null) buffer.remove(MOVEMENTS, stored, stored);
  }

  async function foldStatement(
    account: Account,
    { connection, frame }: Extract<Target, { kind: "statement" }>,
    event: StreamEvent,
  ): Promise<void> {
    const { position } = event;
    const stored = await buffer.get(STATEMENTS, [account.id, connection, frame]);
    const before = stored && reportFrom(stored);
    const state = nextFact(before, event);
    if (state === null) return;
    const openedAt = (await feeds.openedAt(connection)) ?? state.position;
    let changes: readonly EntryChange[];
    if (state.withdrawn) {
      changes = stored ? await removeStatement(buffer, account, stored, position) : [];
      account.listedAt = await lastListing(account);
    } else {
      changes = await putStatement(
        buffer,
        account,
        { connection, frame, openedAt, state },
        position,
      );
      account.listedAt = Math.max(account.listedAt, openedAt);
      await noteListing(feeds, account.id);
    }
    account.statements += (state.withdrawn ? 0 : 1) - (stored === null ? 0 : 1);
    const entry = { key: `${connection}:${frame}`, effectiveAt: account.snapshotAt };
    const after = state.withdrawn ? null : state;
    await seekEnd(buffer, account);
    await finishWithLookUps({ account, entry, before, after, changes, event });
  }

  async function lastListing(account: Account): Promise<number> {
    const [last] = await buffer.select(STATEMENTS, {
      where: [{ column: "account", is: "=", value: account.id }],
      orderBy: ["account", "opened_at", "connection", "frame"],
      descending: true,
      limit: 1,
    });
    return Number(last?.opened_at ?? 0);
  }

  /** Takes in what a step means for the account: its anomalies, ids, snapshots and its row. */
  function finish(step: Step): Work {
    const { account, changes, before, after, event } = step;
    const ids = idDifference(before, after);
    const isPlain =
      before === null &&
      after?.contradicted.length === 0 &&
      isCalm(account, changes) &&
      !changesIds(account, ids) &&
      !mayConcern(account, changes) &&
      isSurelyListed(feeds, account);
    if (!isPlain) return finishWithLookUps(step);
    countIds(account, ids);
    refresh(account, event);
    return undefined;
  }

  async function finishWithLookUps(step: Step): Promise<void> {
    await takeIn(step);
    await refreshOrForget(step.account, step.event);
  }

  /** What a step means for the account but for its row. */
  async function takeIn(step: Step): Promise<void> {
    const { account, changes, event, before, after } = step;
    const judged = mayConcern(account, changes)
      ? await judgeAgain(buffer, account, changes, event.position)
      : [];
    await showAnomalies(step, [...changes, ...judged]);
    const ids: IdDifference = idDifference(before, after);
    if (changesIds(account, ids)) await exchangeIds(buffer, account, ids, event);
    else countIds(account, ids);
    if (account.history.isEnd || account.isUnlisted || judged.length > 0) {
      await seekEnd(buffer, account);
      summarize(account);
      await refreshUnlisted(context, account, event);
    }
  }

  async function showAnomalies(
    { account, entry, before, after, event }: Step,
    changes: readonly EntryChange[],
  ): Promise<void> {
    const { id, history } = account;
    const shown = (entries: readonly (Entry | null)[]) =>
      entries.flatMap((one) => (one === null ? [] : anomaliesOf(one, id, history.same)));
    const first = new Map<string, Entry | null>();
    const last = new Map<string, Entry | null>();
    for (const change of changes) {
      const key = entryId((change.after ?? change.before) as Entry);
      if (!first.has(key)) first.set(key, change.before);
      last.set(key, change.after);
    }
    const had = [...shown([...first.values()]), ...contradictionsOf(before, entry, id)];
    const has = [...shown([...last.values()]), ...contradictionsOf(after, entry, id)];
    const hadById = new Map(had.map((anomaly) => [anomaly.id, anomaly]));
    const hasIds = new Set(has.map((anomaly) => anomaly.id));
    for (const anomaly of had) {
      if (hasIds.has(anomaly.id)) continue;
      if (anomaly.kind === "gap") account.openGaps -= 1;
      await closeAnomaly(buffer, anomaly.id, event);
    }
    for (const anomaly of has) {
      const known = hadById.get(anomaly.id);
      if (known !== undefined && isSameDetail(known, anomaly)) continue;
      if (known === undefined && anomaly.kind === "gap") account.openGaps += 1;
      await openAnomaly(buffer, anomaly, event);
    }
  }

  function refresh(account: Account, event: StreamEvent): void {
    if (account.history.isEnd) summarize(account);
    dirty.add(account);
    noteChange(buffer, account, event.position);
  }

  async function refreshOrForget(account: Account, event: StreamEvent): Promise<void> {
    if (!isEmpty(account)) {
      return refresh(account, event);
    }
    // An account that nothing was said of before either has no row that could go.
    if (account.position === 0) return;
    dirty.add(account);
    await forgetAccount(buffer, account, event.position);
  }

  return {
    fold,
    async checkListed(id, event) {
      const account = await cache.load(id);
      await seekEnd(buffer, account);
      await refreshUnlisted(context, account, event);
      refresh(account, event);
    },
    flush() {
      for (const account of dirty) writeAccount(buffer, account);
      dirty = new Set();
      cache.shrink();
    },
  };
}

const PAGE = 500;

const isSameDetail = (a: Anomaly, b: Anomaly): boolean =>
  canonicalJson(a.detail) === canonicalJson(b.detail);

/** Entries that show nothing that a person should see, then and now. */
function isCalm({ id, history }: Account, changes: readonly EntryChange[]): boolean {
  for (const { before, after } of changes) {
    for (const entry of [before, after]) {
      if (entry !== null && anomaliesOf(entry, id, history.same).length > 0) return false;
    }
  }
  return true;
}

/** What the end of the history says of the account now. */
function summarize(account: Account): void {
  const { history, accountIds } = account;
  const last = history.entries.at(-1);
  const lastRun = history.entries.findLast(({ kind }) => kind === "run");
  account.balance = last?.running ?? null;
  account.isContradicted = (last?.contradictions ?? 0) > 0;
  account.lastRunId = lastRun?.key ?? null;
  account.updatedAt = last?.effectiveAt ?? null;
  account.accountId = last?.accountIds.at(-1) ?? accountIds.at(-1) ?? null;
}

/** Leaves a change row where what readers see of the account is different. */
function noteChange(buffer: RowBuffer, account: Account, position: number): void {
  const columns = changingColumns(account);
  if (account.position > 0 && isSameColumns(columns, account.columns)) return;
  account.columns = columns;
  account.position = position;
  buffer.append(BALANCE_CHANGES, { position, account: account.id, ...columns });
}

/**
 * Nothing is said of the account any more: it is as one that was never named. What it was up to
 * here stays in its change rows; one at position 0 lets lists of a past moment find it.
 */
async function forgetAccount(buffer: RowBuffer, account: Account, position: number): Promise<void> {
  const gone = { account: account.id, ...NOTHING_SHOWN };
  buffer.append(BALANCE_CHANGES, { position, ...gone });
  const stored = await buffer.get(BALANCE_CHANGES, [0, account.id]);
  buffer.put(BALANCE_CHANGES, { position: 0, ...gone }, stored);
  const { stored: row, holder } = account;
  Object.assign(account, newAccount(account.id), { stored: row, holder });
}
