import type { Topic } from "@counterfoil/contracts/kafka";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  type HeldState,
  PublisherFenced,
  type TopicPublisher,
  type TopicRecord,
  type Topics,
} from "../ports/topics.ts";

type TopicsHarness = Readonly<{
  /** Another instance on the same topics, as another process would open it. */
  topics(): Topics;
  /** What a reader of committed records finds, topic by topic, in order within each key. */
  committed(topics: readonly Topic[]): Promise<readonly TopicRecord[]>;
  dispose(): Promise<void>;
}>;

type Use = () => Readonly<{ harness: TopicsHarness; open: () => Promise<TopicPublisher> }>;

/** What every implementation of the topics promises, see ports/topics.ts. */
export function describeTopicsContract(
  name: string,
  makeHarness: () => Promise<TopicsHarness>,
): void {
  describe(`topics: ${name}`, () => {
    let fixture: ReturnType<Use> | null = null;
    let opened: TopicPublisher[] = [];
    beforeEach(async () => {
      const harness = await makeHarness();
      const open = async () => {
        const publisher = await harness.topics().open();
        opened.push(publisher);
        return publisher;
      };
      fixture = { harness, open };
    });
    afterEach(async () => {
      for (const publisher of opened) await publisher.close();
      opened = [];
      await fixture?.harness.dispose();
      fixture = null;
    });
    const use: Use = () => {
      if (fixture === null) throw new Error("the fixture exists only inside a test");
      return fixture;
    };
    describeCommitting(use);
    describeFencing(use);
    describeReading(use);
  });
}

function describeCommitting(use: Use): void {
  test("there is no checkpoint at first, and then the last one", async () => {
    const { open } = use();
    const first = await open();
    expect(first.checkpoint).toBeNull();
    for (const checkpoint of ["one", "two", '{"three":"3 €"}']) {
      await first.publish({ records: [], checkpoint });
    }
    expect((await open()).checkpoint).toBe('{"three":"3 €"}');
  });

  test("records of one key stay in order, over topics and transactions; tombstones are null", async () => {
    const { harness, open } = use();
    const publisher = await open();
    const records = [fact("a", 1), fact("b", 2), fact("a", 3), state("x", 3), state("y", 3)];
    await publisher.publish({ records, checkpoint: "3" });
    const more = [fact("a", 4), state("x", 4, null), state("y", 4), fact("b", 5)];
    await publisher.publish({ records: more, checkpoint: "5" });
    const committed = await harness.committed(["events", "balances"]);
    expect(byKey(committed)).toEqual(byKey([...records, ...more]));
  });

  test("hundreds of keys, each with its own order", async () => {
    const { harness, open } = use();
    const publisher = await open();
    const records = Array.from({ length: 3000 }, (_, at) => fact(`key ${at % 371}`, at + 1));
    await publisher.publish({ records: records.slice(0, 1700), checkpoint: "1700" });
    await publisher.publish({ records: records.slice(1700), checkpoint: "3000" });
    expect(byKey(await harness.committed(["events"]))).toEqual(byKey(records));
  });
}

function describeReading(use: Use): void {
  async function held(publisher: TopicPublisher): Promise<readonly HeldState[]> {
    const found: HeldState[] = [];
    await publisher.readStates("balances", async (states) => {
      found.push(...states.map(({ key, value }) => ({ key, value })));
    });
    return found;
  }

  test("what a state topic holds is read back, in order of each key", async () => {
    const { open } = use();
    const publisher = await open();
    expect(await held(publisher)).toEqual([]);
    const keys = Array.from({ length: 1500 }, (_, at) => `key ${at % 700}`);
    const records = keys.map((key, at) => state(key, at + 1));
    await publisher.publish({ records: [...records, fact("key 1", 1)], checkpoint: "1" });
    await publisher.publish({ records: [state("key 3", 2000, null)], checkpoint: "2" });
    const last = new Map((await held(publisher)).map(({ key, value }) => [key, value]));
    const expected = new Map(records.map(({ key, value }) => [key, value]));
    expect(last).toEqual(expected.set("key 3", null));
  });

  test("what reading it fails with is thrown", async () => {
    const publisher = await use().open();
    await publisher.publish({ records: [state("a", 1), state("b", 1)], checkpoint: "1" });
    const trouble = new Error("planted");
    await expect(publisher.readStates("balances", () => Promise.reject(trouble))).rejects.toBe(
      trouble,
    );
  });
}

function describeFencing(use: Use): void {
  test("who opens last is the publisher; the one before can write no more", async () => {
    const { harness, open } = use();
    const first = await open();
    await first.publish({ records: [fact("a", 1)], checkpoint: "1" });
    const second = await open();
    expect(second.checkpoint).toBe("1");
    const old = { records: [fact("a", 1), state("x", 1)], checkpoint: "old" };
    await expect(first.publish(old)).rejects.toThrow(PublisherFenced);
    await second.publish({ records: [fact("a", 2)], checkpoint: "2" });
    await expect(first.publish(old)).rejects.toThrow(PublisherFenced);
    expect((await open()).checkpoint).toBe("2");
    const committed = await harness.committed(["events", "balances"]);
    expect(committed.map(positionOf)).toEqual(["1", "2"]);
  });
}

const common = {
  ce_specversion: "1.0",
  ce_source: "/counterfoil/books",
  ce_time: "2026-01-02T03:04:05Z",
  "content-type": "application/json",
  counterfoil_ledger: "books",
} as const;

/** A fact in name: the topics do not read what they carry. */
export function fact(key: string, position: number, value = `{"n":${position}}`): TopicRecord {
  const headers = {
    ...common,
    ce_id: `id-${position}`,
    ce_type: "MovementRecorded",
    ce_subject: key,
    counterfoil_position: String(position),
    counterfoil_key_sequence: String(position),
  };
  return { topic: "events", key, value, headers };
}

export function state(
  key: string,
  position: number,
  value: string | null = `{"n":${position}}`,
): TopicRecord {
  const headers = {
    ...common,
    ce_id: `balances:${key}:1:${position}`,
    ce_type: value === null ? "BalanceRemoved" : "BalanceChanged",
    ce_subject: key,
    counterfoil_position: String(position),
    counterfoil_generation: "1",
  };
  return { topic: "balances", key, value, headers };
}

const positionOf = ({ headers }: TopicRecord): string => headers.counterfoil_position;

function byKey(records: readonly TopicRecord[]): Readonly<Record<string, readonly TopicRecord[]>> {
  const found: Record<string, TopicRecord[]> = {};
  for (const record of records) {
    const key = `${record.topic} ${record.key}`;
    found[key] = [...(found[key] ?? []), record];
  }
  return found;
}
