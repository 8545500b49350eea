import { type Amount, formatAmount } from "../../decimal.ts";
import { epochSeconds } from "../../time.ts";
import type { Pocket } from "../accounts.ts";
import type { HistoryMessage } from "../history.ts";

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

/** A message that only a webhook carries; its text, too, is made when it is asked for. */
export function webhookMessage(payloadType: string, bodyOf: () => object): HistoryMessage {
  return {
    provider: "zerohash",
    get webhook() {
      return { payloadType, body: JSON.stringify(bodyOf()) };
    },
  };
}

/** An integer that JSON.stringify writes with all its digits. Not yet among TypeScript's types. */
function exactInteger(value: bigint): unknown {
  const { rawJSON } = JSON as typeof JSON & { rawJSON: (text: string) => unknown };
  return rawJSON(value.toString());
}
