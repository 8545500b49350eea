import { planDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import {
  type PlannedDelivery,
  type PlannedWebhook,
  plannedWebhook,
} from "@counterfoil/simulator/delivery/planned-delivery";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import type { History } from "@counterfoil/simulator/history/history";
import { lostMessages } from "@counterfoil/simulator/testing/deliveries";
import fc from "fast-check";

/** A provider's history and how it reaches us, small enough that many fit into a run. */
export const scenarioArbitrary = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  participants: fc.integer({ min: 1, max: 4 }),
  flows: fc.integer({ min: 3, max: 14 }),
  meanGapMs: fc.constantFrom<number>(5, 60, 400, 3_000),
  burstRate: fc.constantFrom<number>(0, 0.3, 0.7),
  receiverSkewMs: fc.oneof(
    fc.integer({ min: -5_000, max: 5_000 }),
    fc.integer({ min: -900, max: 900 }),
    fc.constantFrom(-5_000, -4_500, 4_500, 5_000),
  ),
  feeds: fc.integer({ min: 0, max: 2 }),
  reconnectRate: fc.constantFrom<number>(0, 0.02, 0.15, 0.15),
  snapshotRaceMs: fc.constantFrom<number>(0, 400, 2_000),
  webhookRepeatRate: fc.constantFrom<number>(0, 0.2),
  webhookLossRate: fc.constantFrom<number>(0, 0.15, 0.6),
});

/** Where every delivery is worked on several times. */
export const smallScenarioArbitrary = scenarioArbitrary.map((scenario) => ({
  ...scenario,
  participants: Math.min(2, scenario.participants),
  flows: Math.min(8, scenario.flows),
}));

export type Scenario = typeof scenarioArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** Two customers, one feed that reconnects, and webhooks that come late, twice or not at all. */
export const ORDINARY: Omit<Scenario, "seed"> = {
  participants: 2,
  flows: 5,
  meanGapMs: 400,
  burstRate: 0.3,
  receiverSkewMs: 300,
  feeds: 1,
  reconnectRate: 0.02,
  snapshotRaceMs: 400,
  webhookRepeatRate: 0.1,
  webhookLossRate: 0.1,
};

type Played = Readonly<{ history: History; plan: readonly PlannedDelivery[] }>;

export function planOf(scenario: Scenario): Played {
  const { seed, participants, flows, meanGapMs, burstRate } = scenario;
  const few = Math.max(1, Math.floor(flows / 3));
  const history = generateHistory({
    seed,
    participants,
    deposits: flows,
    withdrawals: flows,
    transfers: few,
    trades: few,
    netSettlementRuns: flows > 10 ? 1 : 0,
    layer1Addresses: 2,
    layer1Deposits: few,
    layer1Withdrawals: few,
    meanGapMs,
    burstRate,
  });
  const { receiverSkewMs, feeds, reconnectRate, snapshotRaceMs, webhookRepeatRate } = scenario;
  const { webhookLossRate } = scenario;
  const plan = planDeliveries(history, {
    seed,
    receiverSkewMs,
    feeds,
    reconnectRate,
    snapshotRaceMs,
    webhookRepeatRate,
    webhookLossRate,
    offlineMs: { min: 50, max: 4_000 },
  });
  return { history, plan };
}

const LATE_NS = 30_000_000_000n;

/** The plan, and what it lost over webhooks that come late. */
export function withoutLosses(
  history: History,
  plan: readonly PlannedDelivery[],
): readonly PlannedDelivery[] {
  const last = plan.at(-1)?.arrivesAtNs ?? 0n;
  const end = history.steps.at(-1)?.atNs ?? history.options.startAtNs;
  return [...plan, ...lateWebhooks(history, plan, (last > end ? last : end) + LATE_NS)];
}

/** The messages that the plan lost, as webhooks that arrive after everything else. */
function lateWebhooks(
  history: History,
  plan: readonly PlannedDelivery[],
  fromNs: bigint,
): readonly PlannedWebhook[] {
  return lostMessages(history, plan).map(({ message }, at) =>
    plannedWebhook({
      arrivesAtNs: fromNs + BigInt(at) * 1_000_000n,
      sentAtNs: fromNs,
      notificationId: null,
      message,
    }),
  );
}
