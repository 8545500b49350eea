import { describe, expect, test } from "@jest/globals";
import { copiesOn, topicLayouts, topicProblems } from "./topics.ts";

const layouts = topicLayouts("books");
const layoutOf = (name: string) => {
  const layout = layouts.find((one) => one.name === `books.${name}.v1`);
  if (layout === undefined) throw new Error(`no layout of ${name}`);
  return layout;
};
const FACTS = { "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" };

describe("the topics of a ledger", () => {
  test("have these settings", () => {
    expect(layouts.map(({ name }) => name)).toEqual([
      "books.events.v1",
      "books.balances.v1",
      "books.withdrawals.v1",
      "books.deposits.v1",
      "books.trades.v1",
      "books.anomalies.v1",
      "books.heads.v1",
      "books.publisher.v1",
    ]);
  });

  test.each<[string, number, Readonly<Record<string, string>>, readonly string[]]>([
    ["events", 7, FACTS, []],
    ["events", 7, { ...FACTS, "retention.ms": "1000" }, ["retention.ms=1000, expected -1"]],
    ["events", 7, { ...FACTS, "retention.bytes": "5" }, ["retention.bytes=5, expected -1"]],
    [
      "events",
      1,
      { ...FACTS, "cleanup.policy": "compact" },
      ["cleanup.policy=compact, expected delete"],
    ],
    [
      "events",
      1,
      {},
      [
        "cleanup.policy=(unknown), expected delete",
        "retention.ms=(unknown), expected -1",
        "retention.bytes=(unknown), expected -1",
      ],
    ],
    ["balances", 50, { "cleanup.policy": "compact" }, []],
    [
      "trades",
      1,
      { "cleanup.policy": "compact,delete" },
      ["cleanup.policy=compact,delete, expected compact"],
    ],
    ["publisher", 1, { "cleanup.policy": "compact" }, []],
    [
      "publisher",
      2,
      { "cleanup.policy": "delete" },
      ["2 partitions, expected 1", "cleanup.policy=delete, expected compact"],
    ],
  ])("%s of %i partitions with %j", (name, partitions, settings, expected) => {
    const problems = topicProblems(layoutOf(name), { partitions, settings });
    expect(problems).toEqual(expected.map((problem) => `topic books.${name}.v1 has ${problem}`));
  });

  test.each([
    [1, 1, 1],
    [2, 2, 1],
    [3, 3, 2],
    [9, 3, 2],
  ])("on %i brokers a new one has %i copies, %i of them in sync", (brokers, copies, inSyncMin) => {
    expect(copiesOn(brokers)).toEqual({ copies, inSyncMin });
  });
});
