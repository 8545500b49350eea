import {
  DEPOSIT_STAGES,
  type DepositStage,
  TRADE_STAGES,
  type TradeStage,
  WITHDRAWAL_STAGES,
  type WithdrawalStage,
} from "@counterfoil/contracts/record";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DEPOSIT_RULES } from "./deposit-rules.ts";
import type { EntryDraft } from "./draft.ts";
import { foldHistory, orderHistory, type StageRules, secondsInStage } from "./history.ts";
import { TRADE_RULES } from "./trades.ts";
import { WITHDRAWAL_RULES } from "./withdrawal-rules.ts";

function entry<Stage extends string>(
  stage: Stage | null,
  at: string | null,
  leg = `${stage}`,
): EntryDraft<Stage> {
  const time = at === null ? null : `2024-05-01T10:00:${at}Z`;
  return {
    stage,
    provider_status: `word ${leg}`,
    occurred_at: time,
    effective_at: time,
    source: "status",
    leg,
    position: 1,
    deliveryId: null,
  };
}

/** `>` the stage moves, `·` it stays, `!` the step is illegal. */
function tableOf<Stage extends string>(
  stages: readonly Stage[],
  rules: StageRules<Stage>,
): string[] {
  return stages.map((from) => {
    const marks = stages.map((to) => {
      const folded = foldHistory([entry(from, "01"), entry(to, "02", "second")], rules);
      const [anomaly] = folded.anomalies;
      if (anomaly) expect(anomaly.what).toBe(`${from}->${to}`);
      expect(folded.stage).toBe(folded.history[1]?.moves ? to : from);
      return anomaly ? "!" : folded.history[1]?.moves ? ">" : "·";
    });
    return `${marks.join(" ")} ${from}`;
  });
}

describe("every stage meets every stage", () => {
  test("withdrawals", () => {
    expect(tableOf<WithdrawalStage>(WITHDRAWAL_STAGES, WITHDRAWAL_RULES)).toEqual([
      "· > > > > > > > > requested",
      "· · > > > > > > > pending",
      "· · · > > > > > > approved",
      "· · · · > > > > > broadcast",
      "· · · · · > > > > confirmed",
      "· · · · · · ! ! > settled",
      "! ! ! ! ! ! · ! > failed",
      "! ! ! ! ! ! ! · > rejected",
      "! ! ! ! ! ! · · · returned",
    ]);
  });

  test("deposits", () => {
    expect(tableOf<DepositStage>(DEPOSIT_STAGES, DEPOSIT_RULES)).toEqual([
      "· > > > > > > > > detected",
      "· · > > > > > > > unconfirmed",
      "· · · > > > > > > confirmed",
      "· · · · > > > > > screening",
      "· · · · · > > > > held",
      "· · · · · · ! ! ! credited",
      "! ! ! ! ! ! · ! ! failed",
      "! ! ! ! ! ! ! · ! rejected",
      "> > > > > > > > · quarantined",
    ]);
  });

  test("trades", () => {
    expect(tableOf<TradeStage>(TRADE_STAGES, TRADE_RULES)).toEqual([
      "· > > accepted",
      "· · > active",
      "· · · terminated",
    ]);
  });

  test.each([
    ["withdrawals", WITHDRAWAL_STAGES, WITHDRAWAL_RULES],
    ["deposits", DEPOSIT_STAGES, DEPOSIT_RULES],
    ["trades", TRADE_STAGES, TRADE_RULES],
  ] as const)("%s: the order holds each stage once", (_, stages, rules) => {
    expect([...rules.order].sort()).toEqual([...stages].sort());
  });
});

const orderOf = (entries: readonly EntryDraft<WithdrawalStage>[]) =>
  orderHistory(entries, WITHDRAWAL_RULES.order).map(({ leg }) => leg);

