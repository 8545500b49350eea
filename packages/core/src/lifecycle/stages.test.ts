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
import {
  BANK_DEPOSIT,
  LAYER1_DEPOSIT,
  LAYER1_WITHDRAWAL,
  rankOf,
  type StageRules,
  secondsInStage,
  stageOfWord,
  takeStep,
  type Words,
  ZERO_HASH_DEPOSIT,
  ZERO_HASH_ON_CHAIN,
  ZERO_HASH_TRADE,
  ZERO_HASH_WITHDRAWAL,
} from "./stages.ts";
import { TRADE_RULES } from "./trade.ts";
import { WITHDRAWAL_RULES } from "./withdrawal.ts";

/** Every status word that the providers document, by stage; `history only` is null. */
const TABLE: readonly (readonly [name: string, words: Words<string>, cell: string])[] = [
  [
    "Zero Hash requests and payments",
    ZERO_HASH_WITHDRAWAL,
    `PENDING_TRADE, initialized, initiatlized, submitted, pending_trade = requested;
     PENDING, pending, retried = pending; APPROVED = approved; posted = broadcast;
     crypto_settled = confirmed; SETTLED, settled, fiat_settled = settled; unspecified = history only; failed, abandoned = failed;
     REJECTED, rejected, cancelled, canceled = rejected; returned, returned_settled = returned`,
  ],
  ["on_chain_status", ZERO_HASH_ON_CHAIN, "PENDING = broadcast; CONFIRMED = confirmed"],
  [
    "Layer1 withdrawals",
    LAYER1_WITHDRAWAL,
    `CREATED, FUNDS_NEEDED = requested;
     FUNDS_RESERVED, SCREENING_REQUESTED, HELD, BLOCKED = pending;
     SCREENING_PASSED, SIGNED = approved; DETECTED, UNCONFIRMED = broadcast;
     CONFIRMED = confirmed; SUCCESS = settled; FAILED = failed; REJECTED = rejected;
     REPLACED = history only`,
  ],
  [
    "Zero Hash deposits",
    ZERO_HASH_DEPOSIT,
    `initial = detected; PENDING = unconfirmed; confirmed = confirmed; pending_compliance_review = screening;
     pending_approval = held; pending_settlement = history only; completed, CREDITED = credited;
     quarantined, recovery_quarantine = quarantined`,
  ],
  [
    "bank payments that pull money in",
    BANK_DEPOSIT,
    `initialized, initiatlized, submitted = detected; pending, retried = unconfirmed;
     posted = confirmed; settled, fiat_settled = credited; returned, returned_settled = returned;
     failed, abandoned = failed; rejected, cancelled, canceled = rejected;
     unspecified = history only`,
  ],
  [
    "Layer1 deposits",
    LAYER1_DEPOSIT,
    `DETECTED = detected; UNCONFIRMED = unconfirmed; CONFIRMED = confirmed;
     SCREENING_REQUESTED, SCREENING_PASSED = screening; HELD, BLOCKED = held; SUCCESS = credited;
     FAILED = failed; REJECTED = rejected; REPLACED = history only`,
  ],
  ["trades", ZERO_HASH_TRADE, "accepted = accepted; active = active; terminated = terminated"],
];

const cellsOf = (cell: string): (readonly [string, string | null])[] =>
  cell.split(";").flatMap((equation) => {
    const [words = "", stage = ""] = equation.split("=").map((side) => side.trim());
    return words
      .split(/,\s*/)
      .map((word) => [word, stage === "history only" ? null : stage] as const);
  });

describe("words", () => {
  test.each(TABLE)("%s", (_, words, cell) => {
    const lower = cellsOf(cell).map(([word, stage]) => [word.toLowerCase(), stage]);
    expect(Object.fromEntries(lower)).toEqual(words);
    for (const [word, stage] of cellsOf(cell)) {
      expect([word, word.toUpperCase()].map((each) => stageOfWord(words, each))).toEqual([
        stage,
        stage,
      ]);
    }
  });

  test.each(["", "odd", "constructor", "__proto__", "toString"])(
    "the word %p is unknown",
    (word) => {
      for (const [, words] of TABLE) expect(stageOfWord(words, word)).toBeUndefined();
    },
  );
});

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

describe("the step from every stage to every stage", () => {
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

  test("at_least counts only while there is no stage", () => {
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

  test("at equal times the later stage sorts last, an entry without a stage first", () => {
    const stages = [null, "requested", "settled", "returned"];
    const ranks = stages.map((stage) => rankOf({ stage }, WITHDRAWAL_RULES));
    expect(ranks.toSorted((a, b) => a - b)).toEqual(ranks);
  });

  test("at equal times a retry follows the end that it leaves", () => {
    const retried = rankOf({ stage: "pending", mode: "retries" }, WITHDRAWAL_RULES);
    const ends = WITHDRAWAL_RULES.order.map((stage) => rankOf({ stage }, WITHDRAWAL_RULES));
    expect(Math.max(...ends)).toBeLessThan(retried);
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
