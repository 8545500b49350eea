import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { brokenAt, readAll } from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { startEventStoreDouble } from "./testing/eventstore-double.ts";
import { createMemoryIdentityIndex } from "./testing/memory-identity-index.ts";
import type { CommitFault } from "./testing/node.ts";

const TIMING = {
  idleTimeoutMs: 60_000,
  appendMs: 300,
  retryForMs: 800,
  replicationMs: 200,
  pollMs: 200,
  lingerMs: 50,
} as const;

const FAULTS: readonly (CommitFault | null)[] = [
  null,
  null,
  "die_before",
  "die_after",
  "freeze_before",
  "freeze_after",
  "timeout_written",
  "timeout_lost",
  "not_ready",
  { lateMs: 350 },
];

/** Appends the missing events of five batches, as the ingestor does: look up, append, repeat. */
async function appendAll(stream: EventStream, first: number): Promise<void> {
  for (let batch = 0; batch < 5; ) {
    const number = first + 3 * batch;
    const events = sampleEvents(number, number + 2);
    try {
      const { head, known } = await stream.findByIds(events.map(({ id }) => id));
      const news = events.filter(({ id }) => !known.has(id));
      if (news.length > 0 && (await stream.append(head.position, news)).outcome === "conflict")
        continue;
      batch += 1;
    } catch (error) {
      // As a provider that gets 503: it delivers again.
      if (!(error instanceof StreamUnavailable)) throw error;
    }
  }
}

test("with random faults, two writers leave every event once, dense and chained", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.constantFrom(...FAULTS), { maxLength: 14 }),
    fc.boolean(),
    async (faults, isShared) => {
      const double = await startEventStoreDouble();
      const left = [...faults];
      double.settings.faultOf = () => left.shift() ?? null;
      double.settings.commitTimeoutMs = 100;
      const ledger = "examination";
      const shared = createMemoryIdentityIndex();
      const open = () =>
        openEventStream({
          url: double.url,
          ledger,
          hashing: nodeHashing,
          clock: systemClock,
          index: isShared ? shared : createMemoryIdentityIndex(),
          timing: TIMING,
        });
      const [one, two] = await Promise.all([open(), open()]);
      // The last three batches of one are the first three of the other.
      await Promise.all([appendAll(one, 1), appendAll(two, 7)]);
      double.settings.faultOf = () => null;
      const events = await readAll(one);
      await Promise.all([one.close(), two.close()]);
      await double.close();

      expect(events.map(({ position }) => position)).toEqual(events.map((_, at) => at + 1));
      const expected = sampleEvents(1, 21).map(({ id }) => id);
      expect(events.map(({ id }) => id).sort()).toEqual(expected);
      expect(brokenAt(events, { ledger, hashing: nodeHashing })).toBeNull();
    },
  );
  await fc.assert(property, { numRuns: 12 });
});
