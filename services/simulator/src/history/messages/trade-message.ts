import { type Amount, formatAmount } from "../../decimal.ts";
import { epochMs } from "../../time.ts";
import type { Wallet } from "../accounts.ts";
import type { HistoryMessage } from "../history.ts";
import type { Settlement } from "../settlement.ts";
import { webhookMessage } from "./deposit-message.ts";

export type TradeFacts = Settlement & Readonly<{ clientTradeId: string; tradedAtNs: bigint }>;

export type TradeProgress = Readonly<{ state: string; atNs: bigint }>;

/** `trade.status_changed`, keys sorted; one page of the provider's writes an underscore. */
export function tradeMessage(
  trade: TradeFacts,
  payloadType: "trade.status_changed" | "trade_status_changed",
  progress: TradeProgress,
): HistoryMessage {
  return webhookMessage(payloadType, () => bodyOf(trade, progress));
}

function bodyOf(trade: TradeFacts, { state, atNs }: TradeProgress): object {
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
