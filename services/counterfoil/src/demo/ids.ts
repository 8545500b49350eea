import type { ModelName } from "@counterfoil/contracts/fact";

/** The customer's accounts of the page's "Use Cases". */
export const AVAILABLE = "zerohash:DEF456:ABC123:general:available:BTC";
export const COLLATERAL = "zerohash:DEF456:ABC123:general:collateral:BTC";

/** The same page's flows, by the movements that they begin with. */
export const DEPOSIT = "movement:e6b7d339-fcfe-480f-b910-2928995374d6";
export const WITHDRAWAL = "movement:61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6";

/** Confirms the withdrawal, and is dated a week before it. */
export const MISDATED_RUN = "85693";

export const LAYER1_DEPOSIT = "018fea20a69e7cc58066f8d03362e797:d18a869f191944a09e5e784d7ca8f45a";
export const LAYER1_ACCOUNT = "layer1:0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9:ETH";

export const MODELS: readonly ModelName[] = ["balances", "withdrawals", "deposits", "trades"];
