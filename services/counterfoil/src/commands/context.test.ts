import { describe, expect, test } from "@jest/globals";
import { parseModel, parseModelOrAll, parsePort, parsePositive, parseRate } from "./context.ts";

describe("a number on the command line", () => {
  test.each([
    [parsePositive, ["1", "16", "999999999"]],
    [parsePort, ["0", "443", "65535"]],
    [parseRate, ["0", "0.05", "1"]],
  ])("is taken: %p", (parse, texts) => {
    for (const text of texts) expect(parse(text)).toBe(Number(text));
  });

  const whole = "expected a whole number from 1 to 999999999";
  test.each([
    [parsePositive, ["0.6", "0", "-1", "1e3", "1000000000", "many", ""], whole],
    [parsePort, ["65536", "-1", "1.5", "http"], "expected a port: a whole number from 0 to 65535"],
    [parseRate, ["1.1", "-0.1", "half", ""], "expected a number from 0 to 1"],
  ])("is refused with what is expected: %p", (parse, texts, says) => {
    for (const text of texts) expect(() => parse(text)).toThrow(says);
  });
});

describe("a model on the command line", () => {
  test("is one of those that there are, or all where all may be meant", () => {
    expect(() => parseModel("foo")).toThrow(
      "expected one of balances, withdrawals, deposits, trades",
    );
    expect(() => parseModel("all")).toThrow(/deposits, trades$/);
    expect(parseModelOrAll("all")).toHaveLength(4);
    expect(() => parseModelOrAll("foo")).toThrow(/deposits, trades, all$/);
    expect(() => parseModelOrAll("balance")).toThrow(/trades, all; did you mean balances\?$/);
  });
});
