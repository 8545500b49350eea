import type { Amount } from "../../decimal.ts";
import { NS_PER_MS } from "../../time.ts";
import type { Pocket } from "../accounts.ts";
import type { HistoryMessage } from "../history.ts";
import { paymentMessage } from "../messages/payment-message.ts";
import type { FlowStep } from "../world.ts";

type PaidWithdrawal = Readonly<{
  pocket: Pocket;
  amount: Amount;
  paymentId: string | null;
  requestId: string | null;
  hash: string;
  destinationAddress: string;
}>;

type PaymentStage = Readonly<{ status: string; nowNs: bigint; thenMs: number }>;

export function paymentStep(
  withdrawal: PaidWithdrawal,
  { status, nowNs, thenMs }: PaymentStage,
): FlowStep {
  return { messages: [paymentMessageOf(withdrawal, status, nowNs)], thenMs };
}

/** What came before the request: sent together with it, with earlier times. */
export function firstPaymentMessages(withdrawal: PaidWithdrawal, atNs: bigint): HistoryMessage[] {
  return [
    paymentMessageOf(withdrawal, "initialized", atNs - 900n * NS_PER_MS),
    paymentMessageOf(withdrawal, "submitted", atNs - 250n * NS_PER_MS),
  ];
}

function paymentMessageOf(
  withdrawal: PaidWithdrawal,
  status: string,
  atNs: bigint,
): HistoryMessage {
  const { pocket, amount, destinationAddress, paymentId, requestId, hash } = withdrawal;
  const isRequested = status !== "initialized" && status !== "submitted";
  return paymentMessage(
    { paymentId: paymentId ?? "", pocket, quantity: amount, destinationAddress },
    {
      status,
      withdrawalRequestId: isRequested ? (requestId ?? "") : "",
      transactionHash: status === "settled" ? hash : "",
    },
    atNs,
  );
}
