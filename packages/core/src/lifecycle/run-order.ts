import { orderReports } from "../balances/group-order.ts";
import { effectiveTimes, linesOf } from "../balances/line-rule.ts";
import { CLOCK_LIMIT, type LinePlace, type Report } from "../balances/report.ts";
import { add, moneyOf, ZERO } from "../exact/money.ts";
import { type Nanos, timeOf } from "../exact/time.ts";
import type { FeedLines } from "../feed-lines.ts";
import { firstArrivalOf, placesOf } from "../ingest/fact-state.ts";
import { compareTimes, type Known } from "./leg.ts";

/** A run on one account, as far as legs tell of it. */
export type RunOnAccount = Readonly<{
  runId: string;
  movements: readonly Known<"MovementRecorded">[];
  report: Known<"BalanceReported"> | null;
}>;

export type RunPlace = Readonly<{
  rank: number;
  effectiveAt: Nanos;
  /** Whether the line of its account, or the clock rule, moved the run from its printed time. */
  moved: boolean;
}>;

/** The order of runs on one account: the same rules as its balance has (DESIGN 5). */
export function orderRuns(
  runs: readonly RunOnAccount[],
  lines: FeedLines,
): ReadonlyMap<string, RunPlace> {
  const printed = new Map(runs.map((run) => [run.runId, printedTimeOf(run)]));
  const reports = runs.map((run) => reportOf(run, lines));
  const times = effectiveTimes(reports, linesOf(reports));
  const timed = reports.map((report) => ({
    ...report,
    effectiveAt: times.get(report.key) ?? report.ownTime,
  }));
  const places = new Map<string, RunPlace>();
  orderReports(timed).forEach(({ key, effectiveAt }, rank) => {
    places.set(key, { rank, effectiveAt, moved: effectiveAt !== printed.get(key) });
  });
  return places;
}

function reportOf(run: RunOnAccount, lines: FeedLines): Report {
  const { runId, movements, report } = run;
  const changes = movements.map(({ data }) => moneyOf(data.change));
  return {
    key: runId,
    ownTime: ownTimeOf(run),
    places: report ? placesOn(lines, report) : [],
    change: changes.length === 0 ? null : changes.reduce(add, ZERO),
    balance: report?.data.balance === undefined ? null : moneyOf(report.data.balance),
    tolerance: null,
  };
}

function placesOn(lines: FeedLines, { state }: Known<"BalanceReported">): LinePlace[] {
  return placesOf(state).flatMap(({ connection, frame }) => {
    const on = lines.connections.get(connection);
    return on ? [{ line: on.line, lineOpenedAt: on.lineOpenedAt, index: on.index, frame }] : [];
  });
}

/** A time far after its own arrival is the fault of a clock; without any time there is the arrival. */
function ownTimeOf(run: RunOnAccount): Nanos {
  const printed = printedTimeOf(run);
  const told = [...run.movements, ...(run.report ? [run.report] : [])];
  const arrival = told.map(({ state }) => firstArrivalOf(state)).sort(compareTimes)[0] ?? 0n;
  return printed === null || printed - arrival > CLOCK_LIMIT ? arrival : printed;
}

/** The latest movement time, else the run's. */
function printedTimeOf({ movements, report }: RunOnAccount): Nanos | null {
  let latest: Nanos | null = null;
  for (const { data } of movements) {
    if (data.occurred_at === undefined) continue;
    const time = timeOf(data.occurred_at);
    if (latest === null || time > latest) latest = time;
  }
  if (latest !== null) return latest;
  return report?.data.occurred_at === undefined ? null : timeOf(report.data.occurred_at);
}
