import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { createListener, type ListenerOptions } from "./listener.ts";
import { Problem } from "./problem.ts";

const ADDRESS = { host: "127.0.0.1", port: 0, hostVariable: "HOST", portVariable: "PORT" };
const MADE = /^[\w-]{12}\.[0-9a-z]+$/;

function appOf({
  level = "debug",
  proxies = [] as string[],
  ...options
}: Partial<ListenerOptions> & { level?: string; proxies?: string[] } = {}) {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level, base: null, timestamp: false },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const config = { COUNTERFOIL_MAX_BODY_BYTES: 100, COUNTERFOIL_TRUSTED_PROXIES: proxies };
  const { app } = createListener({
    config,
    address: ADDRESS,
    clock: createManualClock(),
    logger,
    ...options,
  });
  app.get("/things/:id", async () => ({}));
  app.post("/things", async (request) => {
    request.logged = { key_id: "cf_1" };
    return {};
  });
  app.get("/refused", async () => {
    throw new Problem("not_found", "no");
  });
  app.get("/failed", async () => {
    throw new Error("secret of somebody");
  });
  return { app, lines };
}

describe("the id of a request", () => {
  test.each([
    ["usual", "0f8c-41/ab:1=?"],
    ["of the greatest length", "a".repeat(128)],
  ])("%s is taken", async (_, id) => {
    const { app, lines } = appOf();
    const answer = await app.inject({ url: "/things/1", headers: { "x-request-id": id } });
    expect(answer.headers["x-request-id"]).toBe(id);
    expect(lines).toMatchObject([{ request_id: id }]);
  });

  test.each([
    ["none", undefined],
    ["empty", ""],
    ["of 10 KB", "a".repeat(10_240)],
    ["one too long", "a".repeat(129)],
    ["with control characters", "a\u0007\u001b[31m"],
    ["with a line break", "a\r\nset-cookie: x"],
    ["with a space", "a b"],
    ["not ASCII", "ä"],
  ])("%s is replaced by one of ours, each time another", async (_, id) => {
    const { app, lines } = appOf();
    const headers = id === undefined ? {} : { "x-request-id": id };
    const ids = [];
    for (let n = 0; n < 2; n += 1) {
      const answer = await app.inject({ url: "/things/1", headers });
      ids.push(answer.headers["x-request-id"]);
    }
    expect(ids).toEqual([expect.stringMatching(MADE), expect.stringMatching(MADE)]);
    expect(new Set(ids).size).toBe(2);
    expect(lines.map(({ request_id }) => request_id)).toEqual(ids);
  });

  test.each(["/nowhere", "/refused", "/failed", "/%ZZ"])("%s: in refusals too", async (url) => {
    const { app } = appOf();
    const answer = await app.inject({ url, headers: { "x-request-id": "r-1" } });
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.headers["x-request-id"]).toBe("r-1");
  });
});

describe("the line of a request", () => {
  test("says who asked what, by the route's pattern, and how it ended", async () => {
    const { app, lines } = appOf();
    await app.inject({
      url: "/things/4711?secret=x",
      remoteAddress: "192.0.2.7",
      headers: { "x-request-id": "r-1" },
    });
    expect(lines).toEqual([
      {
        level: 20,
        request_id: "r-1",
        remote_address: "192.0.2.7",
        method: "GET",
        route: "/things/:id",
        status: 200,
        duration_ms: expect.any(Number),
        msg: "request",
      },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/4711|secret/);
  });

  test("is of level info where something may change, with what the service adds", async () => {
    const { app, lines } = appOf({ level: "info" });
    await app.inject({ method: "POST", url: "/things" });
    await app.inject("/things/1");
    expect(lines).toMatchObject([{ level: 30, method: "POST", route: "/things", key_id: "cf_1" }]);
    expect(lines).toHaveLength(1);
  });

  test("names the address that a trusted proxy forwards, and of others their own", async () => {
    for (const [proxies, expected] of [
      [["10.0.0.0/8"], "192.0.2.7"],
      [["172.16.0.0/12"], "10.1.1.1"],
    ] as const) {
      const { app, lines } = appOf({ proxies: [...proxies] });
      await app.inject({
        url: "/things/1",
        remoteAddress: "10.1.1.1",
        headers: { "x-forwarded-for": "192.0.2.7" },
      });
      expect(lines).toMatchObject([{ remote_address: expected }]);
    }
  });

  test("of refusals is sampled: ten a second, then how many had none", async () => {
    const clock = createManualClock();
    const { app, lines } = appOf({ clock });
    for (let n = 0; n < 50; n += 1) await app.inject({ method: "POST", url: "/nowhere" });
    expect(lines).toHaveLength(10);
    await clock.advance(1_000);
    await app.inject({ method: "POST", url: "/nowhere" });
    expect(lines.at(-1)).toMatchObject({ route: "none", status: 404, left_out: 40 });
  });

  test("of a failure has one more with the stack beside it, without the message", async () => {
    const { app, lines } = appOf({ level: "info" });
    await app.inject({ url: "/failed", headers: { "x-request-id": "r-1" } });
    expect(lines).toMatchObject([
      { level: 50, request_id: "r-1", remote_address: "127.0.0.1", msg: "request failed" },
    ]);
    const [{ stack }] = lines as [{ stack: string[] }];
    expect(stack[0]).toMatch(/^at .*request-log\.test\.ts:\d+/);
    expect(stack.join()).not.toContain("secret of somebody");
  });

  test("an inner listener has none: its requests are another's", async () => {
    const { app, lines } = appOf({ isInner: true });
    const answer = await app.inject({
      method: "POST",
      url: "/things",
      headers: { "x-request-id": "r-1" },
    });
    expect(answer.headers["x-request-id"]).toBe("r-1");
    expect(lines).toEqual([]);
  });
});
