import { describe, expect, test } from "@jest/globals";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import { decideDelivery } from "./decide-delivery.ts";
import { COPIES_MAX, inForce, noteEvent } from "./fact-state.ts";
import { brief, createLedger, dataOf, deliveryOf, stated } from "./testing/ledger.ts";

const ACCOUNT = {
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
};
const MOVEMENT = {
  movement_id: "m1",
  movement_type: "withdrawal_pending",
  movement_timestamp: 1638189426534,
  change: "-0.1",
};
const balance = (more: object = {}) => ({
  payloadType: "account_balance.changed",
  body: { ...ACCOUNT, balance: "0.35", run_id: "94087", movements: [MOVEMENT], ...more },
});
const frame = (number: number, more: object = {}) => ({
  payloadType: "feed",
  frame: number,
  body: {
    messageType: "balance-updated",
    body: {
      ...ACCOUNT,
      account_id: "a1",
      balance: "0.35",
      run_id: 94087,
      run_timestamp: "2021-11-29T12:37:06.478122Z",
      movements: [{ ...MOVEMENT, movement_timestamp: "2021-11-29T12:37:06.534066Z" }],
      ...more,
    },
  },
});
const snapshot = (number: number, accounts: number) => ({
  payloadType: "feed",
  frame: number,
  body: {
    messageType: "initial-balance",
    body: Array.from({ length: accounts }, (_, at) => ({
      ...ACCOUNT,
      asset: `A${at}`,
      balance: String(at),
      account_id: `account-${at}`,
    })),
  },
});

describe("a delivery", () => {
  test("is one append: itself, then its facts", () => {
    const ledger = createLedger();
    const delivery = deliveryOf(balance(), { correlationId: "why" });
    const { outcome, appends } = ledger.decide(delivery);
    expect(outcome).toBe("recorded");
    expect(appends.map(brief)).toEqual([
      ["DeliveryReceived", "RunRecorded", "MovementRecorded", "BalanceReported"],
    ]);
    const [received, ...facts] = appends[0] ?? [];
    expect(received).toMatchObject({
      id: delivery.id,
      subject: `delivery:${delivery.id}`,
      schema_version: 1,
      occurred_at: null,
      causation_id: delivery.id,
      correlation_id: "why",
      about: null,
    });
    expect(dataOf(received ?? { data: "{}" })).toEqual(delivery.received);
    for (const fact of facts) {
      expect(fact).toMatchObject({ causation_id: delivery.id, correlation_id: "why", about: null });
    }
    expect(facts[1]).toMatchObject({
      subject: "zerohash:DEF456:ABC123:general:available:BTC",
      occurred_at: 1_638_189_426_534_000_000n,
    });
  });

  test("that comes again appends nothing", () => {
    const ledger = createLedger();
    expect(ledger.deliver(balance())).toBe("recorded");
    const before = ledger.events.length;
    expect(ledger.deliver(balance())).toBe("repeated");
    expect(ledger.events.length).toBe(before);
  });

  test("with new bytes and known facts is kept: what was said is evidence", () => {
    const ledger = createLedger();
    ledger.deliver(balance());
    expect(ledger.deliver(balance({ comment: "signed" }))).toBe("recorded");
    expect(brief(ledger.events.slice(4))).toEqual(["DeliveryReceived"]);
  });

  test("that cannot be read is quarantined, once", () => {
    const ledger = createLedger();
    const unreadable = { payloadType: "account_balance.changed", text: "{" };
    expect(ledger.deliver(unreadable)).toBe("quarantined");
    expect(brief(ledger.events)).toEqual(["DeliveryReceived", "DeliveryQuarantined"]);
    expect(stated(ledger.events, "DeliveryQuarantined")).toMatchObject([
      { reason: "not_json", payload_type: "account_balance.changed", channel: "webhook" },
    ]);
    expect(ledger.deliver(unreadable)).toBe("repeated");
  });
});

