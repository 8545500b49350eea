import type { ProviderFactType } from "@counterfoil/contracts/fact";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { describe, expect, test } from "@jest/globals";
import { PARTIES, PARTY_CHANGES, RECORDS } from "./tables.ts";
import { delivered } from "./testing/lifecycle-facts.ts";
import { brief, eventsOf, openModel, tradesOf } from "./testing/records-of.ts";

const isTradeFact = (type: ProviderFactType): boolean => TRADES.isKept(type, {});

const trade = (state: string, timestamp: number | null, more = {}) =>
  delivered({
    payloadType: "trade_status_changed",
    body: { trade_id: "T", trade_state: state, timestamp, symbol: "BTC/USD", ...more },
  });

describe("trades", () => {
  test("accepted, active, terminated, in whatever order they arrive", async () => {
    const facts = [
      ...trade("terminated", 1746112200938, { settled: "yes" }),
      ...trade("accepted", 1746112200001, { client_trade_id: "mine" }),
      ...trade("active", 1746112200500),
    ];
    for (const arrived of [facts, facts.toReversed()]) {
      const [record, ...others] = await tradesOf(arrived);
      expect(others).toEqual([]);
      expect(record).toMatchObject({
        id: "T",
        state: {
          trade_id: "T",
          provider: "zerohash",
          stage: "terminated",
          provider_status: "terminated",
          opened_at: "2025-05-01T15:10:00.001Z",
          updated_at: "2025-05-01T15:10:00.938Z",
          fields: { symbol: "BTC/USD", settled: "yes" },
        },
        identifiers: ["T", "mine"],
        anomalies: [],
      });
      expect(brief(record?.history ?? [])).toEqual([
        "accepted<accepted>",
        "active<active>",
        "terminated<terminated>",
      ]);
    }
  });

  test("active is skipped where settlement is immediate", async () => {
    const [record] = await tradesOf([
      ...trade("accepted", 1746112200001),
      ...trade("terminated", 1746112200002),
    ]);
    expect(record?.state.stage).toBe("terminated");
  });

  test("two quantities of one trade contradict each other, however they are printed", async () => {
    const accepted = trade("accepted", 1746112200001, { trade_quantity: "1.50" });
    const same = trade("terminated", 1746112200002, { trade_quantity: "1.5" });
    expect((await tradesOf([...accepted, ...same]))[0]?.anomalies).toEqual([]);
    const other = trade("terminated", 1746112200003, { trade_quantity: "2" });
    const [record] = await tradesOf([...accepted, ...same, ...other]);
    expect(record?.anomalies).toMatchObject([
      {
        kind: "contradiction",
        detail: { field: "trade_quantity", stated: "1.5", contradicted_by: "2" },
      },
    ]);
  });

  const side = (name: string, amount: string, asset: string, more = {}) => ({
    ...{ side: name, amount, asset, participant_code: "PART1", ...more },
  });
  const buyer = side("buy", "12.23", "USD");
  const seller = side("sell", "0.00015", "BTC");

  test.each([
    ["another amount", side("sell", "0.0002", "BTC"), "0.0002 BTC"],
    ["another asset", side("sell", "0.00015", "ETH"), "0.00015 ETH"],
  ])("a side with %s than before contradicts it", async (_, other, stated) => {
    const accepted = trade("accepted", 1746112200001, { parties: [buyer, seller] });
    const terminated = trade("terminated", 1746112200002, { parties: [other, buyer] });
    for (const arrived of [accepted.concat(terminated), terminated.concat(accepted)]) {
      const [record] = await tradesOf(arrived);
      expect(record?.anomalies).toMatchObject([{ kind: "contradiction", what: "sell_amount" }]);
      expect(Object.values(record?.anomalies[0]?.detail ?? {}).sort()).toEqual(
        ["0.00015 BTC", stated, "sell_amount"].sort(),
      );
    }
  });

  test.each([
    ["printed in another way", [buyer, side("SELL", "0.000150", "BTC.BTC")]],
    ["without names", [{ participant_code: "Anonymous", settling: true }]],
    ["unknown", undefined],
    ["of several parties", [buyer, side("sell", "0.0001", "BTC"), side("sell", "0.00005", "BTC")]],
    ["odd", ["sell", null, side("sell", "much", "BTC"), side("buy", "12.23", "€")]],
  ])("sides that are %s contradict nothing", async (_, parties) => {
    const accepted = trade("accepted", 1746112200001, { parties: [buyer, seller] });
    const terminated = trade("terminated", 1746112200002, { parties });
    expect((await tradesOf([...accepted, ...terminated]))[0]?.anomalies).toEqual([]);
  });

  test.each([0, 4102444800000])(
    "a time that cannot be, %i, counts as its arrival and is told",
    async (time) => {
      const [record] = await tradesOf([
        ...trade("accepted", 1746112200001),
        ...trade("terminated", time),
      ]);
      expect(record?.state.stage).toBe("terminated");
      expect(record?.anomalies).toMatchObject([
        {
          kind: "clock",
          detail: { stated_at: new Date(time).toISOString().replace(".000Z", "Z") },
        },
      ]);
    },
  );

  test("of several times that cannot be, the first is told, however it is printed", async () => {
    const [record] = await tradesOf([
      ...trade("accepted", 4102444800000),
      ...trade("terminated", 4102444800118),
    ]);
    const detail = { stated_at: "2100-01-01T00:00:00Z" };
    expect(record?.anomalies).toMatchObject([{ kind: "clock", detail }]);
  });

  test("a lower state reported later keeps the stage, and its fields apply", async () => {
    const [record] = await tradesOf([
      ...trade("active", 1746112200001, { note: "a" }),
      ...trade("accepted", 1746112200002, { note: "b" }),
    ]);
    expect(record?.state).toMatchObject({ stage: "active", fields: { note: "b" } });
    expect(brief(record?.history ?? [])).toEqual(["active<active>", "·accepted<accepted>"]);
    expect(record?.anomalies).toEqual([]);
  });

  test("are found by their current parties, and their changes by the parties at that position", async () => {
    const { store, session, apply } = await openModel(TRADES);
    const naming = (state: string, at: number, who: object) =>
      apply(trade(state, at, who).flatMap(eventsOf));
    const deep = { execution: [{ platform_code: "deep" }], note: "platform_code", other: "named" };
    await naming("accepted", 1, {
      platform_code: "p",
      parties: [{ participant_code: "a" }],
      ...deep,
    });
    await naming("active", 2, { platform_code: "p", parties: [{ participant_code: "b" }] });
    await session.commit();
    const all = { limit: 100 } as const;
    const parties = await store.select(PARTIES, { orderBy: ["party"], ...all });
    expect(parties.map(({ party, id, stage }) => [party, id, stage])).toEqual([
      ["b", "T", "active"],
      ["p", "T", "active"],
    ]);
    const [record] = await store.select(RECORDS, { orderBy: ["id"], ...all });
    expect(parties[1]).toMatchObject({
      updated_at: record?.updated_at,
      position: record?.position,
    });
    const changes = await store.select(PARTY_CHANGES, { orderBy: ["position", "party"], ...all });
    expect(changes.map(({ party, position }) => [party, position])).toEqual([
      ["a", 1],
      ["deep", 1],
      ["p", 1],
      ["b", 2],
      ["p", 2],
    ]);
  });

  test("an unknown state is history only", async () => {
    const [record] = await tradesOf(trade("expired", null));
    expect(record?.state).toMatchObject({
      stage: null,
      provider_status: "expired",
      opened_at: "2030-01-01T00:00:00Z",
    });
    expect(record?.anomalies).toMatchObject([{ kind: "unknown_word", what: "expired" }]);
    expect(brief(record?.history ?? [])).toEqual(["·-<expired>"]);
  });

  test("each trade is one record", async () => {
    const other = delivered({
      payloadType: "trade.status_changed",
      body: { trade_id: "U", trade_state: "accepted" },
    });
    const records = await tradesOf([...other, ...trade("accepted", 1)]);
    expect(records.map(({ id }) => id)).toEqual(["T", "U"]);
    expect([isTradeFact("TradeStatusReported"), isTradeFact("RunRecorded")]).toEqual([true, false]);
  });
});
