import { nsOfMs } from "../time.ts";
import { depositFlow } from "./flows/deposit-flow.ts";
import { layer1DepositFlow } from "./flows/layer1-deposit-flow.ts";
import { layer1WithdrawalFlow } from "./flows/layer1-withdrawal-flow.ts";
import { netSettlementFlow, tradeFlow } from "./flows/trade-flow.ts";
import { transferFlow } from "./flows/transfer-flow.ts";
import { withdrawalFlow } from "./flows/withdrawal-flow.ts";
import type { HistoryOptions } from "./history-options.ts";
import type { Flow, World } from "./world.ts";

export type FlowStart = Readonly<{
  atNs: bigint;
  begin: (world: World, startNs: bigint) => Flow;
  /** Within 20 ms of the one before, and on its account where that fits. */
  isBurst: boolean;
}>;

const BURST_GAP_MS = 20;
const SHARE_SAME_INSTANT = 0.3;

/** When which kind of flow begins: each as often as was asked for, in a random order. */
export function* flowStarts({ options, random }: World): Generator<FlowStart> {
  const kinds = kindsOf(options);
  let remaining = kinds.reduce((sum, kind) => sum + kind.remaining, 0);
  let atNs = options.startAtNs;
  let isFirst = true;
  for (; remaining > 0; remaining -= 1) {
    const isBurst = !isFirst && random.chance(options.burstRate);
    const gapMs = isBurst ? burstGapMs() : 0.001 + random.exponential(options.meanGapMs);
    // Below the microsecond only Layer1 shows a time; let it be seen there.
    atNs += nsOfMs(gapMs) + (isBurst ? 0n : BigInt(random.below(1_000)));
    isFirst = false;
    yield { atNs, begin: draw(), isBurst };
  }

  function burstGapMs(): number {
    return random.chance(SHARE_SAME_INSTANT) ? 0 : random.below(BURST_GAP_MS * 1_000) / 1_000;
  }

  function draw(): FlowStart["begin"] {
    let nth = random.below(remaining);
    for (const kind of kinds) {
      if (nth < kind.remaining) {
        kind.remaining -= 1;
        return kind.begin;
      }
      nth -= kind.remaining;
    }
    throw new Error("the counts of the kinds do not add up");
  }
}

type Kind = { readonly begin: FlowStart["begin"]; remaining: number };

function kindsOf(options: HistoryOptions): readonly Kind[] {
  return [
    { begin: depositFlow, remaining: options.deposits },
    { begin: withdrawalFlow, remaining: options.withdrawals },
    { begin: transferFlow, remaining: options.transfers },
    { begin: tradeFlow, remaining: options.trades },
    { begin: netSettlementFlow, remaining: options.netSettlementRuns },
    { begin: layer1DepositFlow, remaining: options.layer1Deposits },
    { begin: layer1WithdrawalFlow, remaining: options.layer1Withdrawals },
  ];
}
