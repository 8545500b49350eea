import { type Scenario, type ScenarioStep, zeroHashWebhook } from "./scenario.ts";

const DEPOSIT = {
  deposit_id: "7f0f1f3e-0a53-4c1f-9a4b-6f3c0d0f7d52",
  // Participant and label; other messages have the account's UUID.
  account_id: "PART123.general",
  participant_code: "PART123",
  asset: "ETH",
  amount: "1.25",
  transaction_hash: "0x5fee8f91e72d6baba7b95af5a031ea3b3e1ae527009f401b5403a3c2f3294530",
  source_address: "0xae9e8a1235e1113f936a38492c70fbb4ee297cdb",
  received_address: "0xf6483454996bce404d62656eb3cbcf87232dc153",
};

function depositStep(state: string, timestampSeconds: number): ScenarioStep {
  return zeroHashWebhook("deposit.status_changed", {
    ...DEPOSIT,
    state,
    timestamp: timestampSeconds,
  });
}

export const DEPOSIT_STATUS: Scenario = {
  name: "deposit-status",
  title: "deposit.status_changed: from the first sight on chain to the credit",
  steps: [
    depositStep("initial", 1777456800),
    depositStep("confirmed", 1777456983),
    depositStep("pending_compliance_review", 1777456984),
    depositStep("pending_settlement", 1777460591),
    depositStep("completed", 1777460593),
  ],
};

/** The example of the provider's page "Fund Transaction Update", with its contradiction kept. */
export const FUND_TRANSACTION: Scenario = {
  name: "fund-transaction",
  title: "deposit_fund_complete: 500 USDC converted, and a reason why they were not",
  steps: [
    zeroHashWebhook("deposit_fund_complete", {
      participant_code: "CUST01",
      fund_asset: "USDC",
      rate: "1",
      quoted_currency: "USD",
      deposit_address: "0x3A45a60c635E6cD616B1C4510404Eba88116050C",
      quantity: "500",
      notional: "500",
      fund_id: "5155f7c9-95cb-4556-ab89-c178943a7111",
      fund_timestamp: 1550174574,
      transaction_id: "a07407e8f98c21b037b4aa0cbc852b8489c5e122fcc3d4b33b7827d0605ad8ff",
      account_label: "general",
      success: true,
      status_reason:
        "deposit above maximum threshold. The deposit has not been converted to fiat and the crypto has been credited to the customer's account",
    }),
  ],
};

const PAYMENT_TYPE = "payment_status_changed";

const REQUEST_ID = "44b23087-8845-4667-9fa8-03b7055dba6b";
const HASH = "0x8d49dad00612517e5fdf9ca896c4aded5a46c30226cd44f4f0c26b4c65ae63fe";

type Progress = Readonly<{ status: string; at: string; requestId?: string; hash?: string }>;

/** `""` means not known yet; both times are always equal. */
function cryptoStep({ status, at, requestId = "", hash = "" }: Progress): ScenarioStep {
  return zeroHashWebhook(PAYMENT_TYPE, {
    payment_id: "c2f4a7de-52ad-4bb5-9a43-2b7b8c7e9f10",
    reference_id: "order-1001",
    participant_code: "PART01",
    obo_participant: { participant_code: "PART01", account_label: "savings" },
    account_label: "general",
    payment_type: "payout",
    status,
    asset: "USDC",
    network: "BASE",
    quantity: "25.5",
    total: "25.5",
    payment_details: {
      withdrawal_request_id: requestId,
      trade_id: "",
      on_chain_transaction_id: hash,
      network_fee_asset: "USD",
      network_fee_quantity: "0.02",
      network_fee_notional: "0.02",
      withdrawal_fee_notional: "0",
      destination_address: "0x84a4a239805d06c685219801b82bea7c76702214",
    },
    created_at: at,
    updated_at: at,
  });
}

export const PAYMENT_CRYPTO: Scenario = {
  name: "payment-crypto",
  title: "payment_status_changed: a payout on chain, from the request to its settlement",
  steps: [
    cryptoStep({ status: "initialized", at: "2025-05-01T15:26:30.101Z" }),
    cryptoStep({ status: "submitted", at: "2025-05-01T15:26:31.422Z" }),
    cryptoStep({ status: "pending", at: "2025-05-01T15:26:39.139Z", requestId: REQUEST_ID }),
    // Broadcast, but the hash is still missing.
    cryptoStep({ status: "posted", at: "2025-05-01T15:27:02.874Z", requestId: REQUEST_ID }),
    cryptoStep({
      status: "settled",
      at: "2025-05-01T15:29:44.530Z",
      requestId: REQUEST_ID,
      hash: HASH,
    }),
  ],
};

const RETURN = {
  reason_code: "R01",
  reason_description: "Insufficient Funds",
};

function bankStep(paymentStatus: string, timestamp: number, reason = {}): ScenarioStep {
  return zeroHashWebhook(PAYMENT_TYPE, {
    transaction_id: "0d1be1a4-2a0b-4b0c-a0de-5f0f2b6d9a77",
    participant_code: "PART01",
    external_account_id: "f3c1c6f2-9d5c-4d64-9b6d-6a7c6fb5f2ea",
    type: "debit",
    payment_status: paymentStatus,
    asset: "USD",
    amount: "250.00",
    expected_settlement_date: "2025-05-06",
    reason_code: "",
    reason_description: "",
    ...reason,
    timestamp,
  });
}

/** A bank debit may be returned up to 60 days after it has settled. */
export const PAYMENT_BANK: Scenario = {
  name: "payment-bank",
  title: "payment_status_changed: an ACH debit, settled and then returned",
  steps: [
    bankStep("submitted", 1746110000115),
    bankStep("pending", 1746110060371),
    bankStep("posted", 1746196402918),
    bankStep("settled", 1746541802004),
    bankStep("returned", 1748010603550, RETURN),
  ],
};

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
