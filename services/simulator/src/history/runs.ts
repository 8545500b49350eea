import type { Amount } from "../decimal.ts";
import type { Random } from "../random.ts";
import { NS_PER_MS, NS_PER_US, nsOfMs } from "../time.ts";
import type { BalanceReport, Movement, MovementReferences, Run } from "./history.ts";
import { type Asset, type ProviderAccount, pocketOf, USD, type Wallet } from "./wallets.ts";

/** One movement that a run makes on one account. */
export type Entry = Readonly<{
  account: ProviderAccount;
  movementId: string;
  movementType: string;
  change: Amount;
  references?: MovementReferences;
  /** Behind the movement before it; a tenth of a millisecond unless given. */
  afterMs?: number;
}>;

type RunRequest = Readonly<{
  runId: number;
  runType: string;
  atNs: bigint;
  entries: readonly Entry[];
}>;

/** Consumers order reports within 20 ms of each other as a group, of at most this many. */
const GROUP_SIZE_MAX = 8;
/** Twice the consumer's 20 ms and more, so that two groups can never grow together. */
const GROUP_GAP_NS = 60n * NS_PER_MS;

/**
 * Applies one run: every movement in order, then one report for each account it touched.
 * Movements come 50 to 110 ms after the run, as on the provider's own page.
 */
export function applyRun(
  request: RunRequest,
  { random, clockErrorMs }: Readonly<{ random: Random; clockErrorMs: number }>,
): Readonly<{ run: Run; reports: readonly BalanceReport[] }> {
  // Runs have microseconds on the wire.
  const atNs = request.atNs - (request.atNs % NS_PER_US);
  const run = { runId: String(request.runId), runType: request.runType, atNs };
  const movements = new Map<ProviderAccount, Movement[]>();
  let movementNs = firstMovementNs(request, { random, clockErrorMs, atNs });
  for (const entry of request.entries) {
    movementNs += nsOfMs(entry.afterMs ?? 0.08 + random.below(40) / 1_000);
    const ofAccount = movements.get(entry.account) ?? [];
    movements.set(entry.account, ofAccount);
    ofAccount.push(movementOf(entry, movementNs));
    entry.account.balance += entry.change;
  }
  const reports = [...movements].map(([account, list]) => reportOf(account, run, list));
  return { run, reports };
}

/** The movement of an entry, as messages date it. */
export function movementOf(entry: Entry, atNs: bigint): Movement {
  return {
    movementId: entry.movementId,
    movementType: entry.movementType,
    change: entry.change,
    atNs,
    references: entry.references ?? {},
  };
}

/** Not before what any of the accounts has seen, except for the clock error that is allowed. */
function firstMovementNs(
  { entries }: RunRequest,
  settings: Readonly<{ random: Random; clockErrorMs: number; atNs: bigint }>,
): bigint {
  const { random, clockErrorMs, atNs } = settings;
  const errorNs = nsOfMs(random.below(clockErrorMs * 1_000 + 1) / 1_000);
  let firstNs = atNs + nsOfMs(random.between(50_000, 110_000) / 1_000);
  for (const { account } of entries) {
    const mayErr = account.groupSize < GROUP_SIZE_MAX;
    const earliestNs = mayErr ? account.latestNs - errorNs : account.latestNs + NS_PER_US;
    if (earliestNs > firstNs) firstNs = earliestNs;
  }
  return firstNs;
}

function reportOf(
  account: ProviderAccount,
  run: Run,
  movements: readonly Movement[],
): BalanceReport {
  if (account.balance < 0n) throw new Error(`${account.fields.accountId} is overdrawn`);
  const latestNs = movements.at(-1)?.atNs ?? run.atNs;
  account.groupSize = latestNs - account.latestNs > GROUP_GAP_NS ? 1 : account.groupSize + 1;
  if (latestNs > account.latestNs) account.latestNs = latestNs;
  account.reports += 1;
  return { account: account.fields, run, movements, balanceAfter: account.balance };
}

/** A trade as the ledger sees it: `quantity` of `base` against `notional` US dollars. */
export type Settlement = Readonly<{
  tradeId: string;
  platformCode: string;
  buyer: Wallet;
  seller: Wallet;
  base: Asset;
  quantity: Amount;
  notional: Amount;
}>;

/** Each asset moves with one movement id on both sides, so that every id adds up to zero. */
export function settlementEntries(
  settlement: Settlement,
  movementType: string,
  random: Random,
): readonly Entry[] {
  const { buyer, seller, base, quantity, notional, tradeId } = settlement;
  const references = { tradeId };
  const move = (from: Wallet, to: Wallet, asset: Asset, amount: Amount): Entry[] =>
    moveEntries(
      {
        from: pocketOf(from, asset, random).available,
        to: pocketOf(to, asset, random).available,
        amount,
      },
      { movementId: random.uuid(), movementType, references },
    );
  return [...move(seller, buyer, base, quantity), ...move(buyer, seller, USD, notional)];
}

/** Whether both sides hold what they have to deliver. */
export function isCovered(settlement: Settlement, random: Random): boolean {
  const { buyer, seller, base, quantity, notional } = settlement;
  return (
    pocketOf(seller, base, random).available.balance >= quantity &&
    pocketOf(buyer, USD, random).available.balance >= notional
  );
}

/** The debit on one account and the credit on another, under one movement id. */
export function moveEntries(
  { from, to, amount }: Readonly<{ from: ProviderAccount; to: ProviderAccount; amount: Amount }>,
  movement: Readonly<Pick<Entry, "movementId" | "movementType" | "references">>,
): Entry[] {
  return [
    { ...movement, account: from, change: -amount },
    { ...movement, account: to, change: amount },
  ];
}

/** What the movements of a withdrawal name, where it was requested under an id. */
export function withdrawalReferences(requestId: string | null): MovementReferences {
  return requestId === null ? {} : { withdrawalRequestId: requestId };
}
