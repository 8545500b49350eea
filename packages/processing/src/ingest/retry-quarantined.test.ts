import { APPEND_EVENTS_MAX } from "@counterfoil/core/ingest/event";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translate, Translations } from "@counterfoil/core/translate/translation";
import { describe, expect, test } from "@jest/globals";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { readQuarantine } from "../queries/quarantine.ts";
import { feedFrame, snapshotText } from "../testing/feed-frame.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "../testing/memory-event-stream.ts";
import { createIngest } from "./ingest.ts";
import { retryQuarantined } from "./retry-quarantined.ts";

const START = 1_700_000_000_000_000_000n;
const ACCOUNTS = 2500;

const blind: Translate = () => ({ ok: false, reason: "shape", detail: "not yet" });
const seeing = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;
const BEFORE: Translations = { present: 1, versions: { 1: blind } };
const AFTER: Translations = { present: 2, versions: { 1: blind, 2: seeing } };

const quarantine = (stream: EventStream) =>
  Array.fromAsync(readQuarantine(stream, { translations: AFTER, hashing }));

/** An unreadable snapshot of more accounts than one append holds. */
async function quarantinedSnapshot() {
  const storage = createMemoryStreamStorage();
  const clock = createManualClock(START);
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  const ingest = createIngest({ stream, translations: BEFORE, hashing, clock });
  await ingest.submit(feedFrame(snapshotText(ACCOUNTS), { number: 1, receivedAt: START }));
  const sizes: number[] = [];
  const noting = (before: () => void): EventStream => ({
    ...stream,
    append: async (position, events, bodies) => {
      before();
      sizes.push(events.length);
      return stream.append(position, events, bodies);
    },
  });
  const retry = async (before = () => {}) => {
    const [delivery] = await quarantine(stream);
    if (delivery === undefined) throw new Error("nothing is in quarantine");
    const options = { stream: noting(before), translations: AFTER, hashing, clock };
    return (await retryQuarantined(delivery, options)).outcome;
  };
  const count = (type: string) => storage.events.filter((event) => event.type === type).length;
  return { stream, sizes, retry, count };
}

describe("a huge snapshot that was quarantined", () => {
  test("is divided when it is retried, and resolved with its last part", async () => {
    const { stream, sizes, retry, count } = await quarantinedSnapshot();
    expect(await retry()).toBe("resolved");
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(APPEND_EVENTS_MAX);
    expect(count("BalanceReported")).toBe(ACCOUNTS);
    const [completed] = await stream.read({ after: 0, limit: 1, types: ["DeliveryCompleted"] });
    expect(JSON.parse(completed?.data ?? "{}")).toMatchObject({
      parts: sizes.length,
      snapshot: { connection: "c1", frame: 1 },
    });
    expect(await retry()).toBe("tried");
  });

  test.each([1, 2])(
    "stays in quarantine where the retry dies after part %s; the next goes on",
    async (part) => {
      const { stream, sizes, retry, count } = await quarantinedSnapshot();
      const dying = () => {
        if (sizes.length === part) throw new StreamUnavailable("killed");
      };
      await expect(retry(dying)).rejects.toThrow("killed");
      expect(await quarantine(stream)).toMatchObject([{ resolved_position: null, attempts: 1 }]);
      expect(await retry()).toBe("resolved");
      expect(count("BalanceReported")).toBe(ACCOUNTS);
      expect(count("DeliveryCompleted")).toBe(1);
      expect(await quarantine(stream)).toMatchObject([{ attempts: 2 }]);
    },
  );
});
