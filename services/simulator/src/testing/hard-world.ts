import { byArrival, emissionsOf, type PlannedWebhook } from "../delivery/planned-delivery.ts";
import { type Amount, NS_PER_S, NS_PER_US, nsOfMs } from "../exact.ts";
import type { HistoryMessage, HistoryStep, Run, ZeroHashAccount } from "../history/history.ts";
import { movementOf, type ProviderAccount } from "../history/zero-hash-ledger.ts";
import { balanceMessage } from "../history/zero-hash-messages.ts";
import { createRandom, type Random } from "../random.ts";
import {
  type HardFeedDelivery,
  type Listed,
  planHardFeed,
  planHardWebhooks,
} from "./hard-deliveries.ts";
import { drawKnobs, type HardKnobs } from "./hard-knobs.ts";
import { type HardRun, type HardWithdrawal, writeRuns } from "./hard-runs.ts";

/** One true run on one account; its message has the printed values. */
type HardReport = Readonly<{
  step: number;
  /** The true time. */
  atNs: bigint;
  change: Amount;
  balanceAfter: Amount;
  message: HistoryMessage;
}>;

/** An account in the provider's ledger: its opening balance, and every report in true order. */
export type HardAccount = Readonly<{
  account: ZeroHashAccount;
  opening: Amount;
  reports: readonly HardReport[];
}>;

export type HardDelivery = PlannedWebhook | HardFeedDelivery;

/** A small history with any difficulties, the deliveries that arrive, and the true outcome. */
export type HardWorld = Readonly<{
  seed: number | string;
  knobs: HardKnobs;
  steps: readonly HistoryStep[];
  accounts: readonly HardAccount[];
  withdrawals: readonly HardWithdrawal[];
  /** Sorted by arrival. */
  plan: readonly HardDelivery[];
}>;

/** Equal seeds give equal worlds; `given` overrides knobs drawn from the seed. */
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
  const emissions = emissionsOf(steps, seed, { min: 5, max: 120 });
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

/** The accounts with a balance after a step. */
function accountsHolding(accounts: readonly HardAccount[], step: number): readonly Listed[] {
  return accounts.flatMap(({ account, opening, reports }) => {
    const last = reports.findLast((report) => report.step <= step);
    const balance = last?.balanceAfter ?? opening;
    return balance === 0n ? [] : [{ account, balance }];
  });
}

/** The true final balance of an account. */
export function trueBalance({ opening, reports }: HardAccount): Amount {
  return reports.at(-1)?.balanceAfter ?? opening;
}

type Printed = Readonly<{
  steps: readonly HistoryStep[];
  reports: ReadonlyMap<ProviderAccount, readonly HardReport[]>;
}>;

const FIRST_RUN_ID = 4_149_614;
/** The longest distance of a near swap, below the 20 ms that readers tolerate. */
const NEAR_NS = nsOfMs(18);
const DAY_NS = 86_400n * NS_PER_S;

/** Gives every run its id and its printed times, and every account its messages. */
function printRuns(
  runs: readonly HardRun[],
  accounts: readonly ProviderAccount[],
  { knobs, random }: Readonly<{ knobs: HardKnobs; random: Random }>,
): Printed {
  const ids = drawRunIds(runs, knobs, random);
  const reports = new Map<ProviderAccount, HardReport[]>(accounts.map((account) => [account, []]));
  const balances = new Map(accounts.map((account) => [account, account.opening]));
  const steps = runs.map((run, step): HistoryStep => {
    const times = drawTimes(run.atNs, knobs, random);
    const printed: Run = { runId: String(ids[step]), runType: run.runType, atNs: times.runNs };
    const moved = Map.groupBy(run.entries, ({ account }) => account);
    const messages = [...new Set([...moved.keys(), ...run.unmoved])].map((account) => {
      const entries = moved.get(account) ?? [];
      const change = entries.reduce((sum, entry) => sum + entry.change, 0n);
      const balanceAfter = (balances.get(account) ?? 0n) + change;
      balances.set(account, balanceAfter);
      const movements = entries.map((entry) => movementOf(entry, times.movementNs));
      const { isInSeconds } = times;
      const report = {
        account: account.fields,
        run: printed,
        movements,
        balanceAfter,
        isInSeconds,
      };
      const message = balanceMessage(report);
      reports.get(account)?.push({ step, atNs: run.atNs, change, balanceAfter, message });
      return message;
    });
    return { index: step, atNs: run.atNs, run: printed, messages };
  });
  return { steps, reports };
}

/** Run ids rise with the true order, except swapped ones. */
function drawRunIds(runs: readonly HardRun[], knobs: HardKnobs, random: Random): readonly number[] {
  let last = FIRST_RUN_ID;
  const ids = runs.map(() => {
    last += random.between(1, 3);
    return last;
  });
  for (const [at, { atNs }] of runs.entries()) {
    const next = at + 1;
    const isNear = next < runs.length && (runs[next]?.atNs ?? 0n) - atNs <= NEAR_NS;
    const isSwapped =
      (isNear && random.chance(knobs.nearIdSwapRate)) || random.chance(knobs.farIdSwapRate);
    if (!isSwapped || next >= runs.length) continue;
    const swapped = ids[at] as number;
    ids[at] = ids[next] as number;
    ids[next] = swapped;
  }
  return ids;
}

type Times = Readonly<{ runNs: bigint; movementNs: bigint; isInSeconds: boolean }>;

function drawTimes(trueNs: bigint, knobs: HardKnobs, random: Random): Times {
  const movementNs = drawMovementNs(trueNs, knobs, random);
  // Runs and movements have microseconds on the wire.
  const leadNs = nsOfMs(random.between(0, knobs.runLeadMs * 1_000) / 1_000);
  const isInSeconds = random.chance(knobs.secondsRate);
  const times = { runNs: movementNs - leadNs, movementNs, isInSeconds };
  if (random.chance(knobs.noTimeRate)) return { ...times, runNs: 0n, movementNs: 0n };
  return random.chance(knobs.zeroMovementRate) ? { ...times, movementNs: 0n } : times;
}

function drawMovementNs(trueNs: bigint, knobs: HardKnobs, random: Random): bigint {
  const jitterUs = Math.round(knobs.jitterMs * 1_000);
  const erredNs = trueNs + BigInt(random.between(-jitterUs, jitterUs)) * NS_PER_US;
  if (random.chance(knobs.weekOldRate)) return erredNs - 7n * DAY_NS;
  if (random.chance(knobs.futureRate)) return erredNs + DAY_NS;
  if (!random.chance(knobs.wildTimeRate)) return erredNs;
  const wildNs = nsOfMs(random.between(25, random.chance(0.5) ? 200 : 20_000));
  return random.chance(0.5) ? erredNs + wildNs : erredNs - wildNs;
}
