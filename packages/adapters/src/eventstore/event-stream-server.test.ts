import { describeEventStreamContract } from "@counterfoil/processing/testing/event-stream.contract";
import { describe, expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { DEFAULT_TIMING, openConnection } from "./connection.ts";
import { openEventStream } from "./event-stream.ts";
import { createMemoryIdentityIndex } from "./testing/memory-identity-index.ts";
import { APPEND_COUNTED_MAX, writeEvents } from "./write.ts";

/** A server on which tests may create streams; they never use other streams. */
const SERVER = process.env.COUNTERFOIL_TEST_EVENTSTORE_URL ?? "";

/** A name that is unique to this run. */
const newLedger = () => `t${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`;

if (SERVER === "") {
  describe.skip("event stream: a real EventStoreDB (SKIPPED: set COUNTERFOIL_TEST_EVENTSTORE_URL)", () => {
    test("the contract, and the double's assumptions about the server", () => {});
  });
} else {
  describeEventStreamContract("a real EventStoreDB", async () => {
    const ledger = newLedger();
    const index = createMemoryIdentityIndex();
    const options = { url: SERVER, ledger, hashing: nodeHashing, index };
    return {
      ledger,
      hashing: nodeHashing,
      appendBytesMax: APPEND_COUNTED_MAX,
      isExact: true,
      open: (clock) => openEventStream({ ...options, clock }),
      dispose: async () => {},
    };
  });
  describeClaims();
}

/** The double's decisions on which the append algorithm relies. */
function describeClaims(): void {
  const idAt = (at: number) => `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`;
  const eventsOf = (...ats: number[]) =>
    ats.map((at) => ({
      id: idAt(at),
      type: "Sample",
      contentType: "application/json" as const,
      metadata: Buffer.from("{}"),
      data: Buffer.from("{}"),
    }));

  describe("a real EventStoreDB decides as the double does", () => {
    test.each([
      { what: "the current revision, ids not looked at", expected: 2, ats: [0], answer: "written" },
      { what: "a repeat", expected: 0, ats: [1, 2], answer: "written" },
      { what: "a prefix of what stands there", expected: 0, ats: [1], answer: "written" },
      { what: "another first id", expected: 0, ats: [7], answer: "conflict" },
      { what: "the original and more", expected: 0, ats: [1, 2, 7], answer: "conflict" },
      { what: "ahead of the stream", expected: 5, ats: [7], answer: "conflict" },
    ])("$what", async ({ expected, ats, answer }) => {
      const connection = openConnection(SERVER);
      const stream = `sample-${newLedger()}`;
      const write = (expectedRevision: number, events: ReturnType<typeof eventsOf>) =>
        writeEvents(connection, { stream, expectedRevision, events }, DEFAULT_TIMING);
      await write(-1, eventsOf(0, 1, 2));
      expect((await write(expected, eventsOf(...ats))).outcome).toBe(answer);
      await connection.close();
    });

    test("it has no ledger that was not opened", async () => {
      const options = {
        url: SERVER,
        ledger: newLedger(),
        hashing: nodeHashing,
        clock: systemClock,
      };
      const index = createMemoryIdentityIndex();
      const opening = openEventStream({ ...options, index, readOnly: true });
      await expect(opening).rejects.toThrow(/creates it/);
    });
  });
}
