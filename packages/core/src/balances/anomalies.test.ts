import { describe, expect, test } from "@jest/globals";
import { equals } from "../exact/money.ts";
import { formatTime, SECOND, timeOf } from "../exact/time.ts";
import { initialFactState } from "../ingest/fact-state.ts";
import { anomaliesOf } from "./anomalies.ts";
import { newEntry, withMovement, withReport } from "./entry.ts";

const ARRIVED_AT = timeOf("2026-11-28T12:00:00Z");
const A_YEAR_AHEAD = "2027-11-28T12:00:00Z";
const PRINTED = "2026-11-28T11:59:59Z";

const factOf = (printed: string, fields: Readonly<Record<string, string>>) =>
  initialFactState(
    { ...fields, occurred_at: printed, received_at: formatTime(ARRIVED_AT) },
    1,
    "d1",
  );

/** A run with one movement, each as printed. */
function runDated(report: string, movement: string) {
  const stated = withReport(newEntry("run", "7"), factOf(report, { balance: "5" }));
  const run = withMovement(stated, null, factOf(movement, { change: "5" }));
  if (run === null) throw new Error("a first movement needs no look-up");
  return run;
}

describe("a printed time that cannot be", () => {
  test.each([
    ["of a movement, while its run's can", PRINTED, A_YEAR_AHEAD],
    ["of a run, while its movement's can", A_YEAR_AHEAD, PRINTED],
    ["of both", A_YEAR_AHEAD, A_YEAR_AHEAD],
  ])("%s is shown as the provider stated it", (_, report, movement) => {
    const run = runDated(report, movement);
    expect(run.effectiveAt).toBeLessThanOrEqual(ARRIVED_AT + SECOND);
    const [clock] = anomaliesOf(run, "zerohash:P:G:general:available:BTC", equals);
    expect(clock).toMatchObject({
      kind: "clock",
      detail: {
        run_id: "7",
        stated_at: formatTime(timeOf(A_YEAR_AHEAD)),
        effective_at: formatTime(run.effectiveAt),
      },
    });
  });
});
