import { type Amount, parseAmount } from "../decimal.ts";

export type Asset = Readonly<{
  code: string;
  decimals: number;
  /** A middling amount that one customer holds. */
  typical: Amount;
  /** In US dollars, up to 20 significant figures. */
  price: Amount;
}>;

export const USD: Asset = asset("USD", 2, "25000", "1");

/** One coin on several chains, and scales up to 18 decimals. */
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
