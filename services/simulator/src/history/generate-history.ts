import { finalBalances, stepsOf } from "./generate-steps.ts";
import type {
  DepositTruth,
  History,
  HistoryStep,
  Layer1TransferTruth,
  TradeTruth,
  WithdrawalTruth,
} from "./history.ts";
import { type HistoryOptions, historyOptions } from "./history-options.ts";
import { createTimeline } from "./timeline.ts";
import { accountsOf } from "./wallets.ts";
import { createWorld } from "./world.ts";

/** A whole history with the truth about it; equal options give equal histories. */
export function generateHistory(given: Partial<HistoryOptions> = {}): History {
  const options = historyOptions(given);
  const outcomes = {
    withdrawals: [] as WithdrawalTruth[],
    deposits: [] as DepositTruth[],
    trades: [] as TradeTruth[],
    layer1Transfers: [] as Layer1TransferTruth[],
  };
  const world = createWorld(options, {
    withdrawal: (truth) => outcomes.withdrawals.push(truth),
    deposit: (truth) => outcomes.deposits.push(truth),
    trade: (truth) => outcomes.trades.push(truth),
    layer1Transfer: (truth) => outcomes.layer1Transfers.push(truth),
  });
  const timeline = createTimeline(accountsOf(world.wallets));
  const startBalances = timeline.balancesAfter(-1);
  const steps: HistoryStep[] = [];
  for (const step of stepsOf(world)) {
    timeline.add(step);
    steps.push(step);
  }
  const balancesAfterStep = timeline.balancesAfter;
  return {
    options,
    startBalances,
    steps,
    truth: { ...outcomes, ...finalBalances(world), balancesAfterStep },
  };
}
