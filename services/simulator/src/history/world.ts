import { type Amount, formatAmount, parseAmount, truncateAmount, unitOf } from "../exact.ts";
import { createRandom, type Random } from "../random.ts";
import type {
  DepositTruth,
  HistoryMessage,
  HistoryOptions,
  Layer1Balance,
  Layer1Funds,
  Layer1Report,
  Layer1TransferTruth,
  Run,
  TradeTruth,
  WithdrawalTruth,
} from "./history.ts";
import {
  applyRun,
  createWallets,
  type Entry,
  type Pocket,
  type Wallets,
} from "./zero-hash-ledger.ts";
import { balanceMessage } from "./zero-hash-messages.ts";

/** Receives the outcome of each flow. */
type Recorder = Readonly<{
  withdrawal: (truth: WithdrawalTruth) => void;
  deposit: (truth: DepositTruth) => void;
  trade: (truth: TradeTruth) => void;
  layer1Transfer: (truth: Layer1TransferTruth) => void;
}>;

/** The provider's state, shared by all active flows. */
export type World = {
  readonly options: HistoryOptions;
  readonly random: Random;
  readonly wallets: Wallets;
  readonly layer1Accounts: readonly Layer1Account[];
  readonly recorder: Recorder;
  /** Global and rising, as the provider's run ids seem to be. */
  lastRunId: number;
  /** The account that a burst uses. */
  focus: Pocket | null;
  /** The hash of the latest deposit on chain: one transaction may pay several accounts. */
  lastDepositHash: string;
};

/** What happens at one instant of a flow, and the pause before its next step. */
export type FlowStep = Readonly<{ run?: Run; messages: readonly HistoryMessage[]; thenMs: number }>;

/** A flow is resumed with the time of its next step. */
export type Flow = Generator<FlowStep, void, bigint>;

const FIRST_RUN_ID = 4_149_614;
const PICK_ATTEMPTS = 20;

export function createWorld(options: HistoryOptions, recorder: Recorder): World {
  const accounts = createRandom(options.seed, "accounts");
  return {
    options,
    random: createRandom(options.seed, "flows"),
    wallets: createWallets(options.participants, accounts),
    layer1Accounts: createLayer1Accounts(options.layer1Addresses, accounts),
    recorder,
    lastRunId: FIRST_RUN_ID,
    focus: null,
    lastDepositHash: "",
  };
}

/** Applies a run, with one message for each account; the messages `before` come first. */
export function runStep(
  world: World,
  request: Readonly<{ runType: string; atNs: bigint; entries: readonly Entry[] }>,
  { thenMs = 0, before = [] }: Readonly<{ thenMs?: number; before?: HistoryMessage[] }> = {},
): FlowStep {
  world.lastRunId += world.random.between(1, 3);
  const applied = applyRun(
    { ...request, runId: world.lastRunId },
    { random: world.random, clockErrorMs: world.options.clockErrorMs },
  );
  return {
    run: applied.run,
    messages: [...before, ...applied.reports.map(balanceMessage)],
    thenMs,
  };
}

/** The time between two stages: never very short, sometimes long. */
export function stagePauseMs({ options, random }: World): number {
  return options.stagePauseMs * 0.3 + random.exponential(options.stagePauseMs * 0.7);
}

/** The account of the burst if there is one, else any that fits; null if none does. */
export function pickPocket(world: World, fits: (pocket: Pocket) => boolean): Pocket | null {
  const { focus, random, wallets } = world;
  if (focus !== null && fits(focus)) return focus;
  for (let attempt = 0; attempt < PICK_ATTEMPTS; attempt += 1) {
    const pocket = random.pick(wallets.pockets);
    if (fits(pocket)) return focusOn(world, pocket);
  }
  const found = wallets.pockets.find(fits);
  return found === undefined ? null : focusOn(world, found);
}

export function hasFunds(pocket: Pocket): boolean {
  return pocket.available.balance > 0n;
}

/** An amount to spend: usually a part of the balance, sometimes all of it. */
export function drawSpend({ available, asset }: Pocket, random: Random): Amount {
  if (random.chance(0.08)) return available.balance;
  const part = random.bigintBelow(available.balance / 5n);
  return atLeastOneUnit(part, asset.decimals);
}

