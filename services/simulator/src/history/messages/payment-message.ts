import { type Amount, formatAmount } from "../../decimal.ts";
import { isoTime } from "../../time.ts";
import type { Pocket } from "../accounts.ts";
import type { HistoryMessage } from "../history.ts";
import { webhookMessage } from "./deposit-message.ts";

export type PaymentFacts = Readonly<{
  paymentId: string;
  pocket: Pocket;
  quantity: Amount;
  destinationAddress: string;
}>;

export type PaymentProgress = Readonly<{
  status: string;
  /** Empty texts while they are not known. */
  withdrawalRequestId: string;
  transactionHash: string;
}>;

/** `payment_status_changed` in the crypto shape: asset and network apart, two equal times. */
export function paymentMessage(
  payment: PaymentFacts,
  progress: PaymentProgress,
  atNs: bigint,
): HistoryMessage {
  return webhookMessage("payment_status_changed", () => bodyOf(payment, progress, atNs));
}

function bodyOf(payment: PaymentFacts, progress: PaymentProgress, atNs: bigint): object {
  const { participantCode, accountLabel } = payment.pocket.wallet;
  const [asset, network] = payment.pocket.asset.code.split(".");
  const quantity = formatAmount(payment.quantity);
  return {
    payment_id: payment.paymentId,
    reference_id: "",
    participant_code: participantCode,
    obo_participant: { participant_code: participantCode },
    account_label: accountLabel,
    payment_type: "withdrawal",
    status: progress.status,
    asset,
    network: network ?? asset,
    quantity,
    total: quantity,
    payment_details: {
      withdrawal_request_id: progress.withdrawalRequestId,
      trade_id: "",
      on_chain_transaction_id: progress.transactionHash,
      network_fee_asset: "USD",
      network_fee_quantity: "0.02",
      network_fee_notional: "0.02",
      withdrawal_fee_notional: "0",
      destination_address: payment.destinationAddress,
    },
    created_at: isoTime(atNs, 3),
    updated_at: isoTime(atNs, 3),
  };
}
