import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { Overloaded } from "@counterfoil/processing/ports/ingest";
import { describe, expect, test } from "@jest/globals";
import { CLOSED, CUT } from "../testing/fake-feed.ts";
import { ANSWER, PONG, REFUSAL, SNAPSHOT, update } from "../testing/feed-frame.ts";
import { startFakeFeed, summary } from "../testing/feed-harness.ts";

const MEBIBYTE = 2 ** 20;
/** A snapshot of this many bytes: JSON may end in any amount of white space. */
const padded = (bytes: number) => JSON.stringify(SNAPSHOT).padEnd(bytes);

const CREDENTIALS = {
  key: "the key",
  passphrase: "the passphrase",
  timestamp: expect.stringMatching(/^\d{10}$/),
  signature: expect.stringMatching(/^[\w+/]{43}=$/),
};

describe("subscribing", () => {
  test("comes after the opening is durable", async () => {
    const { client, ingest, clock, opened } = startFakeFeed();
    const release = ingest.hold();
    const connection = await opened();
    await ingest.attempted.when((calls) => calls.length === 1);
    expect(connection.sent.all()).toEqual([]);
    release();
    await connection.sent.when((messages) => messages.length === 1);
    expect(connection.sent.all()).toEqual([
      {
        messageType: "subscribe",
        topic: "balances",
        useMultiChainAssetFormat: true,
        body: {},
        ...CREDENTIALS,
      },
    ]);
    const opening = {
      provider: "zerohash",
      connection: "connection-1",
      multi_chain: true,
      openedAt: clock.now(),
    };
    expect(ingest.recorded.all()).toEqual([{ kind: "opened", opening }]);
    await client.stop();
  });

  test("frames that come before that wait for it", async () => {
    const { client, ingest, opened } = startFakeFeed();
    const release = ingest.hold();
    const connection = await opened();
    await connection.send(SNAPSHOT);
    release();
    await ingest.recorded.when((calls) => calls.length === 2);
    expect(summary(ingest.recorded.all())).toEqual(["opened", "frame 1"]);
    await client.stop();
  });
});

describe("frames", () => {
  test("are numbered from 1 with pongs and answers, which are not submitted", async () => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(ANSWER, SNAPSHOT, PONG, update(1), "not JSON", PONG, update(2));
    await ingest.recorded.when((calls) => calls.length === 5);
    expect(summary(ingest.recorded.all())).toEqual([
      "opened",
      ...["frame 2", "frame 4", "frame 5", "frame 7"],
    ]);
    expect(ingest.deliveries()[0]).toEqual({
      provider: "zerohash",
      channel: "feed",
      payloadType: "feed",
      notificationId: null,
      place: { connection: "connection-1", frame: 2 },
      verdict: { signature: "none" },
      bytes: Buffer.from(JSON.stringify(SNAPSHOT)),
      receivedAt: clock.now(),
      correlationId: "connection-1",
    });
    await client.stop();
  });

  test("that are no UTF-8 are submitted unchanged", async () => {
    const { client, ingest, subscribed } = startFakeFeed();
    const connection = await subscribed();
    const bytes = Buffer.of(0xff, 0x00, 0xfe);
    await connection.send(SNAPSHOT, bytes);
    await ingest.recorded.when((calls) => calls.length === 3);
    expect(ingest.deliveries()[1]?.bytes).toEqual(bytes);
    await client.stop();
  });

  test.each([
    ["unavailable", new StreamUnavailable("disk full")],
    ["overloaded", new Overloaded("too much")],
    ["broken in a way that nobody foresaw", new TypeError("?")],
  ])("keep their order while the stream is %s, and none is lost", async (_, error) => {
    const { client, ingest, clock, log, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    ingest.failNext(error, error, error);
    await connection.send(update(1), update(2), update(3));
    await clock.advance(1_000);
    await connection.send(update(4));
    await ingest.recorded.when((calls) => calls.length === 6);
    expect(summary(ingest.recorded.all())).toEqual([
      "opened",
      ...[1, 2, 3].map((frame) => `frame ${frame}`),
      ...["frame 4", "frame 5"],
    ]);
    const attempts = summary(ingest.attempted.all());
    expect(attempts.filter((call) => call === "frame 2")).toHaveLength(4);
    expect(log.text()).not.toContain("run_id");
    await client.stop();
  });

  test("are not read while too many wait", async () => {
    const { client, ingest, clock, registry, subscribed } = startFakeFeed();
    const connection = await subscribed();
    ingest.failAlways(new StreamUnavailable("down"));
    await connection.send(SNAPSHOT);
    const large = { ...update(1), padding: "x".repeat(1_100_000) };
    await connection.send(large, update(2));
    expect(connection.did.all()).toEqual(["pause"]);
    // While paused nothing is received, so an hour of silence does not close it; pings go on.
    const pings = connection.sent.all().length;
    for (let minute = 0; minute < 60; minute += 1) await clock.advance(60_000);
    expect(connection.did.all()).toEqual(["pause"]);
    expect(connection.sent.all().length).toBe(pings + 360);
    ingest.failAlways(null);
    await clock.advance(10_000);
    expect(connection.did.all()).toEqual(["pause", "resume"]);
    expect(summary(ingest.recorded.all())).toEqual(["opened", "frame 1", "frame 2", "frame 3"]);
    expect(await registry.metrics()).toMatch(/counterfoil_feed_retries_total \d+/);
    await client.stop();
  });
});

