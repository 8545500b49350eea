import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import type { Delivery } from "@counterfoil/processing/ports/ingest";
import { feedFrame, snapshotText } from "@counterfoil/processing/testing/feed-frame";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { createMemoryEventStream } from "@counterfoil/processing/testing/memory-event-stream";
import { expect, test } from "@jest/globals";
import { readWithin } from "./reading.ts";

const RECEIVED_AT = 1_700_000_000_000_000_000n;
/** Memory for a thread, and not for much more. */
const read = readWithin({ maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 48 });

const frameOf = (text: string, number = 1): Delivery =>
  feedFrame(text, { number, receivedAt: RECEIVED_AT });

const HOSTILE = `{"messageType":"initial-balance","body":[${"{},".repeat(999_999)}{}]}`;
const LONG = `{"messageType":"initial-balance","body":"${"x".repeat(13_000_000)}"}`;

test("a body that exhausts its thread's memory is quarantined, and does not stop the next", async () => {
  const clock = createManualClock(RECEIVED_AT);
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock });
  const options = { stream, translations: TRANSLATIONS, hashing, clock, readLarge: read };
  const ingest = createIngest(options);
  const texts = [HOSTILE, LONG, snapshotText(3_000)];
  const receipts = texts.map((text, at) => ingest.submit(frameOf(text, at + 1)));
  expect(await Promise.all(receipts)).toMatchObject([
    { outcome: "quarantined", reason: "defect" },
    { outcome: "quarantined", reason: "defect" },
    { outcome: "recorded", reason: null },
  ]);
  const events = await stream.read({ after: 0, limit: 10 });
  const quarantined = events.filter(({ type }) => type === "DeliveryQuarantined");
  expect(quarantined).toHaveLength(2);
  for (const { data } of quarantined) {
    expect(data).toContain("it takes more than 48 MiB of memory to read");
  }
  await ingest.stop();
});

test("a snapshot of any length is read in little memory", async () => {
  const accounts = 120_000;
  const frame = frameOf(snapshotText(accounts));
  const reading = await read({ ...frame, translation: TRANSLATIONS.present });
  expect(reading.count).toBe(accounts);
  let facts = 0;
  while (facts < accounts) facts += (await reading.facts(facts, facts + 5_000)).length;
  reading.close();
  await expect(reading.facts(0, 1)).rejects.toThrow("has ended");
});