describe("a second copy", () => {
  test("that adds is seen: id, finer times", () => {
    const ledger = createLedger();
    ledger.deliver(balance());
    ledger.deliver(frame(7));
    expect(brief(ledger.events.slice(4))).toEqual(["DeliveryReceived", "FactSeen×3"]);
    const [run, movement, report] = stated(ledger.events, "FactSeen");
    expect(run).toMatchObject({
      event_type: "RunRecorded",
      key: { provider: "zerohash", run_id: "94087" },
      adds: { occurred_at: "2021-11-29T12:37:06.478122Z" },
    });
    expect(movement).toMatchObject({
      event_type: "MovementRecorded",
      key: { movement_id: "m1", run_id: "94087" },
      adds: { occurred_at: "2021-11-29T12:37:06.534066Z", account_id: "a1" },
    });
    expect(report).toMatchObject({
      event_type: "BalanceReported",
      adds: { account_id: "a1" },
    });
  });

  test("that contradicts is recorded as that, once for each content", () => {
    const ledger = createLedger();
    ledger.deliver(balance());
    ledger.deliver(balance({ balance: "0.36" }));
    ledger.deliver(balance({ balance: "0.36", comment: "again" }));
    ledger.deliver(balance({ balance: "0.37" }));
    expect(stated(ledger.events, "FactContradicted").map((data) => data.contradicts)).toEqual([
      { balance: "0.36" },
      { balance: "0.37" },
    ]);
    const report = ledger.events.find(({ type }) => type === "BalanceReported");
    expect(inForce(ledger.known().states.get(report?.id ?? "") as never).balance).toBe("0.35");
  });

  test("that differs again and again is recorded so often, then its delivery alone", () => {
    const ledger = createLedger();
    ledger.deliver(balance());
    for (let at = 0; at < COPIES_MAX; at += 1) {
      ledger.deliver(balance({ balance: `7.${at}1`, timestamp: 1_638_189_427_001 + at }));
    }
    const before = ledger.events.length;
    const further = deliveryOf(balance({ balance: "8" }));
    expect(ledger.decide(further)).toMatchObject({ outcome: "recorded", leftOut: 1 });
    ledger.deliver(further);
    const later = deliveryOf(balance({ timestamp: 1_638_189_500_001 }));
    // The run and its balance.
    expect(ledger.decide(later)).toMatchObject({ outcome: "recorded", leftOut: 2 });
    ledger.deliver(later);
    expect(brief(ledger.events.slice(before))).toEqual(["DeliveryReceived×2"]);
    expect(stated(ledger.events, "FactContradicted")).toHaveLength(COPIES_MAX);
    const known = balance({ balance: "7.11", comment: "again" });
    expect(ledger.decide(deliveryOf(known)).leftOut).toBe(0);
  });

  test("that states a field which no earlier copy stated is recorded, after however many", () => {
    const ledger = createLedger();
    for (let at = 0; at <= COPIES_MAX; at += 1) {
      ledger.deliver(balance({ timestamp: 1_638_189_427_001 + at }));
    }
    const before = ledger.events.length;
    ledger.deliver(balance({ timestamp: 1_638_189_500_001, run_type: "deposit" }));
    expect(stated(ledger.events.slice(before), "FactSeen")).toMatchObject([
      { event_type: "RunRecorded", adds: { run_type: "deposit" } },
      { event_type: "MovementRecorded", adds: { run_type: "deposit" } },
      { event_type: "BalanceReported", adds: { run_type: "deposit" } },
    ]);
    expect(
      stated(ledger.events, "FactSeen").filter(({ adds }) => "occurred_at" in Object(adds)),
    ).toHaveLength(2 * COPIES_MAX);
  });

  test("within one delivery is compared with the first", () => {
    const ledger = createLedger();
    ledger.deliver(balance({ movements: [MOVEMENT, MOVEMENT, { ...MOVEMENT, trade_id: "t" }] }));
    expect(brief(ledger.events)).toEqual([
      "DeliveryReceived",
      "RunRecorded",
      "MovementRecorded",
      "FactSeen",
      "BalanceReported",
    ]);
  });

  test("one movement_id on two accounts is two facts", () => {
    const ledger = createLedger();
    ledger.deliver(balance());
    ledger.deliver(
      balance({ account_type: "collateral", movements: [{ ...MOVEMENT, change: "0.1" }] }),
    );
    expect(stated(ledger.events, "MovementRecorded").map((data) => data.change)).toEqual([
      "-0.1",
      "0.1",
    ]);
    expect(stated(ledger.events, "RunRecorded")).toHaveLength(1);
  });

  test("the same balance in a later snapshot is a new statement", () => {
    const ledger = createLedger();
    ledger.deliver(snapshot(1, 1));
    ledger.deliver(snapshot(2, 1));
    expect(stated(ledger.events, "BalanceReported")).toHaveLength(2);
  });
});

