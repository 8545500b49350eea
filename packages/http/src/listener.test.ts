import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { LOCALHOST } from "@counterfoil/adapters/eventstore/testing/localhost-certificate";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { Agent, request } from "undici";
import { isLoopback } from "./early-server.ts";
import { createListener, type ListenerOptions, startOrStop } from "./listener.ts";
import { createReadiness } from "./operations.ts";
import { openConnection, readAnswer, requestHead } from "./testing/raw-http.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Beyond the end of any test. */
const NEVER_MS = 3_600_000;

const ADDRESS = { host: "127.0.0.1", port: 0, hostVariable: "HOST", portVariable: "PORT" };

function listenerOf(options: Partial<ListenerOptions> = {}) {
  const listener = createListener({
    config: { COUNTERFOIL_MAX_BODY_BYTES: 100 },
    address: ADDRESS,
    clock: createManualClock(),
    logger: pino({ level: "silent" }),
    ...options,
  });
  cleanups.push(listener.stop);
  return listener;
}

const UNDECODABLE = "GET /%ZZ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

describe("a request that never reaches a route", () => {
  test.each([
    ["no HTTP", "hello\r\n\r\n", 400, "malformed_request"],
    ["headers too large", requestHead("/", { a: "a".repeat(20_000) }), 431, "headers_too_large"],
    ["headers too slow", "POST / HTTP/1.1\r\nhost: a\r\nx-", 408, "request_timeout"],
    ["an undecodable address", UNDECODABLE, 400, "malformed_request"],
  ])("%s: a problem, over the raw socket as well", async (_, text, status, code) => {
    const url = await listenerOf({
      limits: { headersTimeoutMs: 50, requestTimeoutMs: 50 },
    }).start();
    const socket = openConnection(url);
    socket.write(text);
    const answer = await readAnswer(socket);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ code, status });
    expect(answer.head.toLowerCase()).toContain(
      "content-type: application/problem+json; charset=utf-8",
    );
  });

  test("an id of the greatest length is decoded", async () => {
    const listener = listenerOf();
    listener.app.get("/ids/:id", async ({ params }) => params);
    const id = "ü".repeat(900);
    const answer = await listener.app.inject(`/ids/${encodeURIComponent(id)}`);
    expect(answer.json()).toEqual({ id });
  });
});

describe("starting and stopping", () => {
  test("an address that cannot be used names its variables and leaves nothing running", async () => {
    const taken = new URL(await listenerOf().start());
    const stopped: string[] = [];
    for (const [address, code, message] of [
      [{ ...ADDRESS, port: Number(taken.port) }, "port_in_use", `127.0.0.1:${taken.port} is taken`],
      [{ ...ADDRESS, host: "192.0.2.1" }, "configuration_invalid", "HOST, PORT"],
    ] as const) {
      const { start, stop } = listenerOf({ address });
      const stopOnce = () => {
        stopped.push(code);
        return stop();
      };
      const starting = startOrStop({ start, stop: stopOnce });
      await expect(starting).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      });
    }
    expect(stopped).toEqual(["port_in_use", "configuration_invalid"]);
  });

  test("a stop cuts a request that stalls, after five seconds", async () => {
    const clock = createManualClock();
    const listener = listenerOf({ clock });
    listener.app.post("/", async () => "never");
    const socket = openConnection(await listener.start());
    const requested = once(listener.app.server, "request");
    socket.write(requestHead("/", { "content-type": "text/plain", "content-length": "9" }));
    await requested;
    const stopped = listener.stop();
    await clock.advance(4_999);
    expect(socket.closed).toBe(false);
    const closed = once(socket.resume(), "close");
    await clock.advance(1);
    await Promise.all([closed, stopped]);
  });

  test("a stop does not wait for a connection on which nothing was ever sent", async () => {
    const listener = listenerOf({ clock: createManualClock() });
    const accepted = once(listener.app.server, "connection");
    const socket = openConnection(await listener.start());
    await accepted;
    const closed = once(socket.resume(), "close");
    await Promise.all([closed, listener.stop()]);
  });

  test("a stop answers what is under way and closes its kept connection", async () => {
    const listener = listenerOf();
    const gate = Promise.withResolvers<void>();
    listener.app.get("/", async () => {
      await gate.promise;
      return { answered: true };
    });
    const socket = openConnection(await listener.start());
    const requested = once(listener.app.server, "request");
    // A client of HTTP/1.1 keeps the connection, and this one never closes it.
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await requested;
    const stopped = listener.stop();
    while (listener.app.server.listening) await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    const answer = await readAnswer(socket);
    expect(JSON.parse(answer.body)).toEqual({ answered: true });
    await stopped;
  });
});

test("while it drains, each answer ends its connection", async () => {
  const clock = createManualClock();
  const readiness = createReadiness(async () => {}, clock);
  const listener = listenerOf({ clock, readiness });
  listener.app.get("/", async () => ({ answered: true }));
  const connectionOf = async () => (await listener.app.inject("/")).headers.connection;
  expect(await connectionOf()).toBe("keep-alive");
  readiness.drain();
  expect(await connectionOf()).toBe("close");
});

