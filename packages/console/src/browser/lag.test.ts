import { describe, expect, test } from "@jest/globals";
import {
  behindIn,
  lagText,
  MODELS,
  type Source,
  type Status,
  statesText,
  versionOf,
} from "./lag.ts";

type Projection = Status["projections"][number];

const projection = (name: string, given: Partial<Projection> = {}) =>
  ({
    name,
    state: "live",
    position: "10",
    lag: 0,
    lag_seconds: 0,
    generation: 1,
    ...given,
  }) as Projection;

const statusOf = (given: Partial<Status> = {}, changed: Partial<Projection> = {}) =>
  ({
    ...{ scope: "ledger", head: "10", stuck: [] },
    projections: [
      projection("balances", changed),
      ...MODELS.slice(1).map((name) => projection(name)),
    ],
    ...given,
  }) as unknown as Status;

describe("a model shows the present", () => {
  test.each([
    ["live", 0, true],
    ["catching_up", 0.5, true],
    ["catching_up", 2, true],
    ["catching_up", 24, false],
    ["stopped", 0, false],
    ["waiting", 0, false],
    ["forked", 0, false],
    ["unreadable", 0, false],
    ["a later word", 0, false],
  ])("in the state %s, %d s behind: %s", (state, lag_seconds, isCurrent) => {
    const status = statusOf({}, { state, lag_seconds } as Partial<Projection>);
    expect(behindIn(status, ["balances"]).length).toBe(isCurrent ? 0 : 1);
    expect(behindIn(status, ["trades", "stream"])).toEqual([]);
  });

  test("and what does not is named, with how far it is behind", () => {
    const lag = { state: "catching_up", lag: 52_000, lag_seconds: 24 } as const;
    const behind = behindIn(statusOf({}, lag), MODELS);
    expect(statesText(behind)).toBe("balances is catching up");
    expect(lagText(behind)).toBe(
      "balances is catching up at position 10, 52000 events and 24 s behind",
    );
  });
});

describe("an answer is asked for again", () => {
  const isAgain = (sources: readonly Source[], after: Status, at = "1") =>
    versionOf(statusOf(), "1", sources) !== versionOf(after, at, sources);

  test("when a model that it is read from has moved, or is another generation", () => {
    for (const change of [{ position: "11" }, { generation: 2 }]) {
      expect(isAgain(["balances"], statusOf({}, change))).toBe(true);
      expect(isAgain(["trades", "stream"], statusOf({}, change))).toBe(false);
    }
  });

  test("when the stream has moved, for which a platform's key also needs the models", () => {
    expect(isAgain(["stream"], statusOf({ head: "11" }))).toBe(true);
    expect(isAgain(["balances"], statusOf({ head: "11" }))).toBe(false);
    const ofPlatform = (position: string) =>
      versionOf(statusOf({ scope: "platform" }, { position }), "1", ["stream"]);
    expect(ofPlatform("10")).not.toBe(ofPlatform("11"));
  });

  test("when a record has become stuck, which no event says", () => {
    const stuck = [
      { model: "deposits", stage: "held", open: 1, unacknowledged: 1 },
    ] as Status["stuck"];
    expect(isAgain(["deposits"], statusOf({ stuck }))).toBe(true);
    expect(isAgain(["balances"], statusOf({ stuck }))).toBe(false);
  });

  test("at each status, if it changes without an event", () => {
    expect(isAgain(["status"], statusOf(), "2")).toBe(true);
    expect(isAgain(["balances"], statusOf(), "2")).toBe(false);
  });
});
