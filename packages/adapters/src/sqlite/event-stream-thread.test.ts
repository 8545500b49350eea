import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { afterAll, describe, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream, openStreamThread, type StreamThread } from "./event-stream.ts";

const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-stream-thread-"));
const file = join(dataDir, "stream.db");
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const append = (thread: StreamThread, expectedPosition: number) =>
  thread.append({
    expectedPosition,
    events: sampleEvents(expectedPosition + 1, expectedPosition + 1),
    bodies: [],
    unlessAbout: undefined,
    now: systemClock.now(),
  });

describe("the thread that writes the stream", () => {
  test("fails what was asked of it when it dies, and the next question starts another", async () => {
    // Without a ledger name there is no hash for the chain to begin with.
    const thread = openStreamThread({ file, ledger: undefined as never });
    const asked = [thread.findByIds(["a"]), append(thread, 0)];
    for (const answer of await Promise.allSettled(asked)) {
      expect(answer).toMatchObject({ status: "rejected", reason: expect.any(StreamUnavailable) });
    }
    await expect(thread.findByIds(["a"])).rejects.toThrow("has ended");
    await thread.close();
  });

  test("answers what was asked before it is closed, and begins anew when it is asked again", async () => {
    const options = { dataDir, ledger: "examination", hashing: nodeHashing, clock: systemClock };
    await (await openEventStream(options)).close();
    const thread = openStreamThread({ file, ledger: "examination" });
    const asked = [append(thread, 0), append(thread, 0)];
    await thread.close();
    const outcomes = (await Promise.all(asked)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(["appended", "conflict"]);
    expect(await append(thread, 1)).toMatchObject({ outcome: "appended", head: { position: 2 } });
    await thread.close();
  });
});