test.each([
  ["localhost", true],
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["0.0.0.0", false],
  ["::", false],
  ["::2", false],
  ["192.168.1.5", false],
  ["127.0.0.1.example.com", false],
])("whether %s is this computer alone: %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

describe("TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-tls-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const fileOf = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const configWith = (cert: string, key: string) => ({
    COUNTERFOIL_MAX_BODY_BYTES: 100,
    COUNTERFOIL_HTTP_TLS_CERT_FILE: cert,
    COUNTERFOIL_HTTP_TLS_KEY_FILE: key,
  });

  test("a stop does not wait for a connection on which nothing was sent but the handshake", async () => {
    const files = [fileOf("cert.pem", LOCALHOST.cert), fileOf("key.pem", LOCALHOST.key)] as const;
    const listener = listenerOf({ clock: createManualClock(), config: configWith(...files) });
    const { port } = new URL(await listener.start());
    const accepted = once(listener.app.server, "secureConnection");
    const socket = connect({ port: Number(port), host: "127.0.0.1", ca: LOCALHOST.cert });
    socket.on("error", () => {});
    await accepted;
    const closed = once(socket.resume(), "close");
    await Promise.all([closed, listener.stop()]);
  });

  describe("a connection that never starts the handshake", () => {
    const silentOn = async (options: Partial<ListenerOptions>) => {
      const files = [fileOf("cert.pem", LOCALHOST.cert), fileOf("key.pem", LOCALHOST.key)] as const;
      const listener = listenerOf({ config: configWith(...files), ...options });
      const accepted = once(listener.app.server, "connection");
      const socket = openConnection(await listener.start()).resume();
      socket.on("error", () => {});
      const closed = once(socket, "close");
      await accepted;
      return { listener, closed };
    };

    test("a stop does not wait for it", async () => {
      const limits = { headersTimeoutMs: NEVER_MS, requestTimeoutMs: NEVER_MS };
      const { listener, closed } = await silentOn({ clock: createManualClock(), limits });
      await Promise.all([closed, listener.stop()]);
    });

    test("a stop cuts it after five seconds at the latest", async () => {
      const clock = createManualClock();
      const limits = {
        ...{ headersTimeoutMs: NEVER_MS, requestTimeoutMs: NEVER_MS },
        unusedTimeoutMs: NEVER_MS,
      };
      const { listener, closed } = await silentOn({ clock, limits });
      const stopped = listener.stop();
      await clock.advance(5_000);
      await Promise.all([closed, stopped]);
    });

    // Node's own limit is 120 s.
    test("has as long as the headers of a request, and no answer", async () => {
      const { listener, closed } = await silentOn({ limits: { headersTimeoutMs: 50 } });
      const [{ code }, refused] = await once(listener.app.server, "tlsClientError");
      expect([code, refused.destroyed]).toEqual(["ERR_TLS_HANDSHAKE_TIMEOUT", true]);
      await closed;
    }, 60_000);
  });

  test("a stop answers what is under way", async () => {
    const files = [fileOf("cert.pem", LOCALHOST.cert), fileOf("key.pem", LOCALHOST.key)] as const;
    const listener = listenerOf({ config: configWith(...files), limits: { unusedTimeoutMs: 1 } });
    const gate = Promise.withResolvers<void>();
    listener.app.get("/", async () => {
      await gate.promise;
      return { answered: true };
    });
    const dispatcher = new Agent({ connect: { ca: LOCALHOST.cert } });
    cleanups.push(() => dispatcher.close());
    const requested = once(listener.app.server, "request");
    const url = await listener.start();
    const answered = request(url, { dispatcher });
    await requested;
    const accepted = once(listener.app.server, "connection");
    const unused = openConnection(url).resume();
    await accepted;
    const unusedClosed = once(unused, "close");
    const stopped = listener.stop();
    await unusedClosed;
    gate.resolve();
    const { statusCode, body } = await answered;
    expect([statusCode, await body.json()]).toEqual([200, { answered: true }]);
    await stopped;
  });

  test("with a certificate it answers over HTTPS alone, and ends as it would without", async () => {
    const files = [fileOf("cert.pem", LOCALHOST.cert), fileOf("key.pem", LOCALHOST.key)] as const;
    const listener = listenerOf({ config: configWith(...files) });
    listener.app.get("/", async () => ({ answered: true }));
    const url = await listener.start();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:/);
    const dispatcher = new Agent({ connect: { ca: LOCALHOST.cert } });
    cleanups.push(() => dispatcher.close());
    const { statusCode, body } = await request(url, { dispatcher });
    expect([statusCode, await body.json()]).toEqual([200, { answered: true }]);
    await expect(fetch(url.replace("https", "http"))).rejects.toThrow();
    await listener.stop();
  });

  test.each<[string, string, string, RegExp]>([
    [
      "not there",
      "/nowhere",
      "/nowhere",
      /^COUNTERFOIL_HTTP_TLS_CERT_FILE is "\/nowhere" \(ENOENT/,
    ],
    ["none", fileOf("a", "x"), fileOf("b", "y"), /CERT_FILE.*KEY_FILE: no certificate/],
  ])("files that are %s are refused by their variables", (_, cert, key, says) => {
    expect(() => listenerOf({ config: configWith(cert, key) })).toThrow(says);
  });
});
