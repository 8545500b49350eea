import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { afterEach, describe, expect, test } from "@jest/globals";
import { fastify } from "fastify";
import { pino } from "pino";
import { type AsProblem, answerFailures, Problem } from "./problem.ts";
import { sampleLog } from "./request-log.ts";

const app = { close: async (): Promise<unknown> => undefined };

afterEach(() => app.close());

function appThatThrows(error: unknown, asProblem?: AsProblem) {
  const lines: string[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const created = fastify({ bodyLimit: 10 });
  app.close = () => created.close();
  answerFailures(created, { log: sampleLog({ logger, clock: createManualClock() }), asProblem });
  created.get("/fails", async () => {
    throw error;
  });
  created.post("/takes", async () => "taken");
  return { app: created, logged: () => lines.map((line) => JSON.parse(line)) };
}

describe("an error", () => {
  test.each([
    ["a problem is itself", new Problem("body_gone", "gone", {}), 410, "body_gone", "gone"],
    ["a service's own goes by its mapping", new RangeError("x"), 503, "overloaded", "too much"],
    ["any other says nothing of itself", new TypeError("secret"), 500, "internal_error", "the log"],
    ["nothing at all is one as well", null, 500, "internal_error", "the log"],
  ])("%s", async (_, error, status, code, detail) => {
    const asProblem: AsProblem = (thrown) =>
      thrown instanceof RangeError ? new Problem("overloaded", "too much") : null;
    const answer = await appThatThrows(error, asProblem).app.inject("/fails");
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({
      type: `urn:counterfoil:problem:${code}`,
      code,
      detail: expect.stringContaining(detail),
    });
    expect(answer.body).not.toContain("secret");
    expect(answer.headers["retry-after"]).toBe(status === 503 ? "1" : undefined);
  });

  test("a failure is logged whole, a refusal not at all", async () => {
    const failing = appThatThrows(new TypeError("a mistake of ours"));
    await failing.app.inject("/fails?secret=1");
    expect(failing.logged()).toMatchObject([
      { level: 50, method: "GET", route: "/fails", code: "internal_error" },
    ]);
    expect(failing.logged()[0].err.message).toBe("a mistake of ours");
    expect(JSON.stringify(failing.logged())).not.toContain("secret");
    const refusing = appThatThrows(new Problem("not_found", "there is none"));
    await refusing.app.inject("/fails");
    expect(refusing.logged()).toEqual([]);
  });
});

describe("a body", () => {
  test.each([
    ["application/json", "{", 400, "malformed_request"],
    ["application/json", "", 400, "malformed_request"],
    ["text/weird", "x", 400, "malformed_request"],
    ["application/json", "x".repeat(11), 413, "payload_too_large"],
  ])("%s %j: %i", async (type, payload, status, code) => {
    const { app, logged } = appThatThrows(null);
    const headers = { "content-type": type };
    const answer = await app.inject({ method: "POST", url: "/takes", headers, payload });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ code, status });
    expect(logged()).toEqual([]);
  });
});

test("an address that leads nowhere is quoted without its query", async () => {
  const answer = await appThatThrows(null).app.inject("/nothing?secret=1");
  expect(answer.statusCode).toBe(404);
  expect(answer.json()).toMatchObject({ detail: "no resource has the address /nothing" });
});

test("a stream that cannot be read is 503 on every listener, and the log has the cause", async () => {
  const { app, logged } = appThatThrows(new StreamUnavailable("PostgreSQL at a:5432 is down"));
  const answer = await app.inject("/fails");
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({ code: "stream_unavailable" });
  expect(answer.body).not.toContain("5432");
  expect(JSON.stringify(logged())).toContain("PostgreSQL at a:5432 is down");
});