describe("a group's own earlier deliveries", () => {
  test.each([
    ["a webhook", balance()],
    ["a snapshot", snapshot(1, 3)],
    ["an empty snapshot", snapshot(1, 0)],
    ["a divided snapshot", snapshot(1, 3000)],
    ["one that cannot be read", { payloadType: "unheard of", body: {} }],
  ])("decided twice upon one look-up, %s appends once", (_what, delivered) => {
    const known = createLedger().known();
    const first = decideDelivery(deliveryOf(delivered), known, hashing);
    expect(first.appends.length).toBeGreaterThan(0);
    expect(decideDelivery(deliveryOf(delivered), known, hashing)).toEqual({
      outcome: "repeated",
      appends: [],
    });
  });

  test("a copy in the same group is compared with the first", () => {
    const known = createLedger().known();
    decideDelivery(deliveryOf(balance()), known, hashing);
    const { appends } = decideDelivery(deliveryOf(frame(7)), known, hashing);
    expect(appends.map(brief)).toEqual([["DeliveryReceived", "FactSeen×3"]]);
  });
});

describe("a snapshot too large for one append", () => {
  const delivery = deliveryOf(snapshot(1, 3000));
  const whole = createLedger().decide(delivery).appends;

  test("is cut into appends, says how many, and ends with its completion", () => {
    expect(whole.length).toBeGreaterThanOrEqual(3);
    for (const append of whole) {
      const bytes = append.reduce((sum, { data }) => sum + data.length + 512, 0);
      expect(bytes).toBeLessThanOrEqual(644 * 1024);
      expect(append.length).toBeLessThanOrEqual(1003);
    }
    const parts = whole.length;
    const [first, ...others] = whole.map(brief);
    expect(first?.slice(0, 2)).toEqual(["DeliveryReceived", "DeliveryDivided"]);
    expect(others.at(-1)?.at(-1)).toBe("DeliveryCompleted");
    const events = whole.flat();
    expect(stated(events, "DeliveryReceived")).toMatchObject([{ parts }]);
    expect(stated(events, "DeliveryDivided")).toEqual([{ delivery_id: delivery.id, parts }]);
    expect(stated(events, "DeliveryCompleted")).toEqual([
      { delivery_id: delivery.id, parts, snapshot: { connection: "c1", frame: 1 } },
    ]);
    expect(stated(events, "BalanceReported")).toHaveLength(3000);
  });

  test("is completed by another, from whatever append it was left at", () => {
    const complete = createLedger();
    for (const append of whole) complete.record(append);
    for (let cut = 1; cut < whole.length; cut += 1) {
      const ledger = createLedger();
      for (const append of whole.slice(0, cut)) ledger.record(append);
      expect(ledger.deliver(delivery)).toBe("recorded");
      expect(ledger.events).toEqual(complete.events);
      expect(ledger.deliver(delivery)).toBe("repeated");
    }
  });

  test("is completed with what others have not recorded meanwhile", () => {
    const ledger = createLedger();
    ledger.record(whole[0] ?? []);
    ledger.record(whole[2]?.filter(({ type }) => type === "BalanceReported") ?? []);
    expect(ledger.deliver(delivery)).toBe("recorded");
    expect(stated(ledger.events, "BalanceReported")).toHaveLength(3000);
    expect(stated(ledger.events, "DeliveryCompleted")).toHaveLength(1);
    expect(ledger.deliver(delivery)).toBe("repeated");
  });

  test("left before its last event is completed by that event alone", () => {
    const ledger = createLedger();
    for (const append of whole) {
      ledger.record(append.filter(({ type }) => type !== "DeliveryCompleted"));
    }
    expect(ledger.decide(delivery).appends.map(brief)).toEqual([["DeliveryCompleted"]]);
  });

  test("cannot be completed by a translation that does not read it", () => {
    const ledger = createLedger();
    ledger.record(whole[0] ?? []);
    const reading = { ok: false, reason: "shape", detail: "" } as const;
    expect(() => ledger.decide({ ...delivery, reading })).toThrow("cannot be read now");
  });
});

describe("text beyond ASCII", () => {
  test("counts with its bytes", () => {
    const rows = Array.from({ length: 900 }, (_, at) => ({
      ...ACCOUNT,
      asset: `A${at}`,
      balance: "1",
      account_id: "€".repeat(300),
    }));
    const body = { messageType: "initial-balance", body: rows };
    const { appends } = createLedger().decide(deliveryOf({ payloadType: "feed", frame: 1, body }));
    for (const append of appends) {
      const bytes = append.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
      expect(bytes).toBeLessThanOrEqual(640 * 1024);
    }
  });
});

