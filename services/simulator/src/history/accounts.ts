import type { Amount } from "../decimal.ts";
import type { Random } from "../random.ts";
import { NS_PER_MS, NS_PER_US, nsOfMs } from "../time.ts";
import type { Asset } from "./assets.ts";
import type {
  BalanceReport,
  Movement,
  MovementReferences,
  Run,
  ZeroHashAccount,
} from "./history.ts";

/** One account in the provider's own ledger; nothing else changes its balance. */
export type ProviderAccount = {
  /** Those by which messages name it. */
  readonly fields: ZeroHashAccount;
  readonly opening: Amount;
  balance: Amount;
  reports: number;
  /** The latest movement time so far. */
  latestNs: bigint;
  /** Reports so close together that a consumer may take them for one group. */
  groupSize: number;
};

/** What one customer holds of one asset under one label. */
export type Pocket = {
  readonly asset: Asset;
  readonly wallet: Wallet;
  readonly available: ProviderAccount;
  /** Comes into being with the first withdrawal. */
  collateral: ProviderAccount | null;
  /** Of withdrawals under way: two equal ones could not be distinguished without a request id. */
  readonly openAmounts: Set<Amount>;
};

export type Wallet = Readonly<{
  participantCode: string;
  accountGroup: string;
  accountLabel: string;
  /** US dollars first. */
  pockets: Pocket[];
}>;

export type Entry = Readonly<{
  account: ProviderAccount;
  movementId: string;
  movementType: string;
  change: Amount;
  references?: MovementReferences;
  /** Behind the movement before it; a tenth of a millisecond unless given. */
  afterMs?: number;
}>;

export type AppliedRun = Readonly<{ run: Run; reports: readonly BalanceReport[] }>;

export type RunRequest = Readonly<{
  runId: number;
  runType: string;
  atNs: bigint;
  entries: readonly Entry[];
}>;

/** Consumers order reports within 20 ms of each other as a group, of at most this many. */
const GROUP_SIZE_MAX = 8;
/** Twice the consumer's 20 ms and more, so that two groups can never grow together. */
const GROUP_GAP_NS = 60n * NS_PER_MS;

export function openAccount(fields: ZeroHashAccount, opening: Amount): ProviderAccount {
  return { fields, opening, balance: opening, reports: 0, latestNs: 0n, groupSize: 0 };
}

/**
 * Applies one run: every movement in order, then one report for each account it touched.
 * Movements come 50 to 110 ms after the run, as on the provider's own page.
 */
export function applyRun(
  request: RunRequest,
  { random, clockErrorMs }: Readonly<{ random: Random; clockErrorMs: number }>,
): AppliedRun {
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

function movementOf(entry: Entry, atNs: bigint): Movement {
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
