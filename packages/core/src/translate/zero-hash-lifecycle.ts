import type { ProviderFact } from "@counterfoil/contracts/fact";
import {
  zeroHashDeposit,
  zeroHashFund,
  zeroHashNotification,
  zeroHashPayment,
  zeroHashTrade,
} from "@counterfoil/contracts/wire/zero-hash";
import { compact, readAmount, readKey, readShape, readTime } from "./reader.ts";

/** What every status fact carries beside its own fields. */
export type Stamp = Readonly<{
  /** SHA-256 of the provider's object, RFC 8785, numbers as printed. */
  content: string;
  received_at: string;
  translation: number;
}>;

export function readDeposit(value: unknown, stamp: Stamp): ProviderFact {
  const deposit = readShape(zeroHashDeposit, value, "deposit");
  return {
    type: "DepositStatusReported",
    data: compact({
      provider: "zerohash" as const,
      deposit_id: deposit.deposit_id,
      status: readKey("state", deposit.state, deposit.status),
      occurred_at: readTime(deposit.timestamp, "timestamp"),
      account_id: deposit.account_id,
      participant_code: deposit.participant_code,
      account_label: deposit.account_label ?? labelOf(deposit),
      asset: deposit.asset,
      network: deposit.network,
      amount: readAmount(deposit.amount, "amount"),
      transaction_hash: deposit.transaction_hash,
      source_address: deposit.source_address,
      received_address: deposit.received_address,
      reason: deposit.state_reason,
      ...stamp,
    }),
  };
}

/** `PART123.general`: this event's account_id is participant and label (DOMAIN 5.1). */
function labelOf(deposit: {
  account_id?: string | undefined;
  participant_code?: string | undefined;
}) {
  const { account_id = "", participant_code } = deposit;
  const prefix = `${participant_code}.`;
  if (participant_code === undefined || !account_id.startsWith(prefix)) return undefined;
  return account_id.slice(prefix.length) || undefined;
}

export function readPayment(value: unknown, stamp: Stamp): ProviderFact {
  const payment = readShape(zeroHashPayment, value, "payment");
  const details = payment.payment_details;
  const owner = payment.obo_participant;
  return {
    type: "PaymentStatusReported",
    data: compact({
      provider: "zerohash" as const,
      payment: payment.payment_id ?? payment.transaction_id ?? `digest:${stamp.content}`,
      payment_id: payment.payment_id,
      transaction_id: payment.transaction_id,
      status: readKey("status", payment.payment_status, payment.status),
      occurred_at: readTime(
        payment.timestamp ?? payment.updated_at ?? payment.created_at,
        "the payment's time",
      ),
      payment_type: payment.payment_type ?? payment.type,
      withdrawal_request_id: details?.withdrawal_request_id,
      trade_id: details?.trade_id,
      participant_code: payment.participant_code ?? owner?.participant_code,
      account_group: payment.account_group,
      account_label: payment.account_label ?? owner?.account_label,
      asset: payment.asset,
      network: payment.network,
      amount: readAmount(payment.quantity ?? payment.amount ?? payment.total, "the amount"),
      fee: readAmount(details?.network_fee_quantity ?? details?.network_fee_amount, "network_fee"),
      fee_asset: details?.network_fee_asset,
      transaction_hash: details?.on_chain_transaction_id,
      destination_address: details?.destination_address,
      reference: payment.reference_id,
      reason: payment.reason_description ?? payment.reject_reasons,
      reason_code: payment.reason_code,
      ...stamp,
    }),
  };
}

export function readFund(value: unknown, stamp: Stamp): ProviderFact {
  const fund = readShape(zeroHashFund, value, "fund");
  return {
    type: "FundReported",
    data: compact({
      provider: "zerohash" as const,
      fund: fund.fund_id ?? `digest:${stamp.content}`,
      fund_id: fund.fund_id,
      success: fund.success,
      occurred_at: readTime(fund.fund_timestamp ?? fund.deposit_timestamp, "fund_timestamp"),
      participant_code: fund.participant_code,
      account_label: fund.account_label,
      asset: fund.fund_asset ?? fund.asset,
      network: fund.network,
      quantity: readAmount(fund.quantity, "quantity"),
      rate: readAmount(fund.rate, "rate"),
      notional: readAmount(fund.notional, "notional"),
      quoted_currency: fund.quoted_currency,
      transaction_hash: fund.transaction_id,
      deposit_address: fund.deposit_address,
      source_address: fund.source_address,
      reason: fund.status_reason ?? fund.reason,
      reason_code: fund.status_reason_code ?? fund.reason_code,
      ...stamp,
    }),
  };
}

const TRADE_KEYS = new Set(["trade_id", "trade_state", "state", "timestamp"]);

export function readTrade(value: unknown, stamp: Stamp): ProviderFact {
  const trade = readShape(zeroHashTrade, value, "trade");
  const others = Object.entries(value as object).filter(([key]) => !TRADE_KEYS.has(key));
  return {
    type: "TradeStatusReported",
    data: compact({
      provider: "zerohash" as const,
      trade_id: trade.trade_id,
      status: readKey("trade_state", trade.trade_state, trade.state, trade.status),
      occurred_at: readTime(trade.timestamp, "timestamp"),
      fields: Object.fromEntries(others),
      ...stamp,
    }),
  };
}

export function readNotification(value: unknown, stamp: Stamp, payloadType: string): ProviderFact {
  const notification = readShape(zeroHashNotification, value, "notification");
  return {
    type: "NotificationRecorded",
    data: compact({
      provider: "zerohash" as const,
      payload_type: payloadType,
      status:
        notification.external_account_status ??
        notification.participant_status ??
        notification.status,
      about: notification.external_account_id ?? notification.participant_code,
      occurred_at: readTime(notification.timestamp, "timestamp"),
      ...stamp,
    }),
  };
}
