import { planDeliveries, shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { historyOptions } from "@counterfoil/simulator/history/history";
import type { Outgoing } from "@counterfoil/simulator/play/outgoing";

export type HistoryFlags = Readonly<{
  seed: string;
  scale: number;
  repeatRate: number;
  lossRate: number;
  shuffle?: boolean;
  rate?: number;
  concurrency: number;
}>;

/** A generated history as it arrives over a bad network. */
export function historyDeliveries(
  flags: HistoryFlags & Readonly<{ feeds: number }>,
): readonly Outgoing[] {
  const { seed, scale, repeatRate, lossRate, shuffle = false, feeds } = flags;
  const { deposits, withdrawals, transfers, trades, ...usual } = historyOptions({ seed });
  const history = generateHistory({
    ...usual,
    deposits: deposits * scale,
    withdrawals: withdrawals * scale,
    transfers: transfers * scale,
    trades: trades * scale,
    layer1Deposits: usual.layer1Deposits * scale,
    layer1Withdrawals: usual.layer1Withdrawals * scale,
  });
  const network = { seed, feeds, webhookRepeatRate: repeatRate, webhookLossRate: lossRate };
  const planned = planDeliveries(history, network);
  return shuffle ? shuffleDeliveries(planned, seed) : planned;
}
