import {
  type Amount,
  NS_PER_MS,
  NS_PER_US,
  nsOfMs,
  parseAmount,
  truncateAmount,
} from "../exact.ts";
import { type Random, shuffled } from "../random.ts";
import type {
  BalanceReport,
  Movement,
  MovementReferences,
  Run,
  ZeroHashAccount,
} from "./history.ts";

type Asset = Readonly<{
  code: string;
  decimals: number;
  /** A typical balance of one customer. */
  typical: Amount;
  /** In US dollars, up to 20 significant figures. */
  price: Amount;
}>;

export const USD: Asset = asset("USD", 2, "25000", "1");

/** Includes one coin on several chains, and scales up to 18 decimals. */
export const CRYPTO_ASSETS: readonly Asset[] = [
  asset("BTC", 8, "0.4", "81531.3718539524991138"),
  asset("ETH", 18, "9", "3122.40811997260384"),
  asset("SOL", 9, "140", "171.4493"),
  asset("USDC.ETH", 6, "20000", "1"),
  asset("USDC.SOL", 6, "8000", "0.99998"),
  asset("USDC.BASE", 6, "3000", "1"),
  asset("AAVE.ETH", 18, "75", "268.117350882"),
];

function asset(code: string, decimals: number, typical: string, price: string): Asset {
  return { code, decimals, typical: parseAmount(typical), price: parseAmount(price) };
}

/** One account in the provider's own ledger; nothing else changes its balance. */
export type ProviderAccount = {
  /** The fields that identify it in messages. */
  readonly fields: ZeroHashAccount;
  readonly opening: Amount;
  balance: Amount;
  reports: number;
  /** The latest movement time so far. */
  latestNs: bigint;
  /** The number of reports so close together that a consumer may treat them as one group. */
  groupSize: number;
};

/** One customer's accounts of one asset under one label. */
export type Pocket = {
  readonly asset: Asset;
  readonly wallet: Wallet;
  readonly available: ProviderAccount;
  /** Created by the first withdrawal. */
  collateral: ProviderAccount | null;
  /** The amounts of open withdrawals: two equal ones could not be distinguished without a request id. */
  readonly openAmounts: Set<Amount>;
};

export type Wallet = Readonly<{
  participantCode: string;
  accountGroup: string;
  accountLabel: string;
  /** US dollars first. */
  pockets: Pocket[];
}>;

export type Wallets = Readonly<{
  platform: Wallet;
  liquidity: Wallet;
  customers: readonly Wallet[];
  /** Only those of customers. */
  pockets: readonly Pocket[];
  /** Only those of customers, by asset code. */
  pocketsByAsset: ReadonlyMap<string, readonly Pocket[]>;
}>;

const CODE_LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"];
const SECOND_LABELS = ["savings", "vault_2", "Treasury", "staking_2025"];

/** The provider's own liquidity, as an account group. */
const LIQUIDITY_GROUP = "00SCXM";
/** The platform's own accounts hold this multiple, because they are the counterparty of every trade. */
const PLATFORM_MULTIPLE = 10_000n;

const SHARE_SECOND_WALLET = 0.15;
const SHARE_OPENING_BALANCE = 0.7;

/** The platform's wallets and those of its customers; most have an opening balance. */
export function createWallets(participants: number, random: Random): Wallets {
  const newCode = createCodeSource(random);
  const platformCode = newCode();
  const everything = [USD, ...CRYPTO_ASSETS];
  const owned = { participantCode: platformCode, accountLabel: "general" };
  const rich = (asset: Asset) => asset.typical * PLATFORM_MULTIPLE;
  const openPlatform = (accountGroup: string) =>
    createWallet({ ...owned, accountGroup }, everything, { random, openingOf: rich });
  const platform = openPlatform(platformCode);
  const liquidity = openPlatform(LIQUIDITY_GROUP);
  const customers: Wallet[] = [];
  for (let participant = 0; participant < participants; participant += 1) {
    const participantCode = newCode();
    for (const accountLabel of labelsOf(random)) {
      const holder = { participantCode, accountGroup: platformCode, accountLabel };
      customers.push(createCustomerWallet(holder, random));
    }
  }
  const pockets = customers.flatMap((wallet) => wallet.pockets);
  const pocketsByAsset = Map.groupBy(pockets, (pocket) => pocket.asset.code);
  return { platform, liquidity, customers, pockets, pocketsByAsset };
}

