import type { ProviderFact } from "@counterfoil/contracts/fact";
import {
  zeroHashDeposit,
  zeroHashFund,
  zeroHashNotification,
  zeroHashPayment,
  zeroHashPayout,
  zeroHashTrade,
} from "@counterfoil/contracts/wire";
import {
  compact,
  readAmount,
  readKey,
  readShape,
  readTime,
  type Stamp,
  stampFields,
} from "./translation.ts";

/**
 * Without a time the notification identifies a status: pending, posted, pending are three of them.
 */
const timeOrNotification = (occurred_at: string | undefined, { notification_id }: Stamp) =>
  occurred_at === undefined ? { notification_id } : { occurred_at };

export function readDeposit(value: unknown, stamp: Stamp): ProviderFact {
  const deposit = readShape(zeroHashDeposit, value, "deposit");
  return {
    type: "DepositStatusReported",
    data: compact({
      provider: "zerohash" as const,
      deposit_id: deposit.deposit_id,
      status: readKey("state", deposit.state, deposit.status),
      ...timeOrNotification(readTime(deposit.timestamp, "timestamp"), stamp),
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
      ...stampFields(stamp),
    }),
  };
}

/** The label in an `account_id` of participant and label: `PART123.general`. */
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
  const occurred_at = readTime(
    payment.timestamp ?? payment.updated_at ?? payment.created_at,
    "the payment's time",
  );
  return {
    type: "PaymentStatusReported",
    data: compact({
      provider: "zerohash" as const,
      payment: payment.payment_id ?? payment.transaction_id ?? `digest:${stamp.content}`,
      payment_id: payment.payment_id,
      transaction_id: payment.transaction_id,
      status: readKey("status", payment.payment_status, payment.status),
      ...timeOrNotification(occurred_at, stamp),
      payment_type: payment.payment_type ?? payment.type,
      withdrawal_request_id: details?.withdrawal_request_id,
      trade_id: details?.trade_id,
      ...partiesOf(payment),
      asset: payment.asset,
      network: payment.network,
      amount: readAmount(payment.quantity ?? payment.amount, "the amount"),
      total: readAmount(payment.total, "total"),
      quoted_currency: payment.quoted_currency,
      fee: readAmount(details?.network_fee_quantity ?? details?.network_fee_amount, "network_fee"),
      fee_asset: details?.network_fee_asset,
      transaction_hash: details?.on_chain_transaction_id,
      destination_address: details?.destination_address,
      reference: payment.reference_id,
      reason: payment.reason_description ?? payment.reject_reasons,
      reason_code: payment.reason_code,
      ...stampFields(stamp),
    }),
  };
}

type Payment = ReturnType<typeof zeroHashPayment.parse>;

/** The owner of the money and, if it is paid to another participant, the beneficiary. */
function partiesOf(payment: Payment) {
  const { participant_code, account_group, account_label, obo_participant: owner } = payment;
  if (!owner?.participant_code) return { participant_code, account_group, account_label };
  const isPayout = participant_code !== undefined && participant_code !== owner.participant_code;
  return {
    participant_code: owner.participant_code,
    account_group: owner.account_group ?? (isPayout ? undefined : account_group),
    account_label: owner.account_label ?? (isPayout ? undefined : account_label),
    beneficiary_code: isPayout ? participant_code : undefined,
    beneficiary_group: isPayout ? account_group : undefined,
    beneficiary_label: isPayout ? account_label : undefined,
  };
}

/** Reads a payout as its payment's status; before it has a payment it is a notification. */
export function readPayout(value: unknown, stamp: Stamp, payloadType: string): ProviderFact {
  const payout = readShape(zeroHashPayout, value, "payout");
  const { payor, beneficiary, payment } = payout.resources ?? {};
  if (payment?.payment_id === undefined) return readNotification(value, stamp, payloadType);
  const details = payment.payment_details;
  const owner = payor?.payor?.participant_code ?? payor?.participant_code;
  const beneficiary_code = beneficiary?.participant_code;
  const occurred_at = readTime(
    payout.timestamp ?? payout.updated_at ?? payout.created_at,
    "the payout's time",
  );
  return {
    type: "PaymentStatusReported",
    data: compact({
      provider: "zerohash" as const,
      payment: payment.payment_id,
      payment_id: payment.payment_id,
      status: readKey("the payment's status", paymentStatus(payout.sub_status), payment.status),
      ...timeOrNotification(occurred_at, stamp),
      payment_type: "payout",
      withdrawal_request_id: details?.withdrawal_request_id,
      trade_id: details?.trade_id,
      participant_code: owner,
      beneficiary_code: beneficiary_code === owner ? undefined : beneficiary_code,
      asset: payment.asset,
      network: payment.network,
      amount: readAmount(payment.destination_amount, "destination_amount"),
      total: readAmount(payment.total, "total"),
      quoted_currency: payment.quoted_asset,
      fee: readAmount(details?.network_fee_quantity, "network_fee"),
      fee_asset: details?.network_fee_asset,
      transaction_hash: details?.on_chain_transaction_id ?? payment.on_chain_transaction_id,
      destination_address: beneficiary?.external_account?.crypto_address,
      reference: payout.idempotency_key,
      reason: payout.failure_reason,
      ...stampFields(stamp),
    }),
  };
}

/** `payment.settled` has the payment's status `settled`; `beneficiary.approved` has none. */
const paymentStatus = (subStatus = ""): string | undefined =>
  /^payment\.(.+)$/.exec(subStatus)?.[1];

export function readFund(value: unknown, stamp: Stamp): ProviderFact {
  const fund = readShape(zeroHashFund, value, "fund");
  return {
    type: "FundReported",
    data: compact({
      provider: "zerohash" as const,
      fund: fund.fund_id ?? `digest:${stamp.content}`,
      fund_id: fund.fund_id,
      success: fund.success,
      ...timeOrNotification(
        readTime(fund.fund_timestamp ?? fund.deposit_timestamp, "fund_timestamp"),
        stamp,
      ),
      deposited_at: readTime(fund.deposit_timestamp, "deposit_timestamp"),
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
      ...stampFields(stamp),
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
      ...timeOrNotification(readTime(trade.timestamp, "timestamp"), stamp),
      fields: Object.fromEntries(others),
      ...stampFields(stamp),
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
        notification.sub_status ??
        notification.status,
      about:
        notification.external_account_id ?? notification.payout_id ?? notification.participant_code,
      occurred_at: readTime(notification.timestamp, "timestamp"),
      ...stampFields(stamp),
    }),
  };
}
