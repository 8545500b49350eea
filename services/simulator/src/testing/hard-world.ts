import type { Amount } from "../decimal.ts";
import { byArrival, type PlannedWebhook } from "../delivery/planned-delivery.ts";
import type { HistoryMessage, HistoryStep, ZeroHashAccount } from "../history/history.ts";
import { createRandom } from "../random.ts";
import { nsOfMs } from "../time.ts";
import {
  type HardEmission,
  type HardFeedDelivery,
  type Listed,
  planHardFeed,
} from "./hard-feed.ts";
import { drawKnobs, type HardKnobs } from "./hard-knobs.ts";
import { type HardReport, printRuns } from "./hard-print.ts";
import { type HardWithdrawal, writeRuns } from "./hard-runs.ts";
import { planHardWebhooks } from "./hard-webhooks.ts";

/** An account in the provider's ledger: what it held at first, and every report in true order. */
export type HardAccount = Readonly<{
  account: ZeroHashAccount;
  opening: Amount;
  reports: readonly HardReport[];
}>;

export type HardDelivery = PlannedWebhook | HardFeedDelivery;

/** A small history that may be hard in every way, what arrives of it, and the truth about it. */
export type HardWorld = Readonly<{
  seed: number | string;
  knobs: HardKnobs;
  steps: readonly HistoryStep[];
  accounts: readonly HardAccount[];
  withdrawals: readonly HardWithdrawal[];
  /** Sorted by arrival. */
  plan: readonly HardDelivery[];
}>;

/** Equal seeds give equal worlds; `given` overrides what the seed draws. */
export function createHardWorld(seed: number | string, given: Partial<HardKnobs> = {}): HardWorld {
  const knobs = { ...drawKnobs(seed), ...given };
  const { accounts: opened, runs, withdrawals } = writeRuns(knobs, createRandom(seed, "runs"));
  const { steps, reports } = printRuns(runs, opened, {
    knobs,
    random: createRandom(seed, "print"),
  });
  const accounts = opened.map((account) => ({
    account: account.fields,
    opening: account.opening,
    reports: reports.get(account) ?? [],
  }));
  const emissions = emissionsOf(steps, seed);
  const accountsAfter = (step: number) => accountsHolding(accounts, step);
  const random = createRandom(seed, "webhooks");
  const plan: HardDelivery[] = [...planHardWebhooks(emissions, { knobs, random })];
  for (let number = 1; number <= knobs.feeds; number += 1) {
    const feed = `feed-${number}`;
    const ofFeed = createRandom(seed, feed);
    plan.push(...planHardFeed({ feed, emissions, accountsAfter, knobs, random: ofFeed }));
  }
  return { seed, knobs, steps, accounts, withdrawals, plan: plan.sort(byArrival) };
}

function emissionsOf(
  steps: readonly HistoryStep[],
  seed: number | string,
): readonly HardEmission[] {
  const random = createRandom(seed, "emissions");
  let lastNs = 0n;
  return steps.map(({ atNs, messages }) => {
    const drawnNs = atNs + nsOfMs(random.between(5, 120));
    lastNs = drawnNs > lastNs ? drawnNs : lastNs;
    return { atNs, sentNs: lastNs, messages };
  });
}

/** The accounts that hold something after a step. */
function accountsHolding(accounts: readonly HardAccount[], step: number): readonly Listed[] {
  return accounts.flatMap(({ account, opening, reports }) => {
    const last = reports.findLast((report) => report.step <= step);
    const balance = last?.balanceAfter ?? opening;
    return balance === 0n ? [] : [{ account, balance }];
  });
}

/** What an account truly holds in the end. */
export function trueBalance({ opening, reports }: HardAccount): Amount {
  return reports.at(-1)?.balanceAfter ?? opening;
}

/** The messages that some delivery brings. */
export function arrivedIn(plan: readonly HardDelivery[]): ReadonlySet<HistoryMessage> {
  const arrived = new Set<HistoryMessage>();
  for (const delivery of plan) {
    const isMessage = delivery.kind === "webhook" || delivery.kind === "feed-frame";
    if (isMessage && delivery.message !== null) arrived.add(delivery.message);
  }
  return arrived;
}
