/** What a provider's history is made of. Counts are of flows; most flows take several steps. */
export type HistoryOptions = Readonly<{
  seed: number | string;
  startAtNs: bigint;
  /** Customers of the platform; each has a few accounts. */
  participants: number;
  deposits: number;
  withdrawals: number;
  transfers: number;
  trades: number;
  /** Runs that settle many trades at once, on many accounts. */
  netSettlementRuns: number;
  layer1Addresses: number;
  layer1Deposits: number;
  layer1Withdrawals: number;
  /** Mean time between the beginnings of two flows. */
  meanGapMs: number;
  /** Share of flows that begin within 20 ms of the one before, mostly on the same account. */
  burstRate: number;
  /** Mean time between two stages of one flow, such as the pending and the confirming run. */
  stagePauseMs: number;
  /**
   * How far the movement times of one account may run against the true order. The consumer's
   * promise holds for errors up to 20 ms.
   */
  clockErrorMs: number;
}>;

const DEFAULTS: HistoryOptions = {
  seed: 1,
  startAtNs: 1_746_112_000_000_000_000n,
  participants: 20,
  deposits: 40,
  withdrawals: 40,
  transfers: 20,
  trades: 20,
  netSettlementRuns: 2,
  layer1Addresses: 4,
  layer1Deposits: 8,
  layer1Withdrawals: 8,
  meanGapMs: 400,
  burstRate: 0.2,
  stagePauseMs: 0,
  clockErrorMs: 15,
};

/** The shortest mean pause: a confirmation must not fall into the group of its pending run. */
const STAGE_PAUSE_MS_MIN = 1_000;
/** Keeps the number of flows under way small, however densely they begin. */
const STAGE_PAUSE_GAPS = 40;

/** Fills in what is not given; the pause between stages follows the gap between flows. */
export function historyOptions(given: Partial<HistoryOptions>): HistoryOptions {
  const options = { ...DEFAULTS, ...given };
  const stagePauseMs =
    given.stagePauseMs ?? Math.max(STAGE_PAUSE_MS_MIN, options.meanGapMs * STAGE_PAUSE_GAPS);
  return { ...options, stagePauseMs };
}
