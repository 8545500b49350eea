import { type Amount, epochMs, epochSeconds, formatAmount, isoTime } from "../exact.ts";
import type {
  BalanceReport,
  History,
  HistoryMessage,
  Movement,
  ZeroHashAccount,
} from "./history.ts";
import {
  CRYPTO_ASSETS,
  type Pocket,
  type Settlement,
  USD,
  type Wallet,
} from "./zero-hash-ledger.ts";

const DECIMALS: ReadonlyMap<string, number> = new Map(
  [USD, ...CRYPTO_ASSETS].map(({ code, decimals }) => [code, decimals]),
);

/** One report, with its text on the feed and as a webhook. */
export function balanceMessage(report: BalanceReport): HistoryMessage {
  const message = { __proto__: BALANCE_TEXTS, provider: "zerohash" as const, report };
  return message;
}

/**
 * Getters shared by all messages generate the texts: a long history with all
 * texts, or with two closures per message, would not fit into memory.
 */
const BALANCE_TEXTS: Pick<HistoryMessage, "feed" | "webhook"> &
  ThisType<Readonly<{ report: BalanceReport }>> = {
  get feed() {
    return feedText(this.report);
  },
  get webhook() {
    return { payloadType: "account_balance.changed", body: webhookText(this.report) };
  },
};

function feedText({ account, run, movements, balanceAfter }: BalanceReport): string {
  return JSON.stringify({
    messageType: "balance-updated",
    body: {
      ...accountFields(account),
      balance: formatAmount(balanceAfter),
      run_id: Number(run.runId),
      run_type: run.runType,
      movements: movements.map((movement) => feedMovement(movement, account.asset)),
      run_timestamp: isoTime(run.atNs, 6),
    },
  });
}

/** On the feed changes are padded to the scale of their asset. */
function feedMovement(movement: Movement, asset: string) {
  return {
    movement_timestamp: isoTime(movement.atNs, 6),
    movement_id: movement.movementId,
    movement_type: movement.movementType,
    ...referencesOf(movement),
    change: formatAmount(movement.change, DECIMALS.get(asset)),
  };
}

/** A bare object with sorted keys, milliseconds, and account ids only in the movements. */
function webhookText(report: BalanceReport): string {
  const { account, run, movements, balanceAfter } = report;
  const printed = report.isInSeconds ? epochSeconds : epochMs;
  return JSON.stringify({
    account_group: account.accountGroup,
    account_label: account.accountLabel,
    account_type: account.accountType,
    asset: account.asset,
    balance: formatAmount(balanceAfter),
    movements: movements.map((movement) => webhookMovement(movement, account.accountId, printed)),
    participant_code: account.participantCode,
    run_id: run.runId,
    run_type: run.runType,
    timestamp: printed(run.atNs),
  });
}

function webhookMovement(movement: Movement, accountId: string, printed: (atNs: bigint) => number) {
  const { depositReferenceId, tradeId, transferRequestId, transferType, withdrawalRequestId } =
    movement.references;
  return {
    account_id: accountId,
    change: webhookChange(movement.change, movement.movementType),
    deposit_reference_id: depositReferenceId,
    movement_id: movement.movementId,
    movement_timestamp: printed(movement.atNs),
    movement_type: movement.movementType,
    trade_id: tradeId,
    transfer_request_id: transferRequestId,
    transfer_type: transferType,
    withdrawal_request_id: withdrawalRequestId,
  };
}

/** Only deposits are padded here: the same page prints "10.00" and "5". */
function webhookChange(change: Amount, movementType: string): string {
  return formatAmount(change, movementType === "deposit" ? 2 : 0);
}

/** JSON omits undefined values, and so does the provider. */
function referencesOf({ references }: Movement) {
  return {
    deposit_reference_id: references.depositReferenceId,
    withdrawal_request_id: references.withdrawalRequestId,
    trade_id: references.tradeId,
    transfer_request_id: references.transferRequestId,
    transfer_type: references.transferType,
  };
}

/**
 * The `initial-balance` frame after a step; -1 is before all steps. It lists the Zero Hash
 * accounts with a balance, without a run, as on the provider's page.
 */
export function snapshotText(history: History, afterStep: number): string {
  const accounts = history.truth
    .balancesAfterStep(afterStep)
    .filter(({ balance }) => balance !== "0");
  // The page's snapshots print ".25" where its updates print "0.45".
  const printed = (balance: string) => balance.replace(/^0\./, ".");
  return initialBalanceText(accounts.map((each) => ({ ...each, balance: printed(each.balance) })));
}

/** The frame that lists these accounts; without accounts it has an empty list, or null. */
export function initialBalanceText(
  accounts: readonly (ZeroHashAccount & Readonly<{ balance: string }>)[] | null,
): string {
  const body =
    accounts?.map((account) => ({ ...accountFields(account), balance: account.balance })) ?? null;
  return JSON.stringify({ messageType: "initial-balance", body });
}

/** The fields that identify an account in frames of the feed, in the order of the provider's pages. */
const accountFields = (account: ZeroHashAccount) => ({
  account_id: account.accountId,
  participant_code: account.participantCode,
  account_group: account.accountGroup,
  account_label: account.accountLabel,
  account_type: account.accountType,
  asset: account.asset,
});

/** A message that only a webhook carries; its text is also generated by a getter. */
export function webhookMessage(payloadType: string, bodyOf: () => object): HistoryMessage {
  return {
    provider: "zerohash",
    get webhook() {
      return { payloadType, body: JSON.stringify(bodyOf()) };
    },
  };
}

type DepositFacts = Readonly<{
  depositId: string;
  pocket: Pocket;
  amount: Amount;
  /** In this message's spelling: with or without 0x, in upper or lower case. */
  transactionHash: string;
  sourceAddress: string;
  receivedAddress: string;
}>;

/** `deposit.status_changed`; its time has whole seconds, its account is not a UUID. */
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

type FundFacts = Readonly<{
  fundId: string;
  pocket: Pocket;
  quantity: Amount;
  /** In US dollars; null if the crypto was credited but not converted. */
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

type PaymentFacts = Readonly<{
  paymentId: string;
  pocket: Pocket;
  quantity: Amount;
  destinationAddress: string;
}>;

type PaymentProgress = Readonly<{
  status: string;
  /** Empty while unknown. */
  withdrawalRequestId: string;
  transactionHash: string;
}>;

/** `payment_status_changed` in the crypto shape: separate asset and network, two equal times. */
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

type TradeProgress = Readonly<{ state: string; atNs: bigint }>;

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
