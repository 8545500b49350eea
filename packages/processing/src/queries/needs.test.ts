import { SECOND, timeOf } from "@counterfoil/core/exact/time";
import { describe, expect, test } from "@jest/globals";
import { needsOf } from "./needs.ts";

type Facts = Parameters<typeof needsOf>[0];
type Projection = Facts["projections"][number];

const SINCE = "2026-01-01T00:00:00Z";
const after = (seconds: number) => timeOf(SINCE) + BigInt(seconds) * SECOND;

const QUIET: Facts = {
  ...{ ledger: "default", environment: "test", engine: "memory", scope: "ledger", head: "9" },
  head_hash: "",
  ...{ projections: [], publisher: null, last_deliveries: [], anomalies: [] },
  feed: { state: "subscribed", since: SINCE, connection: "c", reason: null },
  ...{ quarantined: { open: 3, unacknowledged: 0 }, stuck: [] },
};

type Circumstances = Parameters<typeof needsOf>[1];

const USUAL: Circumstances = {
  now: after(0),
  isPublishing: true,
  isRefused: false,
  followsFeed: true,
  isHeadKeyUsable: true,
  areAppendsRefused: false,
  held: new Set(),
  outdated: new Set(),
};

function needs(facts: Partial<Facts>, seconds = 0, configured = true): readonly string[] {
  const expected = { isPublishing: configured, followsFeed: configured };
  const circumstances = { ...USUAL, now: after(seconds), ...expected };
  return needsOf({ ...QUIET, ...facts }, circumstances).map(({ what }) => what);
}

const published = (lag_seconds: number, stopped_keys = 0) => ({
  publisher: { position: "1", lag: 8, lag_seconds, stopped_keys },
});
const feed = (state: "connected" | "subscribed" | "disconnected") => ({
  feed: { state, since: SINCE, connection: "c", reason: null },
});

describe("a person is needed", () => {
  test("for nothing that was acknowledged or dismissed", () => {
    const known = { open: 2, unacknowledged: 0 };
    const anomalies = [{ model: "balances", kind: "gap", ...known } as const];
    const stuck = [{ model: "deposits", stage: "held", ...known } as const];
    expect(needs({ anomalies, stuck })).toEqual([]);
    const open = { open: 2, unacknowledged: 1 };
    expect(needs({ anomalies: [{ model: "balances", kind: "gap", ...open }] })).toHaveLength(1);
    expect(needs({ stuck: [{ model: "deposits", stage: "held", ...open }] })).toHaveLength(1);
    expect(needs({ quarantined: open })).toHaveLength(1);
    // Where nobody could count, the state of the model says so.
    expect(needs({ quarantined: null })).toEqual([]);
  });

  test("where the stream refuses appends", () => {
    const circumstances = { ...USUAL, areAppendsRefused: true };
    const [need, ...others] = needsOf(QUIET, circumstances);
    expect(others).toEqual([]);
    expect(need?.what).toContain("no webhook is taken");
    expect(need?.do).toContain("docs/runbook.md#counterfoilwebhooksnottaken");
  });

  test.each<Readonly<{ state: Projection["state"]; count: number }>>([
    { state: "live", count: 0 },
    { state: "catching_up", count: 0 },
    { state: "waiting", count: 1 },
    { state: "stopped", count: 1 },
    { state: "forked", count: 1 },
    { state: "unreadable", count: 1 },
  ])("for a model that is $state: $count", ({ state, count }) => {
    const projection = { name: "trades", state, lag: 4, reason: null } as Projection;
    expect(needs({ projections: [projection] })).toHaveLength(count);
  });

  test("for a model that has been behind for a quarter of an hour: to see why in its log", () => {
    const late = { name: "trades", state: "catching_up", lag: 4, reason: null } as Projection;
    expect(needs({ projections: [{ ...late, lag_seconds: 900 }] })).toEqual([]);
    const [need] = needsOf({ ...QUIET, projections: [{ ...late, lag_seconds: 901 }] }, USUAL);
    expect(need).toEqual({
      what: "trades is catching_up, 4 events behind",
      do: "see its projector's log: if that names damage, `counterfoil rebuild` its name",
    });
  });

  test("for a model that is not there yet: to start a projector, unless one is at it", () => {
    const projections = [{ name: "trades", state: "waiting", lag: 1, reason: null } as Projection];
    const facts = { ...QUIET, projections };
    expect(needsOf(facts, USUAL)).toEqual([
      { what: "trades is waiting, 1 event behind", do: "start a projector" },
    ]);
    const [need] = needsOf(facts, { ...USUAL, held: new Set(["trades"]) });
    expect(need?.do).toMatch(/^a projector is at it: .* its log/);
  });

  test("for a model of another version: to wait for a projector or to start one, not to rebuild it", () => {
    const reason = "its rows are of model version 8, and this program reads version 9";
    const projection = { name: "trades", state: "unreadable", lag: 4, reason } as Projection;
    const facts = { ...QUIET, projections: [projection] };
    const outdated: ReadonlySet<"trades"> = new Set(["trades"]);
    const [need] = needsOf(facts, { ...USUAL, outdated });
    expect(need?.what).toContain(`trades is unreadable: ${reason}`);
    expect(need?.what).not.toContain("4 events");
    expect(need?.do).toBe("start a projector");
    const [held] = needsOf(facts, { ...USUAL, outdated, held: outdated });
    expect(held?.do).toContain("a projector is at it");
    const [damaged] = needsOf(facts, { ...USUAL, held: outdated });
    expect(damaged?.do).toContain("counterfoil rebuild");
  });

  test("in the right number", () => {
    const one = { open: 1, unacknowledged: 1 };
    expect(needs({ quarantined: one })).toEqual(["1 delivery that nobody could read"]);
    const stuck = [{ model: "deposits", stage: "held", ...one } as const];
    expect(needs({ stuck })).toEqual(["1 deposit stuck in held"]);
    expect(needs(published(0, 1))).toEqual(["Kafka does not take the records of 1 key"]);
  });

  test("for a publisher that is refused, however little it is behind", () => {
    const refused = (isPublishing: boolean) =>
      needsOf({ ...QUIET, ...published(1) }, { ...USUAL, isRefused: true, isPublishing });
    const [need, ...others] = refused(true);
    expect(need?.what).toBe("Kafka is 8 events behind: publishing is refused");
    expect(others).toEqual([]);
    expect(refused(false)).toEqual([]);
  });

  test("for a publisher that is far behind, or whose broker refuses keys, where one is configured", () => {
    expect(needs(published(900))).toEqual([]);
    expect(needs(published(901))).toHaveLength(1);
    expect(needs(published(901), 0, false)).toEqual([]);
    expect(needs(published(0, 2))).toEqual(["Kafka does not take the records of 2 keys"]);
  });

  test("for a feed that has had no snapshot for longer than five minutes, where one is followed", () => {
    expect(needs(feed("subscribed"), 90_000)).toEqual([]);
    expect(needs(feed("disconnected"), 300)).toEqual([]);
    expect(needs(feed("disconnected"), 301)).toHaveLength(1);
    expect(needs(feed("connected"), 301)).toHaveLength(1);
    expect(needs(feed("disconnected"), 301, false)).toEqual([]);
  });

  test("for a feed that was never connected, where one is followed and the balances can be read", () => {
    expect(needs({ feed: null })).toEqual(["the feed has never been connected"]);
    expect(needs({ feed: null, quarantined: null })).toEqual([]);
    expect(needs({ feed: null }, 0, false)).toEqual([]);
  });
});
