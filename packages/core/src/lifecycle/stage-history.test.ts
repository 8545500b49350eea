import {
  DEPOSIT_STAGES,
  type DepositStage,
  TRADE_STAGES,
  type TradeStage,
  WITHDRAWAL_STAGES,
  type WithdrawalStage,
} from "@counterfoil/contracts/record";
import { describe, expect, test } from "@jest/globals";
import { parseTime } from "../exact/time.ts";
import { DEPOSIT_RULES } from "./deposit.ts";
import { rankOf, type StageRules, secondsInStage, takeStep } from "./stage-history.ts";
import { TRADE_RULES } from "./trade.ts";
import { WITHDRAWAL_RULES } from "./withdrawal.ts";

const entry = (stage: string | null) => ({ stage, word: "word" });

/** `>` the stage moves, `·` it stays, `!` the step is illegal. */
function tableOf<Stage extends string>(
  stages: readonly Stage[],
  rules: StageRules<Stage>,
): string[] {
  return stages.map((from) => {
    const marks = stages.map((to) => {
      const { after, moves, flag } = takeStep(from, entry(to), rules);
      expect(after).toBe(moves ? to : from);
      if (flag !== null) expect(flag).toBe(`illegal_step:${from}->${to}`);
      return flag === null ? (moves ? ">" : "·") : "!";
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
      "· > > > > > > > > > detected",
      "· · > > > > > > > > unconfirmed",
      "· · · > > > > > > > confirmed",
      "· · · · > > > > > > screening",
      "· · · · · > > > > > held",
      "· · · · · · ! ! ! > credited",
      "! ! ! ! ! ! · ! ! > failed",
      "! ! ! ! ! ! ! · ! > rejected",
      "> > > > > > > > · > quarantined",
      "· · · · · · · · ! · returned",
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

describe("a step", () => {
  test("an unknown word leaves the stage, and needs a person", () => {
    const step = takeStep(
      "pending",
      { ...entry(null), mode: "unknown" as const },
      WITHDRAWAL_RULES,
    );
    expect(step).toEqual({ after: "pending", moves: false, flag: "unknown_word:word" });
  });

  test("at least: where no other stage stands before", () => {
    const seen = { ...entry("detected"), mode: "at_least" as const };
    expect(takeStep(null, seen, DEPOSIT_RULES).after).toBe("detected");
    expect(takeStep("quarantined", seen, DEPOSIT_RULES).after).toBe("quarantined");
  });

  test.each(["failed", "returned", "rejected"])("a retry opens %s again", (end) => {
    const retried = { ...entry("pending"), mode: "retries" as const };
    expect(takeStep(end, retried, WITHDRAWAL_RULES)).toMatchObject({
      after: "pending",
      moves: true,
    });
  });

  test.each(["requested", "broadcast", "settled"])("a retry leaves %s", (stage) => {
    const retried = { ...entry("pending"), mode: "retries" as const };
    const { after, flag } = takeStep(stage, retried, WITHDRAWAL_RULES);
    expect([after, flag]).toEqual([stage === "requested" ? "pending" : stage, null]);
  });

  test("of one time the stage that is further on stands later, what has none first", () => {
    const stages = [null, "requested", "settled", "returned"];
    const ranks = stages.map((stage) => rankOf(stage, WITHDRAWAL_RULES));
    expect(ranks.toSorted((a, b) => a - b)).toEqual(ranks);
  });
});

describe("seconds in a stage", () => {
  const step = (moves: boolean, time: string) => ({ moves, at: parseTime(time) ?? 0n });

  test("from each change to the next, exact to the nanosecond", () => {
    expect(
      secondsInStage([
        step(true, "2024-05-01T10:00:00Z"),
        step(false, "2024-05-01T10:00:01Z"),
        step(true, "2024-05-01T10:00:01.500000001Z"),
        step(true, "2024-05-01T10:01:01.500000001Z"),
      ]),
    ).toEqual(["1.500000001", null, "60", null]);
  });
});
