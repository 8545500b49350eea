import { type Scenario, type ScenarioStep, zeroHashWebhook } from "./scenario.ts";

const TRADE = {
  account_label: "general",
  client_trade_id: "a6d1b7a5-4a15-4f3b-8a3a-0f7a3c6f9e11",
  comment: "",
  contract_size: "1",
  market_identifier_code: "",
  origin: "liquidity",
  parties: [
    {
      account_label: "general",
      amount: "12.23",
      asset: "USD",
      participant_code: "PART1",
      settling: true,
      side: "buy",
    },
    {
      account_label: "general",
      amount: "0.00015",
      asset: "BTC",
      participant_code: "00SCXM",
      settling: true,
      side: "sell",
    },
  ],
  parties_anonymous: false,
  physical_delivery: true,
  platform_code: "PLAT01",
  product_type: "spot",
  quoted_currency: "USD",
  reporting_party: "",
  symbol: "BTC/USD",
  total_notional: "12.23",
  trade_id: "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
  trade_price: "81531.3718539524991138",
  trade_quantity: "0.00015",
  trade_reporter: "ops@platform.example",
  trade_reporter_code: "PLAT01",
  trade_type: "regular",
  transaction_timestamp: 1746112199801,
  underlying: "BTC",
};

/** Alphabetical keys, as in all trade bodies. */
function tradeStep(payloadType: string, tradeState: string, timestamp: number): ScenarioStep {
  const body: Record<string, unknown> = { ...TRADE, timestamp, trade_state: tradeState };
  return zeroHashWebhook(
    payloadType,
    Object.fromEntries(Object.entries(body).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );
}

/** The pages name the payload type with a dot and with an underscore; both are sent. */
export const TRADE_STATUS: Scenario = {
  name: "trade-status",
  title: "A trade: accepted, active, terminated",
  steps: [
    tradeStep("trade.status_changed", "accepted", 1746112199954),
    tradeStep("trade_status_changed", "active", 1746112200312),
    tradeStep("trade.status_changed", "terminated", 1746112201007),
  ],
};