/** The account that holds open withdrawals; created when first needed. */
export function collateralOf(pocket: Pocket, random: Random): ProviderAccount {
  pocket.collateral ??= openAccount(
    { ...pocket.available.fields, accountId: random.uuid(), accountType: "collateral" },
    0n,
  );
  return pocket.collateral;
}

/** Every existing account, each collateral account after its available one. */
export function accountsOf(wallets: Wallets): readonly ProviderAccount[] {
  const all = [wallets.platform, wallets.liquidity, ...wallets.customers];
  return all.flatMap((wallet) =>
    wallet.pockets.flatMap(({ available, collateral }) =>
      collateral === null ? [available] : [available, collateral],
    ),
  );
}

/** The wallet's pocket of an asset, created empty if there is none. */
export function pocketOf(wallet: Wallet, asset: Asset, random: Random): Pocket {
  const existing = wallet.pockets.find((pocket) => pocket.asset === asset);
  if (existing !== undefined) return existing;
  const opened = createPocket(wallet, asset, { random, openingOf: () => 0n });
  wallet.pockets.push(opened);
  return opened;
}

type Opening = Readonly<{ random: Random; openingOf: (asset: Asset) => Amount }>;

function createCustomerWallet(holder: Holder, random: Random): Wallet {
  const assets = [USD, ...shuffled(CRYPTO_ASSETS, random).slice(0, random.between(1, 4))];
  const openingOf = (asset: Asset) =>
    random.chance(SHARE_OPENING_BALANCE)
      ? truncateAmount(random.bigintBelow(asset.typical * 2n), asset.decimals)
      : 0n;
  return createWallet(holder, assets, { random, openingOf });
}

type Holder = Readonly<Pick<Wallet, "participantCode" | "accountGroup" | "accountLabel">>;

function createWallet(holder: Holder, assets: readonly Asset[], opening: Opening): Wallet {
  const wallet: Wallet = { ...holder, pockets: [] };
  for (const asset of assets) wallet.pockets.push(createPocket(wallet, asset, opening));
  return wallet;
}

function createPocket(wallet: Wallet, asset: Asset, { random, openingOf }: Opening): Pocket {
  const fields: ZeroHashAccount = {
    accountId: random.uuid(),
    participantCode: wallet.participantCode,
    accountGroup: wallet.accountGroup,
    accountLabel: wallet.accountLabel,
    accountType: "available",
    asset: asset.code,
  };
  const available = openAccount(fields, openingOf(asset));
  return { asset, wallet, available, collateral: null, openAmounts: new Set() };
}

function labelsOf(random: Random): readonly string[] {
  return random.chance(SHARE_SECOND_WALLET) ? ["general", random.pick(SECOND_LABELS)] : ["general"];
}

/** Creates unique codes of six letters or digits. */
function createCodeSource(random: Random): () => string {
  const taken = new Set([LIQUIDITY_GROUP]);
  return () => {
    let code = "";
    do {
      code = Array.from({ length: 6 }, () => random.pick(CODE_LETTERS)).join("");
    } while (taken.has(code));
    taken.add(code);
    return code;
  };
}

export function openAccount(fields: ZeroHashAccount, opening: Amount): ProviderAccount {
  return { fields, opening, balance: opening, reports: 0, latestNs: 0n, groupSize: 0 };
}

/** One movement of a run on one account. */
export type Entry = Readonly<{
  account: ProviderAccount;
  movementId: string;
  movementType: string;
  change: Amount;
  references?: MovementReferences;
  /** The time after the previous movement; 0.1 ms by default. */
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
/** More than twice the consumer's 20 ms, so that two groups can never merge. */
const GROUP_GAP_NS = 60n * NS_PER_MS;

/**
 * Applies one run: every movement in order, then one report for each affected account.
 * Movements are dated 50 to 110 ms after the run, as on the provider's own page.
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

/** The movement of an entry with its printed time. */
export function movementOf(entry: Entry, atNs: bigint): Movement {
  return {
    movementId: entry.movementId,
    movementType: entry.movementType,
    change: entry.change,
    atNs,
    references: entry.references ?? {},
  };
}

/** Not before the latest movement of any of the accounts, except for the allowed clock error. */
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

/** Whether both sides have the funds to deliver. */
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

/** The references of a withdrawal's movements; empty if it has no request id. */
export function withdrawalReferences(requestId: string | null): MovementReferences {
  return requestId === null ? {} : { withdrawalRequestId: requestId };
}
