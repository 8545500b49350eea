import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { brokenAt, readAll } from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { describe, expect, test } from "@jest/globals";
import { nodeHashing } from "../node/runtime.ts";
import { startEventStoreDouble } from "./testing/eventstore-double.ts";
import { createMemoryIdentityIndex } from "./testing/memory-identity-index.ts";
import type { CommitFault } from "./testing/node.ts";
import type { Stored } from "./testing/stored-streams.ts";
import {
  failAppends,
  HASTY,
  LEDGER,
  openLedgerOn,
  STREAM,
  useDouble,
} from "./testing/use-double.ts";

const use = useDouble();
const stored = () => use().streams.everything(STREAM).length;

/** Another writer's events at the beginning of the stream. */
async function writtenElsewhere(): Promise<readonly Stored[]> {
  const double = await startEventStoreDouble();
  const stream = await openLedgerOn({ ...use(), url: double.url });
  await stream.append(0, sampleEvents(11, 12));
  await stream.close();
  await double.close();
  return double.streams.everything(STREAM);
}

describe("an append whose outcome is unknown", () => {
  const FAULTS: readonly (readonly [string, CommitFault])[] = [
    ["the server dies before it commits", "die_before"],
    ["the server dies after it committed", "die_after"],
    ["the server freezes before it commits", "freeze_before"],
    ["the server freezes after it committed", "freeze_after"],
    ["the server times out, and it is written", "timeout_written"],
    ["the server times out, and it is lost", "timeout_lost"],
    ["the server is not ready", "not_ready"],
    ["the answer comes after the deadline", { lateMs: 1700 }],
  ];

  test.each(FAULTS)("%s: the repeat decides, and it is there once", async (_, fault) => {
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 3));
    failAppends(use(), [fault]);
    expect(await stream.append(3, sampleEvents(4, 6))).toMatchObject({
      outcome: "appended",
      head: { position: 6 },
    });
    expect(await stream.append(6, sampleEvents(7, 7))).toMatchObject({ outcome: "appended" });
    const events = await readAll(stream);
    expect(events.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(brokenAt(events, { ledger: LEDGER, hashing: nodeHashing })).toBeNull();
  });

  test.each(["timeout_lost", "die_before"] as const)(
    "%s, and another takes the place: a conflict",
    async (fault) => {
      const stream = await openLedgerOn(use());
      const winner = await writtenElsewhere();
      use().settings.faultOf = () => {
        use().settings.faultOf = () => null;
        use().streams.append(STREAM, -1, winner);
        return fault;
      };
      expect(await stream.append(0, sampleEvents(1, 3))).toEqual({ outcome: "conflict" });
      expect((await stream.head()).position).toBe(2);
    },
  );

  test("written, with other events after it: still a success", async () => {
    const [stream, other] = [await openLedgerOn(use()), await openLedgerOn(use())];
    let appends = 0;
    use().settings.faultOf = ({ stream: name }) => {
      if (name !== STREAM) return null;
      appends += 1;
      return appends === 1 ? "freeze_after" : null;
    };
    const first = stream.append(0, sampleEvents(1, 2));
    while ((await other.head()).position < 2) await new Promise(setImmediate);
    expect(await other.append(2, sampleEvents(3, 4))).toMatchObject({ outcome: "appended" });
    expect(await first).toMatchObject({ outcome: "appended", head: { position: 2 } });
    expect(stored()).toBe(4);
  });

  test("until the retries end: unavailable, and the written events can be found", async () => {
    const stream = await openLedgerOn(use(), {
      timing: { ...HASTY, appendMs: 100, retryForMs: 300 },
    });
    failAppends(use(), Array<CommitFault>(50).fill("timeout_written"));
    const failed = stream.append(0, sampleEvents(1, 2));
    await expect(failed).rejects.toThrow(StreamUnavailable);
    await expect(failed).rejects.toThrow(/not known/);
    use().settings.faultOf = () => null;
    expect((await stream.findByIds(sampleEvents(1, 2).map(({ id }) => id))).known.size).toBe(2);
    expect(await stream.append(0, sampleEvents(1, 2))).toEqual({ outcome: "conflict" });
    expect(stored()).toBe(2);
  });

  test("a repeat of a write that is not replicated yet times out, then succeeds", async () => {
    const stream = await openLedgerOn(use());
    use().settings.commitTimeoutMs = 100;
    use().streams.holdReplication();
    const appending = stream.append(0, sampleEvents(1, 2));
    while (stored() < 2) await new Promise(setImmediate);
    expect((await (await openLedgerOn(use())).head()).position).toBe(0);
    use().streams.replicate();
    expect(await appending).toMatchObject({ outcome: "appended" });
    expect(stored()).toBe(2);
  });
});

