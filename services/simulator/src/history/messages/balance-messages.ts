import { type Amount, formatAmount } from "../../decimal.ts";
import { epochMs, epochSeconds, isoTime } from "../../time.ts";
import type {
  BalanceReport,
  History,
  HistoryMessage,
  Movement,
  ZeroHashAccount,
} from "../history.ts";
import { CRYPTO_ASSETS, USD } from "../wallets.ts";

const DECIMALS: ReadonlyMap<string, number> = new Map(
  [USD, ...CRYPTO_ASSETS].map(({ code, decimals }) => [code, decimals]),
);

/** One report, as the feed and as the webhook print it. */
export function balanceMessage(report: BalanceReport): HistoryMessage {
  const message = { __proto__: BALANCE_TEXTS, provider: "zerohash" as const, report };
  return message;
}

/**
 * Texts are made when they are read, and by getters that all messages share: a long history with
 * its texts, or with two closures for each message, would not fit into memory.
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

/** A bare object with sorted keys, milliseconds, and account ids in the movements alone. */
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

/** Only deposits are padded here: "10.00" beside "5" on one and the same page. */
function webhookChange(change: Amount, movementType: string): string {
  return formatAmount(change, movementType === "deposit" ? 2 : 0);
}

/** JSON leaves out what is undefined, and so does the provider. */
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
 * The `initial-balance` frame as of after a step; -1 is before all steps. It lists the Zero Hash
 * accounts that hold something, and no run, as the provider's page prints it.
 */
export function snapshotText(history: History, afterStep: number): string {
  const accounts = history.truth
    .balancesAfterStep(afterStep)
    .filter(({ balance }) => balance !== "0");
  // The page's snapshots print ".25" where its updates print "0.45".
  const printed = (balance: string) => balance.replace(/^0\./, ".");
  return initialBalanceText(accounts.map((each) => ({ ...each, balance: printed(each.balance) })));
}

/** The frame that lists these accounts; a frame that lists nobody has an empty list, or null. */
export function initialBalanceText(
  accounts: readonly (ZeroHashAccount & Readonly<{ balance: string }>)[] | null,
): string {
  const body =
    accounts?.map((account) => ({ ...accountFields(account), balance: account.balance })) ?? null;
  return JSON.stringify({ messageType: "initial-balance", body });
}

/** The fields by which each frame of the feed names its account, in the order of the pages. */
const accountFields = (account: ZeroHashAccount) => ({
  account_id: account.accountId,
  participant_code: account.participantCode,
  account_group: account.accountGroup,
  account_label: account.accountLabel,
  account_type: account.accountType,
  asset: account.asset,
});
