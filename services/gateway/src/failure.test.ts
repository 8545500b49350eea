import { problemDocument } from "@counterfoil/contracts/http";
import { openConnection, type RawAnswer, readAnswer } from "@counterfoil/http/testing/raw-http";
import {
  FormatTooNew,
  GenerationMissing,
  ModelCorrupted,
  ModelUnavailable,
  StreamCorrupted,
  StreamForked,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import type { ServedModels } from "@counterfoil/processing/queries/serving";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { expectProblem } from "./testing/expectation.ts";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "./testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

afterEach(() => gateway.stop());

describe("an address", () => {
  test.each(["/v1", "/v1/nothing", "/v1/balances/", "/v2/balances", "/favicon.ico"])(
    "%s that leads nowhere",
    async (url) => {
      const answer = await gateway.get(url);
      expectProblem(answer, "not_found");
      expect(answer.body.detail).toBe(`no resource has the address ${url}`);
    },
  );

  const asBrowser = { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

  test("that leads nowhere is the console's to say to a browser", async () => {
    const { status, headers, raw } = await gateway.send("GET", "/nowhere?a=1", asBrowser);
    expect([status, headers["content-type"]]).toEqual([404, "text/html; charset=utf-8"]);
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(String(raw)).toContain("<title>Counterfoil</title>");
    await gateway.newKey();
    expect((await gateway.send("GET", "/nowhere", asBrowser)).status).toBe(404);
  });

  test.each([
    ["GET", "/v2/balances"],
    ["GET", "/webhooks/nobody"],
    ["GET", "/console/old.js"],
    ["POST", "/nowhere"],
  ] as const)(
    "that a program asks for is a problem in a browser too: %s %s",
    async (method, url) => {
      expectProblem(await gateway.send(method, url, asBrowser), "not_found");
    },
  );

  test("is quoted without its query", async () => {
    const { body } = await gateway.get("/v1/nothing?secret=1");
    expect(JSON.stringify(body)).not.toContain("secret");
  });

  test.each([
    ["/v1/accounts/%", "%"],
    ["/v1/accounts/%ZZ", "%ZZ"],
    ["/v1/accounts/%FF", "%FF"],
    ["/v1/accounts/a%C3%A4b%c3c%2", "%c3"],
    ["/v1/balances?participant_code=%zz", "%zz"],
    ["/v1/balances?participant_code=%41%FF&asset=secret", "%41%FF"],
    ["/v1/balances?%=a", "%=a"],
  ])("%s that cannot be decoded", async (url, found) => {
    const answer = await gateway.get(url);
    expectProblem(answer, "malformed_request");
    expect(answer.body.detail).toBe(
      `the address cannot be read: found "${found}", expected the bytes of UTF-8 text, each as % and two hex digits (%25 for a percent sign)`,
    );
  });
});

describe("a part of the path that is one of some words", () => {
  test.each([
    ["/v1/projections/foo/rebuild", 'no projection "foo": expected one of balances, withdrawals, '],
    ["/v1/explain/foo/x", 'no kind "foo": expected one of balance, '],
  ])("%s", async (url, says) => {
    const answer = await gateway.get(url);
    expectProblem(answer, "not_found");
    expect(answer.body.detail).toContain(says);
  });
});

describe("a range of times", () => {
  test.each([
    "/v1/events?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
    "/v1/deliveries?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
    "/v1/deposits?updated_since=2026-01-02T00:00:00Z&updated_until=2026-01-01T00:00:00Z",
  ])("that goes backwards is refused: %s", async (url) => {
    const answer = await gateway.get(url);
    expectProblem(answer, "invalid_query");
    expect(answer.body.detail).toMatch(
      /until: found "2026-01-01T00:00:00Z", expected no time before/,
    );
    expect((await gateway.get(url.replace("01-02", "01-01"))).status).toBe(200);
  });

  test.each(["2500-01-01T00:00:00Z", "2026-01-01T00:00:00.1234567890Z"])(
    "in which %s stands is told what may stand there",
    async (time) => {
      const { body } = await gateway.get(`/v1/balances?as_of=${time}`);
      expect(body.detail).toMatch(
        /in the years 1970 to 2200 and with nine fraction digits at most/,
      );
    },
  );
});

describe("a method", () => {
  test.each(["/v1/balances", "/v1/accounts/a%3Ab/entries", "/healthz", "/openapi.json"])(
    "that %s does not take is refused with those that it takes",
    async (url) => {
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] as const) {
        const { statusCode, headers, body, rawPayload } = await gateway.app.inject({
          method,
          url,
          payload: "not even JSON",
          headers: { "content-type": "application/json" },
        });
        const answer = { status: statusCode, headers, body: JSON.parse(body), raw: rawPayload };
        expectProblem(answer, "method_not_allowed");
        expect(headers.allow).toBe("GET, HEAD");
      }
    },
  );

  test("HEAD answers as GET does, without a body", async () => {
    const { status, raw, headers } = await gateway.send("HEAD", "/v1/balances");
    expect([status, raw.length]).toEqual([200, 0]);
    expect(headers["content-type"]).toMatch(/^application\/json/);
  });
});

