import { FACT_TOPIC } from "@counterfoil/contracts/kafka";
import { RecordTooLarge } from "@counterfoil/processing/ports/topics";
import { openSession, type PublishSession } from "@counterfoil/processing/publish/publisher";
import type { StoppedKey } from "@counterfoil/processing/publish/topic-format";
import {
  createMemoryTopicStorage,
  createMemoryTopics,
} from "@counterfoil/processing/testing/memory-topics";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { take } from "./messages.ts";
import { expectAllFacts, lastStates, shownStates } from "./published.ts";
import { hashing, LEDGER, openTestLedger, type TestLedger } from "./support.ts";

/* A broker that does not take records beyond a size: the keys of these stop, all others go on. */

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await openTestLedger({ live: false });
});
afterEach(() => ledger.close());

const trade = async (trade_id: string, trade_state: string, note = "") => {
  const body = { trade_id, trade_state, note };
  ledger.clock.set(ledger.clock.now() + 1_000_000_000n);
  await take(ledger, { payloadType: "trade.status_changed", body });
};

const LARGE = "x".repeat(20_000);

/** Three of them, one of which is large at first, between others. */
async function play(): Promise<void> {
  await trade("a", "active");
  await trade("large", "active", LARGE);
  await trade("b", "active");
  await trade("large", "terminated", LARGE);
  await trade("a", "terminated");
  await ledger.catchUp();
}

type World = ReturnType<typeof openWorld>;

function openWorld(count = 2000) {
  const storage = createMemoryTopicStorage();
  const limits = { count, bytes: 1e7 };
  const limit = { length: 10_000 };
  const stops: (StoppedKey & { error: string })[] = [];
  const open = async () =>
    openSession({
      ...{ ...ledger, ledger: LEDGER, hashing, limits },
      onStopped: (stop) => void stops.push(stop),
      publisher: await createMemoryTopics({ storage, limit: () => limit.length }).open(),
    });
  return { storage, limit, stops, open };
}

/** A publisher's whole life: it publishes what there is. */
async function publish({ open }: World): Promise<number> {
  const session: PublishSession = await open();
  while ((await session.step()) !== null);
  const { stoppedKeys } = session;
  await session.close();
  return stoppedKeys;
}

const keysOf = ({ storage }: World, topic: string) =>
  new Set(storage.records.filter((each) => each.topic === topic).map(({ key }) => key));

const DELIVERIES = /^delivery:/;
const subjects = (keys: ReadonlySet<string>) =>
  [...keys].filter((key) => !DELIVERIES.test(key)).sort();

describe("a record that is too large for a broker", () => {
  test.each([1, 2, 3, 2000])("stops its key alone, %s events at a time", async (count) => {
    await play();
    const world = openWorld(count);
    expect(await publish(world)).toBe(2);
    const { storage, stops } = world;
    expect(JSON.parse(storage.checkpoint ?? "").position).toBe(
      (await ledger.stream.head()).position,
    );
    expect(subjects(keysOf(world, FACT_TOPIC))).toEqual([
      "ledger",
      "trade:zerohash:a",
      "trade:zerohash:b",
    ]);
    expect([...keysOf(world, "trades")].sort()).toEqual(["a", "b"]);
    expect(new Set(stops.map(({ topic, key }) => `${topic} ${key}`))).toEqual(
      new Set(["events trade:zerohash:large", "trades large"]),
    );
  });

  test("is published after the limit was raised, with its own numbers, in order", async () => {
    await play();
    const world = openWorld(2);
    await publish(world);
    // Tried again in vain: nothing is lost, and nothing is said twice.
    expect(await publish(world)).toBe(2);
    world.limit.length = 1e9;
    expect(await publish(world)).toBe(0);
    const { records } = world.storage;
    const facts = records.filter(({ key }) => key === "trade:zerohash:large");
    expect(facts.map(({ headers }) => headers)).toMatchObject([
      { counterfoil_key_sequence: "1" },
      { counterfoil_key_sequence: "2" },
    ]);
    const { position } = await ledger.stream.head();
    expectAllFacts(records as Parameters<typeof expectAllFacts>[0], position);
    expect(lastStates(records as Parameters<typeof lastStates>[0])).toEqual(
      await shownStates(ledger.read),
    );
    expect(JSON.parse(world.storage.checkpoint ?? "").format).toBe(1);
  });

  test("is followed by one that is smaller: of states that one counts, of facts it waits", async () => {
    await play();
    const world = openWorld();
    await publish(world);
    await trade("large", "settled");
    await ledger.catchUp();
    expect(await publish(world)).toBe(1);
    const last = lastStates(world.storage.records as Parameters<typeof lastStates>[0]);
    expect(last.trades).toEqual((await shownStates(ledger.read)).trades);
    expect(keysOf(world, FACT_TOPIC)).not.toContain("trade:zerohash:large");
  });
});

describe("a broker that takes nothing", () => {
  test("is not blamed on the keys", async () => {
    for (let n = 0; n < 1100; n += 1) await trade(`t${n}`, "active", "x".repeat(100));
    await ledger.catchUp();
    const world = openWorld();
    world.limit.length = 10;
    await expect(publish(world)).rejects.toThrow(RecordTooLarge);
    expect(world.storage.records).toEqual([]);
  });
});