export function atLeastOneUnit(amount: Amount, decimals: number): Amount {
  const truncated = truncateAmount(amount, decimals);
  return truncated > 0n ? truncated : unitOf(decimals);
}

/** The identifying fields of a truth record. */
export function holderOf({ wallet, asset }: Pocket) {
  const { participantCode, accountGroup, accountLabel } = wallet;
  return { participantCode, accountGroup, accountLabel, asset: asset.code };
}

function focusOn(world: World, pocket: Pocket): Pocket {
  world.focus = pocket;
  return pocket;
}

type Layer1Asset = Readonly<{
  code: string;
  network: string;
  decimals: number;
  typical: Amount;
  /** null: somebody else pays the fee, so a withdrawal has no fee leg. */
  feeMax: Amount | null;
}>;

export type Layer1Address = Readonly<{
  id: string;
  address: string;
  network: string;
  keyPairId: string;
  assetPoolId: string;
  reference: string;
  customerId: string | null;
}>;

/** One asset at one address. BLOCKCHAIN is always the sum of AVAILABLE and RESERVED. */
export type Layer1Account = {
  readonly address: Layer1Address;
  readonly asset: Layer1Asset;
  available: Amount;
  reserved: Amount;
  reports: number;
  latestNs: bigint;
};

const ETH: Layer1Asset = {
  code: "ETH",
  network: "ETHEREUM",
  decimals: 18,
  typical: parseAmount("3"),
  feeMax: parseAmount("0.0021"),
};

const USDT: Layer1Asset = {
  code: "USDT",
  network: "ETHEREUM",
  decimals: 6,
  typical: parseAmount("4000"),
  feeMax: null,
};

const BTC: Layer1Asset = {
  code: "BTC",
  network: "BITCOIN",
  decimals: 8,
  typical: parseAmount("0.08"),
  feeMax: parseAmount("0.00009"),
};

/** Addresses of one asset pool; Ethereum addresses have two assets each. */
function createLayer1Accounts(addresses: number, random: Random): readonly Layer1Account[] {
  const assetPoolId = random.uuid();
  return Array.from({ length: addresses }, (_, index) => {
    const isBitcoin = index % 3 === 2;
    const address: Layer1Address = {
      id: random.uuid(),
      address: isBitcoin ? `bc1q${random.hex(38)}` : `0x${random.hex(40)}`,
      network: isBitcoin ? BTC.network : ETH.network,
      keyPairId: random.uuid(),
      assetPoolId,
      reference: `Address ${index + 1}`,
      customerId: random.chance(0.5) ? `customer-${index + 1}` : null,
    };
    return (isBitcoin ? [BTC] : [ETH, USDT]).map((asset) =>
      openLayer1Account(address, asset, random),
    );
  }).flat();
}

export type Layer1Change = Readonly<{ available: Amount; reserved: Amount }>;

/** Changes the account and reports it; two reports of one account never have the same time. */
export function changeLayer1Account(
  account: Layer1Account,
  change: Layer1Change,
  atNs: bigint,
): Layer1Report {
  account.available += change.available;
  account.reserved += change.reserved;
  if (account.available < 0n || account.reserved < 0n) {
    throw new Error(`${account.address.address} is overdrawn`);
  }
  account.latestNs = atNs > account.latestNs ? atNs : account.latestNs + 1n;
  account.reports += 1;
  return {
    address: account.address.address,
    asset: account.asset.code,
    atNs: account.latestNs,
    funds: fundsOf(account),
    deltas: fundsOf(change),
  };
}

export function layer1BalanceOf(account: Layer1Account): Layer1Balance {
  const funds = fundsOf(account);
  return {
    address: account.address.address,
    asset: account.asset.code,
    available: formatAmount(funds.available),
    reserved: formatAmount(funds.reserved),
    blockchain: formatAmount(funds.blockchain),
    reports: account.reports,
  };
}

function fundsOf({ available, reserved }: Layer1Change): Layer1Funds {
  return { available, reserved, blockchain: available + reserved };
}

function openLayer1Account(
  address: Layer1Address,
  asset: Layer1Asset,
  random: Random,
): Layer1Account {
  const available = random.chance(0.5) ? asset.typical * 4n : 0n;
  return { address, asset, available, reserved: 0n, reports: 0, latestNs: 0n };
}