describe("keeping alive", () => {
  test("pings every 10 s, each freshly signed", async () => {
    const { client, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    for (let ping = 0; ping < 5; ping += 1) {
      await clock.advance(10_000);
      await connection.send(PONG);
    }
    const pings = connection.sent.all().slice(1);
    expect(pings).toEqual(Array(5).fill({ messageType: "ping", ...CREDENTIALS }));
    expect(new Set(pings.map(({ signature }) => signature)).size).toBe(5);
    expect(connection.did.all()).toEqual([]);
    await client.stop();
  });

  test("30 s without anything: the connection is cut", async () => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    await clock.advance(29_999);
    expect(connection.did.all()).toEqual([]);
    await clock.advance(1);
    expect(connection.did.all()).toEqual(["terminate"]);
    await ingest.recorded.when((calls) => calls.length === 3);
    expect(ingest.recorded.all()[2]).toMatchObject({ closing: { reason: "liveness" } });
    await client.stop();
  });

  test("a snapshot that is on its way for 60 s arrives, and pings go on meanwhile", async () => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    for (let ping = 0; ping < 6; ping += 1) {
      connection.sendPart(100_000);
      await connection.send(PONG);
      await clock.advance(10_000);
    }
    await connection.send(SNAPSHOT);
    await ingest.recorded.when((calls) => calls.length === 2);
    expect(connection.did.all()).toEqual([]);
    expect(connection.sent.all()).toHaveLength(7);
    await client.stop();
  });

  test.each([
    ["never answers", []],
    ["acknowledges, and sends no snapshot", [ANSWER]],
    ["sends updates alone", [update(1), update(2), update(3)]],
  ])("a feed that %s is left after 30 s, named and tried again", async (_, frames) => {
    const { client, ingest, clock, log, subscribed } = startFakeFeed({ random: () => 0.999 });
    for (let nth = 1; nth <= 3; nth += 1) {
      const connection = await subscribed(nth);
      await connection.send(...frames);
      for (let second = 0; second < 30; second += 1) {
        expect(connection.did.all()).toEqual([]);
        await connection.send(PONG);
        await clock.advance(1_000);
      }
      expect(connection.did.all()).toEqual(["terminate"]);
      const isClosed = ({ kind }: Readonly<{ kind: string }>) => kind === "closed";
      await ingest.recorded.when((calls) => calls.filter(isClosed).length === nth);
      expect(ingest.recorded.all().findLast(isClosed)).toMatchObject({
        closing: { reason: "subscription_unanswered", detail: "no snapshot arrived for 30 s" },
      });
      await clock.advance(500 * 2 ** (nth - 1));
    }
    expect(log.text()).toContain('"reason":"subscription_unanswered"');
    await client.stop();
  });

  test("no pings before the subscription and none after the end", async () => {
    const { client, ingest, clock, opened } = startFakeFeed({ random: () => 1 });
    ingest.failAlways(new StreamUnavailable("down"));
    const connection = await opened();
    await clock.advance(60_000);
    await connection.end(CLOSED);
    ingest.failAlways(null);
    await clock.advance(60_000);
    expect(connection.sent.all()).toEqual([]);
    expect(summary(ingest.recorded.all())).toEqual(["opened", "closed closed"]);
    await client.stop();
  });
});