describe("an engine's error", () => {
  const failing = (error: Error) => {
    const fail = async () => {
      throw error;
    };
    const models: ServedModels = { snapshot: fail, waitFor: fail, info: fail, close: fail };
    return createTestGateway(ledger, { models });
  };

  test.each([
    [new StreamUnavailable("cannot open /srv/secret.db"), "stream_unavailable"],
    [new StreamMissing("no stream in /srv/secret.db"), "stream_unavailable"],
    [new StreamCorrupted("broken hash in /srv/secret.db"), "stream_corrupted"],
    [new StreamForked("/srv/secret.db was restored"), "stream_forked"],
    [new ModelUnavailable("postgres://user:secret@db is away"), "model_unavailable"],
    [new ModelCorrupted("/srv/secret.db is torn"), "model_unavailable"],
    [new GenerationMissing("no /srv/secret.db"), "model_unavailable"],
    [new FormatTooNew("/srv/secret.db has format 9"), "format_too_new"],
    [new TypeError("secret is undefined"), "internal_error"],
  ] as const)("%s is told by its code, and nothing of our insides", async (error, code) => {
    const gateway = await failing(error);
    const answer = await gateway.get("/v1/balances");
    expectProblem(answer, code);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
  });

  test("is logged completely, with its route and without the query", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "info" }, { write: (line) => void lines.push(line) });
    const models = { ...gateway.models };
    models.snapshot = async () => {
      throw new TypeError("a mistake of ours");
    };
    const broken = await createTestGateway(ledger, { models, logger });
    await broken.get("/v1/balances?participant_code=DEF456");
    const [line, ...others] = lines.map((text) => JSON.parse(text));
    expect(others).toEqual([]);
    expect(line).toMatchObject({ level: 50, route: "/v1/balances", code: "internal_error" });
    expect(line.err.stack).toContain("a mistake of ours");
    expect(lines.join("")).not.toContain("DEF456");
  });
});

describe("bytes that are not a valid request", () => {
  async function converse(text: string): Promise<RawAnswer> {
    const socket = openConnection(await gateway.start());
    socket.write(text);
    return readAnswer(socket);
  }

  test.each([
    [
      "too many headers",
      `GET /v1/balances HTTP/1.1\r\nhost: a\r\nx-padding: ${"x".repeat(20_000)}\r\n\r\n`,
      "headers_too_large",
    ],
    ["no HTTP", "HELLO\r\n\r\n", "malformed_request"],
  ])("%s is answered with a problem all the same", async (_what, text, code) => {
    const { head, body } = await converse(text);
    const problem = problemDocument.parse(JSON.parse(body));
    expect(problem.code).toBe(code);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${problem.status} `));
    expect(head).toContain("Content-Type: application/problem+json");
  });
});

describe("a database that does not answer", () => {
  test.each([
    ["/v1/status", "stream_unavailable"],
    ["/v1/projections", "model_unavailable"],
    ["/v1/balances", "model_unavailable"],
    ["/v1/deposits?as_of=2026-01-01T00:00:00Z", "model_unavailable"],
  ] as const)("%s is answered after 20 s", async (url, code) => {
    const asked = Promise.withResolvers<void>();
    const never = () => {
      asked.resolve();
      return new Promise<never>(() => undefined);
    };
    const models: ServedModels = { snapshot: never, waitFor: never, info: never, close: never };
    const gateway = await createTestGateway(ledger, { models });
    let isAnswered = false;
    const answering = gateway.get(url).finally(() => {
      isAnswered = true;
    });
    await asked.promise;
    await ledger.clock.advance(19_000);
    expect(isAnswered).toBe(false);
    await ledger.clock.advance(1_000);
    expectProblem(await answering, code);
  });
});
