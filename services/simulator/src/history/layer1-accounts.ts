import { type Amount, formatAmount, parseAmount } from "../exact.ts";
import type { Random } from "../random.ts";
import type { Layer1Balance, Layer1Funds, Layer1Report } from "./history.ts";

export type Layer1Asset = Readonly<{
  code: string;
  network: string;
  decimals: number;
  typical: Amount;
  /** null: the fee is paid by someone else, so a withdrawal has no fee leg. */
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

/** One asset at one address. BLOCKCHAIN is always AVAILABLE and RESERVED together. */
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

/** Addresses of one asset pool; Ethereum's hold two assets each. */
export function createLayer1Accounts(addresses: number, random: Random): readonly Layer1Account[] {
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
