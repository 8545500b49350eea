import { createRandom, type Random } from "../random.ts";

/**
 * The difficulties of a world. Rates are shares of runs, messages or connections; every knob is off in
 * most worlds, so that each difficulty occurs alone, and combined with each of the others.
 */
export type HardKnobs = Readonly<{
  runs: number;
  /** Customers with an available and a collateral account each: two or four accounts. */
  pockets: 1 | 2;
  /** Runs that change two customers' accounts at once. */
  transferRate: number;
  /** Runs that hold, settle or release a withdrawal. */
  withdrawalRate: number;
  /** All amounts are equal. */
  equalAmounts: boolean;
  /** Runs whose movements add up to zero, and runs without movements. */
  netZeroRate: number;
  emptyRate: number;
  /** Runs that empty an account. */
  drainRate: number;

  /** Mean time between runs outside of bursts. */
  meanGapMs: number;
  /** Runs within 5 ms after the previous one, and at the same instant. */
  burstRate: number;
  instantRate: number;

  /** Printed times are wrong by up to this much in either direction: two runs may be swapped at twice that distance. */
  jitterMs: number;
  /** Run ids that are swapped with the next run's, within 18 ms or at any distance. */
  nearIdSwapRate: number;
  farIdSwapRate: number;
  /** Times that are off by up to 20 s. */
  wildTimeRate: number;
  /** Movements dated 0; runs and movements dated 0; dated tomorrow; dated a week ago. */
  zeroMovementRate: number;
  noTimeRate: number;
  futureRate: number;
  weekOldRate: number;
  /** Webhooks that print seconds. */
  secondsRate: number;
  /** The longest time between a run's own time and its movements. */
  runLeadMs: number;

  webhookLossRate: number;
  /** Stretches of runs whose webhooks are all lost, and whether the last runs' are. */
  lossBursts: number;
  losesEnd: boolean;
  /** Webhooks that arrive hours late; webhooks that arrive twice. */
  lateRate: number;
  repeatRate: number;

  feeds: 0 | 1 | 2;
  /** Whether a feed is connected before the first run. */
  feedsFromStart: boolean;
  /** Chance, at each run, that a connection drops. */
  dropRate: number;
  /** Share of connections that do not continue a session: the service was restarted. */
  restartRate: number;
  offlineMs: number;
  /** The maximum time between subscription and snapshot, and between snapshot and frame. */
  snapshotRaceMs: number;
  /** Snapshots in two frames. */
  splitRate: number;
  /** How far the receiver's clock is ahead; negative if behind. */
  receiverSkewMs: number;
}>;

export function drawKnobs(seed: number | string): HardKnobs {
  const random = createRandom(seed, "knobs");
  const rate = (share: number, most: number) => rarely(random, share, most);
  const clocks = drawClocks(random);
  return {
    runs: random.between(5, random.chance(0.2) ? 60 : 20),
    pockets: random.chance(0.5) ? 1 : 2,
    transferRate: rate(0.5, 0.4),
    withdrawalRate: rate(0.6, 0.8),
    equalAmounts: random.chance(0.5),
    netZeroRate: rate(0.3, 0.3),
    emptyRate: rate(0.15, 0.2),
    drainRate: rate(0.3, 0.2),
    meanGapMs: random.pick([60, 400, 3_000]),
    burstRate: rate(0.6, 0.9),
    instantRate: rate(0.35, 0.4),
    ...clocks,
    secondsRate: rate(0.08, 0.3),
    runLeadMs: random.pick([5, 110]),
    webhookLossRate: random.chance(0.5) ? 0 : random.pick([0.1, 0.3, 0.7]),
    lossBursts: random.chance(0.25) ? random.between(1, 2) : 0,
    losesEnd: random.chance(0.1),
    lateRate: rate(0.25, 0.2),
    repeatRate: rate(0.4, 0.3),
    feeds: random.pick([0, 1, 1, 1, 2]),
    feedsFromStart: random.chance(0.6),
    dropRate: rate(0.7, 0.3),
    restartRate: random.pick([0, 0.5, 1]),
    offlineMs: random.pick([20, 300, 4_000]),
    snapshotRaceMs: random.pick([0, 30, 400]),
    splitRate: rate(0.3, 1),
    receiverSkewMs: random.chance(0.7) ? 0 : random.between(-4_900, 4_900),
  };
}

/** In most worlds at most one clock is wrong, by a little; in a few both are, by any amount. */
function drawClocks(random: Random) {
  const wrong = random.pick(["none", "none", "times", "ids", "both"]);
  const isRough = random.chance(0.2);
  const rough = (share: number, most: number) => (isRough ? rarely(random, share, most) : 0);
  const errsInTime = wrong === "times" || (wrong === "both" && random.chance(0.4));
  const errsInIds = wrong === "ids" || (wrong === "both" && random.chance(0.4));
  return {
    jitterMs: errsInTime ? random.pick([2, 9]) : 0,
    nearIdSwapRate: errsInIds ? 0.3 : 0,
    farIdSwapRate: errsInIds && random.chance(0.3) ? 0.15 : 0,
    wildTimeRate: rough(0.4, 0.15),
    zeroMovementRate: rough(0.3, 0.15),
    noTimeRate: rough(0.4, 0.15),
    futureRate: rough(0.3, 0.1),
    weekOldRate: rough(0.4, 0.1),
  };
}

function rarely(random: Random, share: number, most: number): number {
  return random.chance(share) ? (most * random.between(20, 100)) / 100 : 0;
}