describe("a small snapshot", () => {
  test("ends with its completion in one append", () => {
    const { appends } = createLedger().decide(deliveryOf(snapshot(4, 2)));
    expect(appends.map(brief)).toEqual([
      ["DeliveryReceived", "BalanceReported×2", "DeliveryCompleted"],
    ]);
    expect(stated(appends.flat(), "DeliveryCompleted")).toMatchObject([
      { parts: 1, snapshot: { connection: "c1", frame: 4 } },
    ]);
    expect(stated(appends.flat(), "DeliveryReceived")[0]).not.toHaveProperty("parts");
  });
});

describe("what a translation withdrew", () => {
  const withdraw = (event: { id: string; type: string; subject: string }, amends?: string) => ({
    id: `00000000-0000-5000-8000-00000000000${amends === undefined ? 1 : 2}`,
    type: "FactWithdrawn",
    schema_version: 1,
    subject: event.subject,
    occurred_at: null,
    causation_id: null,
    correlation_id: null,
    about: amends ?? event.id,
    data: JSON.stringify({
      event_id: event.id,
      event_type: event.type,
      key: {},
      translation: 2,
      ...(amends === undefined ? {} : { amends }),
    }),
  });

  test("is revived by a delivery that states it, with what that says", () => {
    const ledger = createLedger();
    ledger.deliver(balance());
    const report = ledger.events.find(({ type }) => type === "BalanceReported");
    if (report === undefined) throw new Error("no report");
    ledger.record([withdraw(report)]);
    expect(ledger.known().states.get(report.id)?.withdrawn).toBe(true);
    ledger.deliver(balance({ balance: "0.36" }));
    expect(brief(ledger.events.slice(-2))).toEqual(["DeliveryReceived", "FactCorrected"]);
    const state = ledger.known().states.get(report.id);
    expect(state).toMatchObject({ withdrawn: false, data: { balance: "0.36" }, position: 4 });
    expect(ledger.deliver(balance({ balance: "0.36", comment: "" }))).toBe("recorded");
    expect(brief(ledger.events.slice(-1))).toEqual(["DeliveryReceived"]);
  });

  test("an addition that was withdrawn is seen again where another delivery states it", () => {
    const ledger = createLedger();
    const stating = (comment: string) =>
      balance({ comment, movements: [{ ...MOVEMENT, trade_id: "t" }] });
    ledger.deliver(balance());
    ledger.deliver(stating("misread"));
    const movement = ledger.events.find(({ type }) => type === "MovementRecorded");
    const seen = ledger.events.find(({ type }) => type === "FactSeen");
    if (movement === undefined || seen === undefined) throw new Error("nothing was seen");
    ledger.record([withdraw(seen, movement.id)]);
    const tradeOf = () => {
      const state = ledger.known().states.get(movement.id);
      return state && inForce(state).trade_id;
    };
    expect(tradeOf()).toBeUndefined();
    ledger.deliver(stating("read well"));
    expect(tradeOf()).toBe("t");
    ledger.deliver(stating("once more"));
    expect(stated(ledger.events, "FactSeen")).toHaveLength(2);
  });

  test("a withdrawn contradiction is in force again where another delivery states it", () => {
    const ledger = createLedger();
    ledger.deliver(balance());
    ledger.deliver(balance({ balance: "9" }));
    const report = ledger.events.find(({ type }) => type === "BalanceReported");
    const contradicted = ledger.events.find(({ type }) => type === "FactContradicted");
    if (report === undefined || contradicted === undefined) throw new Error("no contradiction");
    ledger.record([withdraw(contradicted, report.id)]);
    ledger.deliver(balance({ balance: "9", comment: "read well" }));
    ledger.deliver(balance({ balance: "9", comment: "once more" }));
    expect(ledger.known().states.get(report.id)?.contradicted).toHaveLength(1);
  });
});

describe("known facts", () => {
  test("noting an event twice changes nothing", () => {
    const ledger = createLedger();
    ledger.deliver(balance());
    ledger.deliver(frame(7));
    const known = ledger.known();
    for (const event of ledger.events.slice(4)) noteEvent(known, event);
    expect(known).toEqual(ledger.known());
  });

  test("an amendment of a fact that was not looked up is only an id", () => {
    const known = createLedger().known();
    const ledger = createLedger();
    ledger.deliver(balance());
    ledger.deliver(frame(7));
    for (const event of ledger.events.filter(({ type }) => type === "FactSeen")) {
      noteEvent(known, event);
    }
    expect(known.states.size).toBe(0);
    expect(known.ids.size).toBe(3);
  });
});
