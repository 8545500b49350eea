import { createFeedSessions } from "@counterfoil/core/ingest/feed-session";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { describe, expect, test } from "@jest/globals";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Receipt } from "../ports/ingest.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { commitGroups, type Pending } from "./group-commit.ts";
import { deliveryRequest } from "./request.ts";

const clock = createManualClock();

/** A pending webhook; `note` makes it another delivery of the same facts. */
function waitingFor(run: number, note = "") {
  const { promise, resolve, reject } = Promise.withResolvers<Receipt>();
  const body = {
    participant_code: "DEF456",
    account_group: "ABC123",
    account_label: "general",
    account_type: "available",
    asset: "BTC",
    balance: String(run),
    run_id: String(run),
    movements: [{ movement_id: `m${run}`, change: "1" }],
    note,
  };
  const delivery = {
    provider: "zerohash",
    channel: "webhook",
    payloadType: "account_balance.changed",
    notificationId: null,
    place: null,
    verdict: { signature: "valid" },
    bytes: new TextEncoder().encode(JSON.stringify(body)),
    receivedAt: 1_700_000_000_000_000_000n,
    correlationId: null,
  } as const;
  const feedSessions = createFeedSessions();
  const options = { translations: TRANSLATIONS, hashing, feedSessions };
  const request = deliveryRequest(delivery, options);
  const since = clock.now();
  return { waiting: { request, since, resolve, reject }, receipt: promise };
}

type OnCall = (call: string) => void | Promise<void>;

/** A memory stream that records its calls; `onCall` can delay or fail a call. */
function openStream(onCall: OnCall = () => {}) {
  const inner = createMemoryEventStream({ ledger: "default", hashing, clock });
  const calls: string[] = [];
  const noted = (call: string) => {
    const number = calls.filter((other) => other.startsWith(call)).length + 1;
    calls.push(`${call} ${number}`);
    return onCall(`${call} ${number}`);
  };
  const stream: EventStream = {
    ...inner,
    async findByIds(ids) {
      const answer = inner.findByIds(ids);
      await noted("look-up");
      return answer;
    },
    async append(...given) {
      await noted("append");
      return inner.append(...given);
    },
  };
  return { stream, inner, calls };
}

/** Commits the groups in order. @returns the answer of each request */
async function appendAll(stream: EventStream, groups: ReturnType<typeof waitingFor>[][]) {
  const left = groups.map((group) => group.map(({ waiting }): Pending => waiting));
  const reject = (error: unknown, isMeant: (pending: Pending) => boolean = () => true) => {
    for (const [at, group] of left.entries()) {
      for (const pending of group.filter(isMeant)) pending.reject(error);
      left[at] = group.filter((pending) => !isMeant(pending));
    }
    left.splice(0, left.length, ...left.filter((group) => group.length > 0));
  };
  const told = Promise.allSettled(groups.flat().map(({ receipt }) => receipt));
  await commitGroups({ stream, clock, queue: { takeGroup: () => left.shift() ?? [], reject } });
  return (await told).map((result) =>
    result.status === "fulfilled" ? result.value.outcome : String(result.reason.message),
  );
}

const typesOf = async (stream: EventStream) =>
  (await stream.read({ after: 0, limit: 100 })).map(({ type }) => type);

