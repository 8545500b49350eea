import { describe, expect, test } from "@jest/globals";
import { timeOf } from "../exact/time.ts";
import {
  type Amendment,
  accountIdsOf,
  evolveFactState,
  type FactData,
  type FactState,
  firstArrivalOf,
  inForce,
  initialFactState,
  timesOf,
} from "./fact-state.ts";

const ABOUT = { event_id: "fact", event_type: "BalanceReported", key: {}, translation: 1 };
const at = (second: number) => `2025-05-01T00:00:${String(second).padStart(2, "0")}Z`;

let next = 0;
function amendment(type: Amendment["type"], data: object, id = `a${++next}`): Amendment {
  return { type, id, position: 10, deliveryId: "d", data: { ...ABOUT, ...data } } as never;
}
const seen = (adds: FactData, received_at = at(30), id?: string) =>
  amendment("FactSeen", { adds, received_at }, id);
const contradicted = (contradicts: FactData, id?: string) =>
  amendment("FactContradicted", { contradicts, received_at: at(30) }, id);
const corrected = (data: FactData) => amendment("FactCorrected", { data });
const withdrawn = (amends?: string) =>
  amends === undefined
    ? amendment("FactWithdrawn", {})
    : amendment("FactWithdrawn", { event_id: amends, amends: "fact" });

const stateOf = (data: FactData, ...amendments: readonly Amendment[]): FactState =>
  amendments.reduce(evolveFactState, initialFactState({ received_at: at(20), ...data }, 1, "d0"));

describe("what is in force", () => {
  test.each<[string, FactState, FactData]>([
    ["as recorded", stateOf({ balance: "1" }), { balance: "1" }],
    ["what a copy adds", stateOf({}, seen({ balance: "1" })), { balance: "1" }],
    [
      "the first addition stands",
      stateOf({}, seen({ origin: "a" }), seen({ origin: "b" })),
      { origin: "a" },
    ],
    [
      "recorded stands before added",
      stateOf({ origin: "a" }, seen({ origin: "b" })),
      { origin: "a" },
    ],
    [
      "the finest time",
      stateOf(
        { occurred_at: "2025-05-01T00:00:01Z" },
        seen({ occurred_at: "2025-05-01T00:00:01.5Z".replace(".5", ".500") }),
      ),
      { occurred_at: "2025-05-01T00:00:01.500Z" },
    ],
    [
      "the earlier of two times",
      stateOf({ occurred_at: at(2) }, seen({ occurred_at: at(1) })),
      { occurred_at: at(1) },
    ],
    [
      "a time where there was none",
      stateOf({}, seen({ occurred_at: at(1) })),
      { occurred_at: at(1) },
    ],
    [
      "a contradiction changes nothing",
      stateOf({ balance: "1" }, contradicted({ balance: "2" })),
      { balance: "1" },
    ],
    [
      "a correction stands",
      stateOf({ balance: "1" }, corrected({ balance: "3", received_at: at(20) })),
      { balance: "3" },
    ],
    [
      "additions outlive a correction",
      stateOf({}, seen({ origin: "a" }), corrected({ balance: "3", received_at: at(20) })),
      { balance: "3", origin: "a" },
    ],
    ["a withdrawn addition", stateOf({}, seen({ origin: "a" }, at(30), "s1"), withdrawn("s1")), {}],
  ])("%s", (_what, state, expected) => {
    expect(inForce(state)).toEqual({ received_at: at(20), ...expected });
  });

  test("a withdrawn fact, and one that is revived", () => {
    expect(stateOf({}, withdrawn()).withdrawn).toBe(true);
    expect(stateOf({}, withdrawn())).toMatchObject({ corrected: false });
    expect(stateOf({}, withdrawn(), corrected({ balance: "1" }))).toMatchObject({
      withdrawn: false,
      corrected: true,
      data: { balance: "1" },
    });
  });

  test("contradictions are kept with their places, and may be withdrawn", () => {
    const state = stateOf({ balance: "1" }, contradicted({ balance: "2" }, "c1"));
    expect(state.contradicted).toEqual([
      { id: "c1", contradicts: { balance: "2" }, position: 10, deliveryId: "d" },
    ]);
    expect(evolveFactState(state, withdrawn("c1")).contradicted).toEqual([]);
  });

  test("folding an amendment twice changes nothing", () => {
    for (const twice of [
      seen({ origin: "a" }),
      contradicted({ balance: "2" }),
      corrected({ a: "b" }),
      withdrawn(),
    ]) {
      const once = stateOf({ balance: "1" }, twice);
      expect(evolveFactState(once, twice)).toEqual(once);
    }
  });

  test("what copies gave: times, account ids, the first arrival", () => {
    const state = stateOf(
      { account_id: "a", occurred_at: at(1) },
      seen({ account_id: "b", place: { connection: "c", frame: 1 } }, at(25)),
      seen({ account_id: "a", occurred_at: at(2) }, at(10)),
    );
    expect(accountIdsOf(state)).toEqual(["a", "b"]);
    expect(timesOf(state)).toEqual([timeOf(at(1)), timeOf(at(2))]);
    expect(firstArrivalOf(state)).toBe(timeOf(at(10)));
    expect(firstArrivalOf(stateOf({}))).toBe(timeOf(at(20)));
  });
});
