import type { Amount } from "../decimal.ts";
import type { Random } from "../random.ts";
import type { Entry, Pocket, Wallet } from "./accounts.ts";
import { type Asset, USD } from "./assets.ts";
import { pocketOf } from "./wallets.ts";

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
      { from: pocketOf(from, asset, random), to: pocketOf(to, asset, random), amount },
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
  { from, to, amount }: Readonly<{ from: Pocket; to: Pocket; amount: Amount }>,
  movement: Readonly<Pick<Entry, "movementId" | "movementType" | "references">>,
): Entry[] {
  return [
    { ...movement, account: from.available, change: -amount },
    { ...movement, account: to.available, change: amount },
  ];
}