describe("consecutive groups", () => {
  test("the next is looked up before the append of the previous one", async () => {
    const { stream, calls } = openStream();
    await appendAll(stream, [[waitingFor(1)], [waitingFor(2)], [waitingFor(3)]]);
    const ahead = ["look-up 2", "append 1", "look-up 3", "append 2", "append 3"];
    expect(calls).toEqual(["look-up 1", ...ahead]);
  });

  test("the next is decided on top of the previous one", async () => {
    const { stream, inner } = openStream();
    const first = [waitingFor(1), waitingFor(2)];
    const second = [waitingFor(2), waitingFor(1, "otherwise"), waitingFor(3)];
    const told = await appendAll(stream, [first, second, [waitingFor(3)]]);
    expect(told).toEqual(["recorded", "recorded", "repeated", "recorded", "recorded", "repeated"]);
    const bring = ["DeliveryReceived", "RunRecorded", "MovementRecorded", "BalanceReported"];
    expect(await typesOf(inner)).toEqual([...bring, ...bring, "DeliveryReceived", ...bring]);
  });

  test("a group after a failed append is decided again", async () => {
    const { stream, inner } = openStream((call) => {
      if (call === "append 1" || call === "append 2") throw new StreamUnavailable("disk full");
    });
    const told = await appendAll(stream, [[waitingFor(1)], [waitingFor(1)], [waitingFor(1)]]);
    expect(told).toEqual(["disk full", "recorded", "repeated"]);
    expect((await inner.head()).position).toBe(4);
  });

  test("where each append takes long to fail, nothing that has waited for long is tried again", async () => {
    let late: ReturnType<typeof waitingFor> | null = null;
    const { stream, inner, calls } = openStream(async (call) => {
      if (!call.startsWith("append") || call === "append 2") return;
      await clock.advance(6000);
      late = waitingFor(4);
      throw new StreamUnavailable("canceling statement due to lock timeout");
    });
    const groups = [[waitingFor(1), waitingFor(2)], [waitingFor(3)], [waitingFor(3)]];
    const told = await appendAll(stream, groups);
    expect(told).toEqual(Array(4).fill("canceling statement due to lock timeout"));
    expect(calls).toEqual(["look-up 1", "look-up 2", "append 1"]);
    if (late === null) throw new Error("nothing was appended");
    expect(await appendAll(stream, [[late]])).toEqual(["recorded"]);
    expect((await inner.head()).position).toBe(4);
  });

  test("where a delivery fails slowly and the stream does not, the others are tried again", async () => {
    const { stream } = openStream(async (call) => {
      if (call !== "append 1" && call !== "append 2") return;
      await clock.advance(6000);
      throw new RangeError("this delivery is poison");
    });
    const told = await appendAll(stream, [[waitingFor(1), waitingFor(2)], [waitingFor(3)]]);
    expect(told).toEqual(["this delivery is poison", "recorded", "recorded"]);
  });

  test("a group after a conflict is decided again, even if the stream is at the expected position", async () => {
    const rival = [1, 2, 3, 4].map((number) => sampleEvent(number));
    const { stream, inner } = openStream(async (call) => {
      if (call === "append 1") await inner.append(0, rival);
    });
    const told = await appendAll(stream, [[waitingFor(1)], [waitingFor(1), waitingFor(2)]]);
    expect(told).toEqual(["recorded", "repeated", "recorded"]);
    expect((await inner.head()).position).toBe(12);
  });

  test("if the stream fails between two groups, the first is acknowledged and all others are rejected", async () => {
    const { stream, inner } = openStream((call) => {
      if (call === "look-up 2") throw new StreamUnavailable("connection lost");
    });
    const groups = [[waitingFor(1)], [waitingFor(2)], [waitingFor(3)], [waitingFor(4)]];
    const told = await appendAll(stream, groups);
    expect(told).toEqual(["recorded", "connection lost", "connection lost", "connection lost"]);
    expect((await inner.head()).position).toBe(4);
  });

  test("a lookup that hangs does not delay the acknowledgement of durable requests", async () => {
    const hanging = Promise.withResolvers<void>();
    const { stream } = openStream((call) => (call === "look-up 2" ? hanging.promise : undefined));
    const [first, second] = [waitingFor(1), waitingFor(2)];
    const all = appendAll(stream, [[first], [second]]);
    expect(await first.receipt).toMatchObject({ outcome: "recorded", position: 4 });
    hanging.resolve();
    expect(await all).toEqual(["recorded", "recorded"]);
  });
});