describe("a conflict", () => {
  test("is reported when the other writer's events can be read", async () => {
    const timing = { ...HASTY, replicationMs: 30_000 };
    const [stream, other] = [await openLedgerOn(use(), { timing }), await openLedgerOn(use())];
    use().streams.holdReplication();
    const winning = other.append(0, sampleEvents(1, 2));
    while (stored() < 2) await new Promise(setImmediate);
    const losing = stream.append(0, sampleEvents(11, 12));
    setTimeout(() => use().streams.replicate(), 50);
    expect(await losing).toEqual({ outcome: "conflict" });
    expect((await stream.head()).position).toBe(2);
    expect(await winning).toMatchObject({ outcome: "appended" });
  });

  test("is reported after a short wait if the other writer's events never appear", async () => {
    const [stream, other] = [await openLedgerOn(use()), await openLedgerOn(use())];
    use().settings.commitTimeoutMs = 100;
    use().streams.holdReplication();
    const winning = other.append(0, sampleEvents(1, 2));
    while (stored() < 2) await new Promise(setImmediate);
    expect(await stream.append(0, sampleEvents(11, 12))).toEqual({ outcome: "conflict" });
    expect((await stream.head()).position).toBe(0);
    use().streams.loseUnreplicated();
    expect(await winning).toMatchObject({ outcome: "appended" });
    expect(await stream.append(0, sampleEvents(11, 12))).toEqual({ outcome: "conflict" });
  });
});

describe("a write that certainly failed", () => {
  test("fails at once on a server that is down, without a retry", async () => {
    const stream = await openLedgerOn(use());
    await stream.append(0, sampleEvents(1, 2));
    await use().network.down();
    // The lost connection is detected here; a call in progress would have an unknown outcome.
    await expect(stream.findByIds([])).rejects.toThrow(StreamUnavailable);
    const started = performance.now();
    await expect(stream.append(2, sampleEvents(3, 4))).rejects.toThrow(/(?<!not known)$/);
    // Far less than the time for which an unknown outcome is retried.
    expect(performance.now() - started).toBeLessThan(20_000);
    await use().network.up();
    expect(await stream.append(2, sampleEvents(3, 4))).toMatchObject({ outcome: "appended" });
    expect(stored()).toBe(4);
  });

  test("reports refused access with advice", async () => {
    const stream = await openLedgerOn(use());
    failAppends(use(), ["denied"]);
    const refused = stream.append(0, sampleEvents(1, 1));
    await expect(refused).rejects.toThrow(StreamUnavailable);
    await expect(refused).rejects.toThrow(/user and password/);
    expect(stored()).toBe(0);
  });

  test("an index advanced by another process does no harm", async () => {
    const index = createMemoryIdentityIndex();
    const [one, two] = [await openLedgerOn(use(), { index }), await openLedgerOn(use(), { index })];
    await one.append(0, sampleEvents(1, 2));
    await two.append(2, sampleEvents(3, 4));
    expect(await one.append(4, sampleEvents(5, 6))).toMatchObject({ outcome: "appended" });
    expect((await index.checkpoint()).position).toBe(6);
  });
});
