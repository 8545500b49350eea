import { type Scenario, type ScenarioStep, zeroHashWebhook } from "./scenario.ts";

const PAYLOAD_TYPE = "payment_status_changed";

const REQUEST_ID = "44b23087-8845-4667-9fa8-03b7055dba6b";
const HASH = "0x8d49dad00612517e5fdf9ca896c4aded5a46c30226cd44f4f0c26b4c65ae63fe";

type Progress = Readonly<{ status: string; at: string; requestId?: string; hash?: string }>;

/** `""` stands for what is not known yet; both times are always the same. */
function cryptoStep({ status, at, requestId = "", hash = "" }: Progress): ScenarioStep {
  return zeroHashWebhook(PAYLOAD_TYPE, {
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
    // Broadcast, and the hash is still missing.
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
  return zeroHashWebhook(PAYLOAD_TYPE, {
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

/** A bank debit may come back up to 60 days after it has settled. */
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