describe("the order of a history", () => {
  test("time, then stage, then leg", () => {
    const entries = [
      entry<WithdrawalStage>("settled", "05", "e"),
      entry<WithdrawalStage>("pending", "05", "d"),
      entry<WithdrawalStage>("pending", "05", "c"),
      entry<WithdrawalStage>(null, "05", "b"),
      entry<WithdrawalStage>("returned", "04.999999999", "a"),
    ];
    expect(orderOf(entries)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("without a time: before the first later stage; without a stage too: last", () => {
    const entries = [
      entry<WithdrawalStage>(null, null, "nowhere"),
      entry<WithdrawalStage>("failed", null, "end"),
      entry<WithdrawalStage>("approved", null, "approved"),
      entry<WithdrawalStage>("requested", null, "requested"),
      entry<WithdrawalStage>("pending", null, "again"),
      entry<WithdrawalStage>("pending", "01", "pending@1"),
      entry<WithdrawalStage>("broadcast", "02", "broadcast@2"),
    ];
    expect(orderOf(entries)).toEqual([
      "requested",
      "pending@1",
      "again",
      "approved",
      "broadcast@2",
      "end",
      "nowhere",
    ]);
    expect(foldHistory(entries, WITHDRAWAL_RULES)).toMatchObject({
      stage: "failed",
      providerStatus: "word end",
      anomalies: [],
      openedAt: "2024-05-01T10:00:01Z",
      updatedAt: "2024-05-01T10:00:02Z",
    });
  });

  test("a stage that counts only as the first", () => {
    const soft = { ...entry<DepositStage>("detected", "03", "soft"), atLeast: true };
    const alone = foldHistory([soft], DEPOSIT_RULES);
    expect(alone).toMatchObject({
      stage: "detected",
      history: [{ stage: "detected", moves: true }],
    });
    for (const stage of ["failed", "quarantined", "confirmed"] as const) {
      const after = foldHistory([soft, entry<DepositStage>(stage, "01")], DEPOSIT_RULES);
      expect(after).toMatchObject({ stage, anomalies: [], history: [{}, { stage: null }] });
      expect(after.history[1]).not.toHaveProperty("atLeast");
    }
  });

  test("nothing at all", () => {
    expect(foldHistory([], WITHDRAWAL_RULES)).toEqual({
      stage: null,
      providerStatus: null,
      history: [],
      anomalies: [],
      openedAt: null,
      updatedAt: null,
    });
  });

  const anyEntry = fc.record({
    stage: fc.option(fc.constantFrom<WithdrawalStage>(...WITHDRAWAL_STAGES)),
    at: fc.option(fc.constantFrom("01", "02", "02.000000001", "03.5")),
    leg: fc.constantFrom("a", "b", "c", "d"),
  });

  test("does not depend on how the entries came in", () => {
    fc.assert(
      fc.property(fc.array(anyEntry), fc.infiniteStream(fc.nat()), (drawn, keys) => {
        const entries = drawn.map(({ stage, at, leg }) => entry<WithdrawalStage>(stage, at, leg));
        const shuffled = entries
          .map((value) => ({ value, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ value }) => value);
        expect(foldHistory(shuffled, WITHDRAWAL_RULES)).toEqual(
          foldHistory(entries, WITHDRAWAL_RULES),
        );
      }),
    );
  });

  test("times of a history never fall", () => {
    fc.assert(
      fc.property(fc.array(anyEntry), (drawn) => {
        const entries = drawn.map(({ stage, at, leg }) => entry<WithdrawalStage>(stage, at, leg));
        const { history } = foldHistory(entries, WITHDRAWAL_RULES);
        expect(history).toHaveLength(entries.length);
        const times = history.flatMap(({ effective_at }) => effective_at ?? []);
        expect(times.every((time, at) => at === 0 || nanos(times[at - 1]) <= nanos(time))).toBe(
          true,
        );
      }),
    );
  });
});

const nanos = (time = ""): number => Number(time.slice(17, -1));

describe("seconds in a stage", () => {
  const moved = (moves: boolean, at: string | null) => ({
    moves,
    effective_at: at === null ? null : `2024-05-01T${at}Z`,
  });

  test("from one change of the stage to the next, to the nanosecond", () => {
    const history = [
      moved(true, "10:00:00"),
      moved(false, "10:00:00.5"),
      moved(true, "10:00:01.000000001"),
      moved(true, "11:00:01.000000001"),
      moved(false, "12:00:00"),
    ];
    expect(secondsInStage(history)).toEqual(["1.000000001", null, "3600", null, null]);
  });

  test("unknown where a time is", () => {
    const history = [moved(true, "10:00:00"), moved(true, null), moved(true, "10:00:02")];
    expect(secondsInStage(history)).toEqual([null, null, null]);
    expect(secondsInStage([])).toEqual([]);
  });

  test("the figures add up", () => {
    const times = fc.array(fc.integer({ min: 0, max: 59_999_999 }), { minLength: 1 });
    fc.assert(
      fc.property(times, (micros) => {
        const sorted = micros.toSorted((a, b) => a - b);
        const history = sorted.map((micro) =>
          moved(true, `10:00:${(micro / 1e6).toFixed(6).padStart(9, "0")}`),
        );
        const seconds = secondsInStage(history).slice(0, -1).map(Number);
        const total = seconds.reduce((sum, second) => sum + second, 0);
        expect(total).toBeCloseTo(((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)) / 1e6, 6);
      }),
    );
  });
});
