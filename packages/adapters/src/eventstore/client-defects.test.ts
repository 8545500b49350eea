import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { describe, expect, test } from "@jest/globals";
import { startEventStoreDouble } from "./testing/eventstore-double.ts";
import {
  failAppends,
  HASTY,
  IMPATIENT,
  LEDGER,
  openLedgerOn,
  STREAM,
  useDouble,
} from "./testing/use-double.ts";

const use = useDouble();
const stored = () => use().streams.everything(STREAM).length;

/** Known defects of the client's own appends, none of which may affect the stream. */
describe("defects of the client", () => {
  test("1: an append that is never answered ends, and the next one works", async () => {
    const stream = await openLedgerOn(use(), {
      timing: { ...HASTY, appendMs: 200, retryForMs: 100 },
    });
    failAppends(use(), ["freeze_before"]);
    await expect(stream.append(0, sampleEvents(1, 1))).rejects.toThrow(StreamUnavailable);
    expect(await stream.append(0, sampleEvents(1, 1))).toMatchObject({ outcome: "appended" });
  });

  test("2: a server that fails to list its features accepts appends", async () => {
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 2));
    await stream.append(2, sampleEvents(3, 4));
    expect([...use().seen].sort()).toEqual(["Append", "Read"]);
  });

  test("3: an error of one append does not fail another one of the process", async () => {
    const other = await startEventStoreDouble();
    const [one, two] = [
      await openLedgerOn(use()),
      await openLedgerOn({ ...use(), url: other.url }),
    ];
    failAppends(use(), ["denied"]);
    other.settings.faultOf = () => {
      other.settings.faultOf = () => null;
      return { lateMs: 200 };
    };
    const late = two.append(0, sampleEvents(1, 2));
    await expect(one.append(0, sampleEvents(1, 1))).rejects.toThrow(/Access Denied/);
    expect(await late).toMatchObject({ outcome: "appended" });
    await two.close();
    await other.close();
  });

  test("3: an answer after the end does no harm", async () => {
    const stream = await openLedgerOn(use(), {
      timing: { ...HASTY, appendMs: 100, retryForMs: 0 },
    });
    const [ended, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    failAppends(use(), [{ after: ended.promise }]);
    use().settings.onAnswered = answered.resolve;
    await expect(stream.append(0, sampleEvents(1, 2))).rejects.toThrow(StreamUnavailable);
    ended.resolve();
    await answered.promise;
    expect((await stream.head()).position).toBe(2);
    expect(await stream.append(2, sampleEvents(3, 3))).toMatchObject({ outcome: "appended" });
  });

  test("4: a connection that ends during an append does not leave it, or `close`, hanging", async () => {
    const stream = await openLedgerOn(use(), { timing: { ...HASTY, retryForMs: 0 } });
    failAppends(use(), ["die_before"]);
    await expect(stream.append(0, sampleEvents(1, 2))).rejects.toThrow(StreamUnavailable);
    await stream.close();
  });

  test("5: invalid text is stored as far as the server can, and nothing hangs", async () => {
    const stream = await openLedgerOn(use());
    const [event] = sampleEvents(1, 1);
    const subject = "lone \ud800 surrogate";
    await stream.append(0, event === undefined ? [] : [{ ...event, subject }]);
    expect((await stream.read({ after: 0, limit: 1 }))[0]?.subject).toBe(subject);
  });

  test("6: a write that arrives after reconnecting conflicts, or is stored once", async () => {
    const timing = IMPATIENT;
    const stream = await openLedgerOn(use(), { timing });
    const healed = await openLedgerOn(use());
    await stream.findByIds([]);
    use().network.freeze();
    await expect(stream.append(0, sampleEvents(1, 2))).rejects.toThrow(StreamUnavailable);
    use().network.thaw();
    const ids = sampleEvents(1, 2).map(({ id }) => id);
    for (let isDone = false; !isDone; ) {
      const { head, known } = await healed.findByIds(ids);
      isDone =
        known.size === 2 ||
        (await healed.append(head.position, sampleEvents(1, 2))).outcome === "appended";
    }
    expect(stored()).toBe(2);
  });

  test("7: a process that has closed its stream exits", async () => {
    const program = fileURLToPath(new URL("./testing/open-and-close.ts", import.meta.url));
    const flags = ["--disable-warning=ExperimentalWarning"];
    const child = spawn(process.execPath, [...flags, program, use().url, LEDGER], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    expect(stored()).toBe(3);
  });
});

describe("a cluster", () => {
  test("a follower sends reads and appends to the leader", async () => {
    const follower = await startEventStoreDouble({ streams: use().streams });
    follower.settings.leader = { host: "127.0.0.1", port: use().port };
    follower.settings.laggingEvents = 2;
    const stream = await openLedgerOn(use(), { url: follower.url });
    await stream.append(0, sampleEvents(1, 3));
    expect((await stream.head()).position).toBe(3);
    await stream.close();
    await follower.close();
  });

  test("a leader that steps down between two appends loses none", async () => {
    const next = await startEventStoreDouble({ streams: use().streams });
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 3));
    use().settings.leader = { host: "127.0.0.1", port: next.port };
    expect(await stream.append(3, sampleEvents(4, 5))).toMatchObject({ outcome: "appended" });
    expect((await stream.findByIds([])).head.position).toBe(5);
    await stream.close();
    await next.close();
  });

  test("is found by discovery", async () => {
    const seed = await startEventStoreDouble({
      streams: use().streams,
      members: () => [
        { host: "127.0.0.1", port: 1, isLeader: false },
        { host: "127.0.0.1", port: use().port, isLeader: true },
      ],
    });
    const hosts = `127.0.0.1:${seed.port},127.0.0.1:${seed.port}`;
    const stream = await openLedgerOn(use(), { url: `esdb://${hosts}?tls=false` });
    expect(await stream.append(0, sampleEvents(1, 1))).toMatchObject({ outcome: "appended" });
    expect(use().seen.has("Append")).toBe(true);
    expect(seed.seen.has("Append")).toBe(false);
    await stream.close();
    await seed.close();
  });
});