describe("the end of a connection", () => {
  const closings = [
    [{ ...CLOSED, code: 1001, reason: "restart" }, "closed", "code 1001, restart"],
    [CLOSED, "closed", "code 1000"],
    [{ kind: "closed", code: 4000, reason: "a\u0000\nb" }, "closed", "code 4000, a  b"],
    [CUT, "network", "no closing handshake"],
    [
      { kind: "protocol_error", detail: "WS_ERR_INVALID_OPCODE" },
      "protocol_error",
      "WS_ERR_INVALID_OPCODE",
    ],
    [
      { kind: "frame_too_large" },
      "frame_too_large",
      "more than 1000 bytes, after 1 frames of together 211 bytes",
    ],
  ] as const;

  test.each(closings)("%j is recorded as %s", async (end, reason, detail) => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    await connection.end(end);
    await ingest.recorded.when((calls) => calls.length === 3);
    const shared = { provider: "zerohash", connection: "connection-1", closedAt: clock.now() };
    const closing = { ...shared, reason, detail };
    expect(ingest.recorded.all()[2]).toEqual({ kind: "closed", closing });
    await client.stop();
  });

  test.each([
    ["a close", CLOSED, "code 1000"],
    ["a cut", CUT, "no closing handshake"],
  ])("%s before any snapshot is a refused subscription", async (_, end, detail) => {
    const { client, ingest, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(ANSWER, update(1));
    await connection.end(end);
    await ingest.recorded.when((calls) => calls.length === 3);
    const closing = { reason: "subscription_refused", detail };
    expect(ingest.recorded.all()[2]).toMatchObject({ closing });
    await client.stop();
  });

  test.each([
    [{ kind: "protocol_error", detail: "WS_ERR_INVALID_OPCODE" }],
    [{ kind: "frame_too_large" }],
  ] as const)("%j before any snapshot is no refused subscription", async (end) => {
    const { client, ingest, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.end(end);
    await ingest.recorded.when((calls) => calls.length === 2);
    expect(ingest.recorded.all()[1]).toMatchObject({ closing: { reason: end.kind } });
    await client.stop();
  });

  test.each([
    REFUSAL,
    { messageType: "subscribe", error: "invalid signature" },
    { messageType: "info", body: { error_code: 401 } },
  ])("so is a message of an error or of an unknown type; it is kept: %j", async (refusal) => {
    const { client, ingest, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(refusal);
    await ingest.recorded.when((calls) => calls.length === 3);
    expect(connection.did.all()).toEqual(["close"]);
    expect(summary(ingest.recorded.all())).toEqual([
      ...["opened", "frame 1", "closed subscription_refused"],
    ]);
    await client.stop();
  });

  test("an unknown message after the snapshot is just kept", async () => {
    const { client, ingest, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT, REFUSAL);
    await ingest.recorded.when((calls) => calls.length === 3);
    expect(connection.did.all()).toEqual([]);
    await client.stop();
  });

  test("a fault of this program ends the connection, and is logged once", async () => {
    const delivered = () => {
      throw new TypeError("no such label");
    };
    const { client, ingest, clock, log, opened } = startFakeFeed({ metrics: { delivered } });
    const connection = await opened(1);
    await connection.send(SNAPSHOT, update(1), update(2));
    await ingest.recorded.when((calls) => calls.length === 3);
    expect(summary(ingest.recorded.all())).toEqual(["opened", "frame 1", "closed network"]);
    expect(log.text().match(/feed cannot go on/g)).toHaveLength(1);
    await clock.advance(1_000);
    await opened(2);
    await client.stop();
  });

  test("a server that cannot be reached is not recorded, and dialled again", async () => {
    const { client, ingest, clock, registry, dialled } = startFakeFeed();
    const connection = await dialled(1);
    await connection.end({ kind: "network", detail: "ECONNREFUSED" });
    await clock.whenSlept(1);
    await clock.advance(250);
    await dialled(2);
    expect(ingest.attempted.all()).toEqual([]);
    const text = await registry.metrics();
    expect(text).toContain('counterfoil_feed_reconnects_total{reason="unreachable"} 1');
    await client.stop();
  });
});

describe("reconnecting", () => {
  test("what was received is durable first; the next one continues the last", async () => {
    const { client, ingest, clock, dials, subscribed, dialled } = startFakeFeed();
    const first = await subscribed(1);
    await first.send(SNAPSHOT);
    ingest.failNext(new StreamUnavailable("down"));
    await first.send(update(1));
    await first.end(CUT);
    await clock.whenSlept(2);
    await clock.advance(49);
    expect(dials.all()).toHaveLength(1);
    await clock.advance(1);
    await ingest.recorded.when((calls) => calls.length === 4);
    await clock.whenSlept(3);
    await clock.advance(250);
    const failed = await dialled(2);
    await failed.end(CUT);
    await clock.whenSlept(4);
    await clock.advance(500);
    await subscribed(3);
    expect(summary(ingest.recorded.all())).toEqual([
      ...["opened", "frame 1", "frame 2", "closed network", "opened"],
    ]);
    expect(ingest.recorded.all()[4]).toMatchObject({
      opening: { connection: "connection-3", continues: "connection-1" },
    });
    await client.stop();
  });

  test.each([
    ["30 s where nothing comes", null, [0.5, 1, 2, 4, 8, 16, 30, 30, 30]],
    ["30 s where a small snapshot comes", SNAPSHOT, [0.5, 1, 2, 4, 8, 16, 30, 30, 30]],
    ["what 6 MiB cost", padded(6 * MEBIBYTE), [0.5, 1, 2, 4, 8, 16, 32, 64, 96, 96, 96]],
    [
      "5 min whatever it costs",
      padded(30 * MEBIBYTE),
      [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300],
    ],
  ])("waits longer and longer, up to %s, until one lives a minute", async (_, snapshot, all) => {
    const hasSnapshot = snapshot !== null;
    const { client, ingest, clock, subscribed, dialled } = startFakeFeed({ random: () => 0.9999 });
    const pauseBehind = async (nth: number, livedMs: number) => {
      const connection = hasSnapshot ? await subscribed(nth) : await dialled(nth);
      const recorded = ingest.recorded.all().length;
      if (hasSnapshot) {
        await connection.send(snapshot);
        await ingest.recorded.when((calls) => calls.length > recorded);
      }
      for (let ms = 0; ms < livedMs; ms += 10_000) {
        if (hasSnapshot) await connection.send(PONG);
        await clock.advance(10_000);
      }
      const before = clock.sleeps().length;
      await connection.end(CUT);
      await clock.whenSlept(before + 1);
      const pauseMs = clock.sleeps().at(-1) ?? 0;
      await clock.advance(pauseMs);
      return Math.round(pauseMs / 100) / 10;
    };
    const seconds: number[] = [];
    for (const nth of all.keys()) seconds.push(await pauseBehind(nth + 1, 0));
    expect(seconds).toEqual(all);
    expect(await pauseBehind(all.length + 1, 50_000)).toBe(all.at(-1));
    expect(await pauseBehind(all.length + 2, 60_000)).toBe(hasSnapshot ? 0.5 : 30);
    await client.stop();
  });
});

describe("a snapshot without multi-chain asset codes", () => {
  test("every later frame is for quarantine; the connection is closed and opened again", async () => {
    const { client, ingest, clock, subscribed, dialled } = startFakeFeed({ random: () => 0.999 });
    ingest.answerWith(({ payloadType, place }) => {
      if (payloadType === "feed:single_chain") {
        return { outcome: "quarantined", reason: "unknown_type" };
      }
      return place?.frame === 1 ? { outcome: "quarantined", reason: "single_chain" } : {};
    });
    const first = await subscribed(1);
    await first.send(SNAPSHOT, update(1), PONG, SNAPSHOT);
    await ingest.recorded.when((calls) => calls.length === 5);
    expect(first.did.all()).toEqual(["close"]);
    expect(summary(ingest.recorded.all())).toEqual([
      ...["opened", "frame 1", "feed:single_chain 2", "feed:single_chain 4"],
      "closed single_chain",
    ]);
    // Such a snapshot does not count as stable: the backoff goes on growing.
    await clock.whenSlept(2);
    await clock.advance(500);
    await (await subscribed(2)).send(SNAPSHOT);
    await clock.whenSlept(4);
    expect(clock.sleeps()).toEqual([10_000, 499.5, 10_000, 999]);
    await clock.advance(1_000);
    await dialled(3);
    await client.stop();
  });

  test("is reported even if the connection ended before it was recorded", async () => {
    const { client, ingest, subscribed } = startFakeFeed();
    ingest.answerWith(() => ({ outcome: "repeated", reason: "single_chain" }));
    const connection = await subscribed();
    const release = ingest.hold();
    await connection.send(SNAPSHOT);
    await connection.end(CUT);
    release();
    await ingest.recorded.when((calls) => calls.length === 3);
    expect(summary(ingest.recorded.all()).at(-1)).toBe("closed single_chain");
    await client.stop();
  });
});

describe("stopping", () => {
  test("closes, records what was received, and the closing", async () => {
    const { client, ingest, subscribed, dials } = startFakeFeed();
    const connection = await subscribed();
    const release = ingest.hold();
    await connection.send(SNAPSHOT, update(1));
    const stopped = client.stop();
    release();
    await stopped;
    expect(connection.did.all()).toEqual(["close"]);
    expect(summary(ingest.recorded.all())).toEqual([
      ...["opened", "frame 1", "frame 2", "closed stopped"],
    ]);
    expect(dials.all()).toHaveLength(1);
  });

  test("with the stream down gives up after one more attempt, and skips no frame", async () => {
    const { client, ingest, log, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    ingest.failAlways(new StreamUnavailable("down"));
    await connection.send(update(1), update(2));
    await client.stop();
    expect(summary(ingest.recorded.all())).toEqual(["opened", "frame 1"]);
    expect(summary(ingest.attempted.all())).not.toContain("frame 3");
    expect(log.text()).toContain("2 received frames are not recorded");
  });

  test("leaves what takes longer than 10 s, and says how much", async () => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    const release = ingest.hold();
    await connection.send(SNAPSHOT, update(1), update(2));
    let isStopped = false;
    const stopped = client.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(9_900);
    expect(isStopped).toBe(false);
    await clock.advance(100);
    release();
    await stopped;
    expect(summary(ingest.attempted.all())).not.toContain("frame 2");
    expect(ingest.recorded.all().at(-1)).toMatchObject({
      closing: { reason: "stopped", detail: "3 received frames are not recorded" },
    });
  });

  test("while dialling, and between two connections", async () => {
    const dialling = startFakeFeed();
    await dialling.dialled(1);
    await dialling.client.stop();
    const between = startFakeFeed();
    await (await between.dialled(1)).end(CUT);
    await between.clock.whenSlept(1);
    await between.client.stop();
    expect(between.dials.all()).toHaveLength(1);
  });
});

test("metrics report the state, the frames and the ends", async () => {
  const { client, ingest, registry, opened, runPending } = startFakeFeed();
  const value = async (name: string) => {
    const line = (await registry.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
    return Number(line?.split(" ")[1]);
  };
  const feedState = async () =>
    (await registry.metrics()).match(/counterfoil_feed_state\{state="(\w+)"\} 1/)?.[1];
  expect(await feedState()).toBe("disconnected");
  const connection = await opened();
  expect(await feedState()).toBe("connected");
  await connection.sent.when((messages) => messages.length === 1);
  await connection.send(SNAPSHOT, PONG, PONG);
  await ingest.recorded.when((calls) => calls.length === 2);
  await runPending();
  expect(await feedState()).toBe("subscribed");
  expect(await value('counterfoil_feed_frames_total{kind="pong"}')).toBe(2);
  await client.stop();
  expect(await feedState()).toBe("disconnected");
  expect(await value('counterfoil_feed_reconnects_total{reason="stopped"}')).toBe(1);
});

test("a snapshot that cannot be read is no subscription for the metrics", async () => {
  const { client, ingest, registry, subscribed, runPending } = startFakeFeed();
  ingest.answerWith(() => ({ outcome: "quarantined", reason: "shape" }));
  const connection = await subscribed();
  await connection.send(SNAPSHOT);
  await ingest.recorded.when((calls) => calls.length === 2);
  await runPending();
  expect(await registry.metrics()).toContain('counterfoil_feed_state{state="connected"} 1');
  await client.stop();
});

describe("a snapshot is complete", () => {
  const completed = (connection: string, frames: number) => ({
    provider: "zerohash",
    connection,
    frames,
  });

  test("two seconds after its last frame, and not before", async () => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    await ingest.recorded.when((calls) => calls.length === 2);
    await clock.advance(1_900);
    await connection.send(SNAPSHOT, update(1));
    await ingest.recorded.when((calls) => calls.length === 4);
    await clock.advance(1_900);
    expect(ingest.completed.all()).toEqual([]);
    await clock.advance(200);
    expect(ingest.completed.all()).toEqual([completed("connection-1", 2)]);
    await connection.send(SNAPSHOT);
    await ingest.recorded.when((calls) => calls.length === 5);
    await clock.advance(2_000);
    expect(ingest.completed.all().at(-1)).toEqual(completed("connection-1", 3));
    await client.stop();
  });

  test("not while another frame is on its way, nor while nothing is read", async () => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    await ingest.recorded.when((calls) => calls.length === 2);
    for (let part = 0; part < 10; part += 1) {
      connection.sendPart(2_000);
      await clock.advance(1_000);
    }
    expect(ingest.completed.all()).toEqual([]);
    await connection.send(SNAPSHOT);
    await ingest.recorded.when((calls) => calls.length === 3);
    const release = ingest.hold();
    await connection.send(padded(2 * MEBIBYTE));
    await clock.advance(60_000);
    expect(connection.did.all()).toEqual(["pause"]);
    expect(ingest.completed.all()).toEqual([]);
    release();
    await ingest.recorded.when((calls) => calls.length === 4);
    await clock.advance(2_000);
    expect(ingest.completed.all()).toEqual([completed("connection-1", 3)]);
    await client.stop();
  });

  test.each([
    ["the other side closes", CLOSED, 1],
    ["the connection breaks", CUT, 0],
  ] as const)("where %s before that: %j", async (_, end, times) => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    await ingest.recorded.when((calls) => calls.length === 2);
    await connection.end(end);
    await ingest.recorded.when((calls) => calls.length === 3);
    await clock.advance(10_000);
    expect(ingest.completed.all()).toHaveLength(times);
    await client.stop();
  });

  test("never, where a frame of it cannot be read", async () => {
    const { client, ingest, clock, subscribed } = startFakeFeed();
    ingest.answerWith(() => ({ outcome: "quarantined", reason: "shape" }));
    const connection = await subscribed();
    await connection.send(SNAPSHOT);
    await ingest.recorded.when((calls) => calls.length === 2);
    await clock.advance(10_000);
    expect(ingest.completed.all()).toEqual([]);
    await client.stop();
  });
});
