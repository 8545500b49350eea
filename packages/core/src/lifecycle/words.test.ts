import { describe, expect, test } from "@jest/globals";
import {
  BANK_DEPOSIT,
  LAYER1_DEPOSIT,
  LAYER1_WITHDRAWAL,
  stageOfWord,
  type Words,
  ZERO_HASH_DEPOSIT,
  ZERO_HASH_ON_CHAIN,
  ZERO_HASH_TRADE,
  ZERO_HASH_WITHDRAWAL,
} from "./words.ts";

/** The table "Words" of the design, cell by cell; `history only` is null. */
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
    "nobody knows the word %p",
    (word) => {
      for (const [, words] of TABLE) expect(stageOfWord(words, word)).toBeUndefined();
    },
  );
});
