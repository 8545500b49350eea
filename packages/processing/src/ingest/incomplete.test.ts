import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translate } from "@counterfoil/core/translate/translation";
import { describe, expect, test } from "@jest/globals";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Delivery } from "../ports/ingest.ts";
import { feedFrame, snapshotText } from "../testing/feed-frame.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "../testing/memory-event-stream.ts";
import { createIngest } from "./ingest.ts";
import { finishDeliveries } from "./startup.ts";

const START = 1_700_000_000_000_000_000n;
const ACCOUNTS = 3000;
/** A later version of the translation. */
const NEXT = TRANSLATIONS.present + 1;

const snapshot = (number: number): Delivery =>
  feedFrame(snapshotText(ACCOUNTS), { number, receivedAt: START });

/** A ledger whose ingestor dies after `appends` appends. */
function setUp() {
  const storage = createMemoryStreamStorage();
  const clock = createManualClock(START);
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  const ingestOn = (on: EventStream, translations = TRANSLATIONS) =>
    createIngest({ stream: on, translations, hashing, clock });

  /** Ingests the delivery, and dies after the given number of appends. */
  async function die(delivery: Delivery, appends: number): Promise<void> {
    let left = appends;
    const dying: EventStream = {
      ...stream,
      append: async (...given) => {
        if (left === 0) throw new StreamUnavailable("killed");
        left -= 1;
        return stream.append(...given);
      },
    };
    await expect(ingestOn(dying).submit(delivery)).rejects.toThrow("killed");
  }

  async function complete(translations = TRANSLATIONS) {
    const ingest = ingestOn(stream, translations);
    const outcomes: string[] = [];
    for await (const { outcome } of finishDeliveries({ stream, ingest })) {
      outcomes.push(outcome);
    }
    return outcomes;
  }

  const count = (type: string) => storage.events.filter((event) => event.type === type).length;
  return { storage, stream, die, complete, count, ingest: ingestOn(stream) };
}

describe("a divided delivery whose ingestor died", () => {
  test.each([1, 2, 3])("after append %s is completed from its bytes, once", async (appends) => {
    const { storage, die, complete, count } = setUp();
    await die(snapshot(1), appends);
    expect(count("BalanceReported")).toBeLessThan(ACCOUNTS);
    expect(await complete()).toEqual(["completed"]);
    expect(count("BalanceReported")).toBe(ACCOUNTS);
    expect(count("DeliveryReceived")).toBe(1);
    expect(storage.events.at(-1)?.type).toBe("DeliveryCompleted");
    expect(await complete()).toEqual([]);
  });

  test("is distinguished from completed ones", async () => {
    const { die, ingest, complete } = setUp();
    await ingest.submit(snapshot(1));
    await die(snapshot(2), 2);
    await ingest.submit(snapshot(3));
    expect(await complete()).toEqual(["completed"]);
  });

  test("is read by its recorded translation", async () => {
    const { storage, die, complete } = setUp();
    await die(snapshot(1), 1);
    const blind: Translate = () => ({ ok: false, reason: "shape", detail: "not in this version" });
    const { versions } = TRANSLATIONS;
    expect(await complete({ present: NEXT, versions: { ...versions, [NEXT]: blind } })).toEqual([
      "completed",
    ]);
    const translations = storage.events.map(({ data }) => JSON.parse(data).translation);
    expect(new Set(translations)).toEqual(new Set([TRANSLATIONS.present, undefined]));
  });

  test("whose bytes were erased is reported, and the next one completed", async () => {
    const { storage, die, complete, count } = setUp();
    await die(snapshot(1), 1);
    storage.bodies.clear();
    await die({ ...snapshot(2), bytes: new TextEncoder().encode(`${text(snapshot(2))} `) }, 1);
    expect(await complete()).toEqual(["gone", "completed"]);
    expect(count("DeliveryCompleted")).toBe(1);
  });

  test("by a translation that does not exist here is reported", async () => {
    const { die, complete } = setUp();
    await die(snapshot(1), 1);
    const present = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;
    expect(await complete({ present: NEXT, versions: { [NEXT]: present } })).toEqual(["failed"]);
  });
});

const text = ({ bytes }: Delivery) => new TextDecoder().decode(bytes);
