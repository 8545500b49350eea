import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import { sampleEvent, sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { jsonEvent } from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import type { EventStreamOptions } from "./event-stream.ts";
import { LOCALHOST } from "./testing/localhost-certificate.ts";
import {
  AS_ANYBODY,
  HASTY,
  IMPATIENT,
  LEDGER,
  openLedgerOn,
  STREAM,
  useDouble,
} from "./testing/use-double.ts";

const PASSWORD = "correct-horse";

/** Opening fails within seconds as unavailable; the message has advice, and no password. */
async function expectUnavailable(opening: Promise<unknown>, expected: RegExp): Promise<void> {
  const started = performance.now();
  const error = await opening.then(() => null).catch((reason) => reason);
  expect(error).toBeInstanceOf(StreamUnavailable);
  expect(error.message).toMatch(expected);
  expect(error.message).toMatch(/COUNTERFOIL_EVENTSTORE_URL/);
  expect(`${error.stack} ${error.cause}`).not.toContain(PASSWORD);
  expect(performance.now() - started).toBeLessThan(20_000);
}

const urlOf = (port: number, settings: string) =>
  `esdb://user:${PASSWORD}@127.0.0.1:${port}?${settings}`;

describe("an address without an EventStoreDB", () => {
  const use = useDouble();
  const open = (port: number, settings = "tls=false") =>
    openLedgerOn(use(), { url: urlOf(port, settings), timing: IMPATIENT });

  async function listening<S extends Server | HttpServer>(server: S): Promise<number> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    use().atEnd(async () => {
      if ("closeAllConnections" in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  test("a port without a listener", async () => {
    await use().network.down();
    await expectUnavailable(open(use().port), /ECONNREFUSED/);
  });

  test("a host that does not exist", async () => {
    const url = `esdb://user:${PASSWORD}@host.invalid:2113?tls=false`;
    await expectUnavailable(
      openLedgerOn(use(), { url, timing: IMPATIENT }),
      /Name resolution failed|no answer/,
    );
  });

  test("a web server", async () => {
    const port = await listening(createHttpServer((_, response) => response.end("hello")));
    await expectUnavailable(open(port), /no EventStoreDB/);
  });

  test("a server that accepts and never answers", async () => {
    const sockets: { destroy(): void }[] = [];
    const port = await listening(createServer((socket) => sockets.push(socket)));
    await expectUnavailable(open(port), /no answer for \d+ ms/);
    for (const socket of sockets) socket.destroy();
  });

  test("a server that is frozen", async () => {
    use().network.freeze();
    await expectUnavailable(open(use().port), /no answer/);
    use().network.thaw();
  });

  test("a server without TLS, if TLS is configured", async () => {
    await expectUnavailable(open(use().port, "tls=true"), /tls/);
  });

  test("a cluster of which no member answers", async () => {
    await use().network.down();
    const hosts = `127.0.0.1:${use().port},127.0.0.1:${use().port}`;
    const url = `esdb://user:${PASSWORD}@${hosts}?tls=false&maxDiscoverAttempts=2`;
    await expectUnavailable(openLedgerOn(use(), { url }), /Failed to discover/);
  });
});

describe("a server with TLS and users", () => {
  const use = useDouble({ tls: true });

  function open(user: string, logger?: EventStreamOptions["logger"]) {
    const folder = mkdtempSync(join(tmpdir(), "counterfoil-ca-"));
    use().atEnd(async () => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "ca.pem"), LOCALHOST.cert);
    const ca = encodeURIComponent(join(folder, "ca.pem"));
    use().settings.users = { user: `${PASSWORD}@:/`, stranger: "s", admin: "a" };
    const url = `esdb://${user}@127.0.0.1:${use().port}?tls=true&tlsCAFile=${ca}`;
    return openLedgerOn(use(), { url, logger });
  }

  test("accepts the right user, whose password has all kinds of characters", async () => {
    const stream = await open(`user:${encodeURIComponent(`${PASSWORD}@:/`)}`);
    expect(await stream.append(0, sampleEvents(1, 2))).toMatchObject({ outcome: "appended" });
  });

  const OURS = `user:${encodeURIComponent(`${PASSWORD}@:/`)}`;
  const ACL = { $w: ["user"], $d: ["user"], $mw: ["user"] };

  test("restricts a new ledger to its user", async () => {
    const stream = await open(OURS);
    expect(use().streams.metadata(STREAM)).toEqual({ $acl: ACL });
    await stream.append(0, sampleEvents(1, 2));
    const stranger = await open("stranger:s");
    await expect(stranger.append(2, sampleEvents(3, 3))).rejects.toThrow(/may read and write/);
    expect(await stream.append(2, sampleEvents(3, 3))).toMatchObject({ outcome: "appended" });
    expect(await (await open("admin:a")).append(3, sampleEvents(4, 4))).toMatchObject({
      outcome: "appended",
    });
    expect(use().streams.everything(`$$${STREAM}`)).toHaveLength(1);
  });

  test("leaves an existing ACL, and an existing ledger, unchanged", async () => {
    const theirs = { $w: ["user", "admin"], $r: ["auditors"] };
    use().streams.setMetadata(STREAM, { $acl: theirs, note: 1 });
    const stream = await open(OURS);
    await stream.append(0, sampleEvents(1, 2));
    await open(OURS);
    expect(use().streams.metadata(STREAM)).toEqual({ $acl: theirs, note: 1 });
    use().streams.setMetadata(STREAM, { $acl: undefined });
    await open(OURS);
    expect(use().streams.metadata(STREAM)).toEqual({ note: 1 });
  });

  test("keeps other settings of the metadata", async () => {
    use().streams.setMetadata(STREAM, { note: 1 });
    await open(OURS);
    expect(use().streams.metadata(STREAM)).toEqual({ note: 1, $acl: ACL });
  });

  test("that refuses the ACL causes a warning, and the ledger is opened", async () => {
    const warned: unknown[] = [];
    use().settings.faultOf = ({ stream }) => (stream.startsWith("$$") ? "denied" : null);
    const stream = await open(OURS, { warn: (...line) => void warned.push(line) });
    expect(warned).toEqual([
      [expect.objectContaining({ stream: STREAM, acl: ACL }), expect.stringMatching(/by hand/)],
    ]);
    expect(await stream.append(0, sampleEvents(1, 2))).toMatchObject({ outcome: "appended" });
  });

  test("a wrong password", async () => {
    await expectUnavailable(open(`user:${PASSWORD}`), /check user and password/);
  });

  test("an unknown authority", async () => {
    const url = urlOf(use().port, "tls=true");
    await expectUnavailable(openLedgerOn(use(), { url }), /tlsCAFile/);
  });

  test("no TLS at all", async () => {
    await expectUnavailable(openLedgerOn(use(), { url: urlOf(use().port, "tls=false") }), /tls/);
  });
});

describe("a stream that must not be used", () => {
  const use = useDouble();
  const open = (options: Parameters<typeof openLedgerOn>[1] = {}) => openLedgerOn(use(), options);

  async function written(): Promise<void> {
    const stream = await open();
    await stream.append(0, sampleEvents(1, 5));
    await stream.close();
  }

  test("is missing, for roles that do not create it", async () => {
    await expect(open({ readOnly: true })).rejects.toThrow(StreamMissing);
    await written();
    const stream = await open({ readOnly: true });
    await expect(stream.append(5, sampleEvents(6, 6))).rejects.toThrow(/read-only/);
    expect((await stream.head()).position).toBe(5);
  });

  const TRUNCATING = [{ $maxAge: 3600 }, { $maxCount: 1_000_000 }, { $tb: 1 }];
  test.each(TRUNCATING)("has %j in its metadata", async (metadata) => {
    await written();
    use().streams.setMetadata(STREAM, metadata);
    await expect(open()).rejects.toThrow(StreamCorrupted);
    await expect(open()).rejects.toThrow(/\$maxAge|\$maxCount|\$tb/);
  });

  test("has these settings before its first event", async () => {
    use().streams.setMetadata(STREAM, { $maxCount: 5 });
    await expect(open()).rejects.toThrow(/\$maxCount/);
  });

  test("other metadata does not matter", async () => {
    await written();
    use().streams.setMetadata(STREAM, { $acl: { $r: ["auditors"] }, note: 1 });
    expect((await (await open()).head()).position).toBe(5);
  });

  test("was deleted", async () => {
    await written();
    use().streams.softDelete(STREAM);
    await expect(open()).rejects.toThrow(/truncated.*\$tb/);
  });

  test("was permanently deleted", async () => {
    await written();
    use().streams.tombstone(STREAM);
    await expect(open()).rejects.toThrow(StreamCorrupted);
  });

  test("lost its beginning, or all events, without any such metadata", async () => {
    await written();
    use().streams.setMetadata(STREAM, { $tb: 3 });
    hideMetadata();
    await expect(open()).rejects.toThrow(/begins at revision 3/);
    use().streams.setMetadata(STREAM, { $tb: 9 });
    hideMetadata();
    await expect(open()).rejects.toThrow(/none of its events is left/);
  });

  /** As after a scavenge and a new version of the metadata. */
  function hideMetadata(): void {
    const read = use().streams.read;
    const hidden = (name: string) =>
      name.startsWith("$$") ? ({ is: "missing" } as const) : read(name);
    Object.assign(use().streams, { read: hidden });
  }

  test("is truncated while it is read", async () => {
    await written();
    const stream = await open();
    use().streams.setMetadata(STREAM, { $tb: 2 });
    const reading = stream.read({ after: 0, limit: 10 });
    await expect(reading).rejects.toThrow(StreamCorrupted);
    await expect(reading).rejects.toThrow(/revision 2 follows where 0 is expected/);
  });

  test("belongs to another ledger", async () => {
    const stream = await open();
    const data = '{"name":"other","format":1,"environment":"production"}';
    await stream.append(0, [sampleEvent(1, { type: "LedgerOpened", data })]);
    await expect(open()).rejects.toThrow(LedgerMismatch);
    await expect(open()).rejects.toThrow(/"other", expected "examination"/);
  });

  test("begins with an event of another client", async () => {
    const event = jsonEvent({ type: "Foreign", data: { a: 1 } });
    await use().client().appendToStream(STREAM, event, AS_ANYBODY);
    await expect(open()).rejects.toThrow(LedgerMismatch);
    await expect(open()).rejects.toThrow(/begins with Foreign of another client/);
  });
});

describe("a stream that was closed", () => {
  const use = useDouble();

  test("leaves no open call, and rejects further calls with that reason", async () => {
    const stream = await openLedgerOn(use());
    const waiting = stream.waitForAppend(0, new AbortController().signal);
    while (use().openCalls("Read") === 0) await new Promise(setImmediate);
    await stream.close();
    await waiting;
    await expect(stream.head()).rejects.toThrow(/closed by this process/);
    await stream.close();
  });

  test("ends calls in progress", async () => {
    const stream = await openLedgerOn(use(), { timing: { ...HASTY, idleTimeoutMs: 60_000 } });
    use().network.freeze();
    const head = stream.head();
    await stream.close();
    await expect(head).rejects.toThrow(/closed by this process/);
    use().network.thaw();
  });

  test("has the name of its ledger in its streams", async () => {
    const stream = await openLedgerOn(use());
    const bytes = Buffer.from("{}");
    const sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    await stream.append(0, sampleEvents(1, 1), [{ sha256, bytes }]);
    expect(use().streams.names().sort()).toEqual([`body-${LEDGER}-${sha256}`, `ledger-${LEDGER}`]);
  });
});
