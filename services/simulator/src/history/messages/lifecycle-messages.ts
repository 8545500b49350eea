import { type Amount, formatAmount } from "../../decimal.ts";
import { epochMs, epochSeconds, isoTime } from "../../time.ts";
import type { HistoryMessage } from "../history.ts";
import type { Settlement } from "../runs.ts";
import type { Pocket, Wallet } from "../wallets.ts";

/** A message that only a webhook carries; its text, too, is made when it is asked for. */
export function webhookMessage(payloadType: string, bodyOf: () => object): HistoryMessage {
  return {
    provider: "zerohash",
    get webhook() {
      return { payloadType, body: JSON.stringify(bodyOf()) };
    },
  };
}

export type DepositFacts = Readonly<{
  depositId: string;
  pocket: Pocket;
  amount: Amount;
  /** As this message writes it: with or without 0x, in upper or lower case. */
  transactionHash: string;
  sourceAddress: string;
  receivedAddress: string;
}>;

/** `deposit.status_changed`; its time has whole seconds, its account is no UUID. */
export function depositStatusMessage(
  deposit: DepositFacts,
  state: string,
  atNs: bigint,
): HistoryMessage {
  const { participantCode, accountLabel } = deposit.pocket.wallet;
  return webhookMessage("deposit.status_changed", () => ({
    deposit_id: deposit.depositId,
    account_id: `${participantCode}.${accountLabel}`,
    participant_code: participantCode,
    asset: deposit.pocket.asset.code,
    amount: formatAmount(deposit.amount),
    transaction_hash: deposit.transactionHash,
    source_address: deposit.sourceAddress,
    received_address: deposit.receivedAddress,
    state,
    timestamp: epochSeconds(atNs),
  }));
}

export type FundFacts = Readonly<{
  fundId: string;
  pocket: Pocket;
  quantity: Amount;
  /** In US dollars; null where the crypto was credited but not converted. */
  notional: Amount | null;
  transactionHash: string;
  depositAddress: string;
}>;

/** `deposit_fund_complete`; its time counts nanoseconds, more than a double can hold. */
export function fundMessage(fund: FundFacts, atNs: bigint): HistoryMessage {
  return webhookMessage("deposit_fund_complete", () => fundBody(fund, atNs));
}

function fundBody(fund: FundFacts, atNs: bigint): object {
  const { participantCode, accountLabel } = fund.pocket.wallet;
  const shared = {
    participant_code: participantCode,
    fund_asset: fund.pocket.asset.code,
    deposit_address: fund.depositAddress,
    quantity: formatAmount(fund.quantity),
    fund_id: fund.fundId,
    transaction_id: fund.transactionHash,
    account_label: accountLabel,
  };
  return fund.notional === null
    ? {
        ...shared,
        success: false,
        reason: "deposit below minimum threshold.",
        status_reason_code: "AMOUNT_BELOW_MINIMUM",
      }
    : {
        ...shared,
        rate: formatAmount(fund.pocket.asset.price),
        quoted_currency: "USD",
        notional: formatAmount(fund.notional, 2),
        fund_timestamp: exactInteger(atNs),
        success: true,
        status_reason: "deposit processed",
        status_reason_code: "DEPOSIT_PROCESSED",
      };
}

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
  return webhookMessage("payment_status_changed", () => paymentBody(payment, progress, atNs));
}

function paymentBody(payment: PaymentFacts, progress: PaymentProgress, atNs: bigint): object {
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

export type TradeFacts = Settlement & Readonly<{ clientTradeId: string; tradedAtNs: bigint }>;

export type TradeProgress = Readonly<{ state: string; atNs: bigint }>;

/** `trade.status_changed`, keys sorted; one page of the provider's writes an underscore. */
export function tradeMessage(
  trade: TradeFacts,
  payloadType: "trade.status_changed" | "trade_status_changed",
  progress: TradeProgress,
): HistoryMessage {
  return webhookMessage(payloadType, () => tradeBody(trade, progress));
}

function tradeBody(trade: TradeFacts, { state, atNs }: TradeProgress): object {
  const notional = formatAmount(trade.notional, 2);
  const quantity = formatAmount(trade.quantity);
  return {
    account_label: trade.buyer.accountLabel,
    client_trade_id: trade.clientTradeId,
    comment: "",
    contract_size: "1",
    market_identifier_code: "",
    origin: "liquidity",
    parties: [
      party(trade.buyer, "buy", ["USD", trade.notional]),
      party(trade.seller, "sell", [trade.base.code, trade.quantity]),
    ],
    parties_anonymous: false,
    physical_delivery: true,
    platform_code: trade.platformCode,
    product_type: "spot",
    quoted_currency: "USD",
    reporting_party: "",
    symbol: `${trade.base.code}/USD`,
    timestamp: epochMs(atNs),
    total_notional: notional,
    trade_id: trade.tradeId,
    trade_price: formatAmount(trade.base.price),
    trade_quantity: quantity,
    trade_reporter: "ops@platform.example",
    trade_reporter_code: trade.platformCode,
    trade_state: state,
    trade_type: "regular",
    transaction_timestamp: epochMs(trade.tradedAtNs),
    underlying: trade.base.code,
  };
}

function party(wallet: Wallet, side: "buy" | "sell", [asset, amount]: [string, Amount]) {
  return {
    account_label: wallet.accountLabel,
    amount: formatAmount(amount),
    asset,
    participant_code: wallet.participantCode,
    settling: true,
    side,
  };
}

/** An integer that JSON.stringify writes with all its digits. Not yet among TypeScript's types. */
function exactInteger(value: bigint): unknown {
  const { rawJSON } = JSON as typeof JSON & { rawJSON: (text: string) => unknown };
  return rawJSON(value.toString());
}
