import { describe, expect, test } from "@jest/globals";
import type { EachMessageHandler, Kafka } from "kafkajs";
import { consume } from "./consume.ts";
import { createFactSequences } from "./reading.ts";
import { factMessage } from "./testing/fact-message.ts";

function fakeKafka(calls: string[]) {
  const listeners: (readonly [string, (event: unknown) => void])[] = [];
  const consumer = {
    events: { REQUEST: "request", HEARTBEAT: "heartbeat", GROUP_JOIN: "join" },
    on(name: string, listener: (event: unknown) => void) {
      listeners.push([name, listener]);
      return () => {};
    },
    emit(name: string, payload: unknown = {}) {
      for (const [on, listener] of listeners) if (on === name) listener({ payload });
    },
    connect: async () => void calls.push("connect"),
    subscribe: async () => {},
    run: async (_: Readonly<{ eachMessage: EachMessageHandler }>) => {},
    disconnect: async () => void calls.push("disconnect"),
  };
  return { consumer, kafka: { consumer: () => consumer } as unknown as Kafka };
}

async function refuse(): Promise<never> {
  throw new Error("This server does not host this topic-partition");
}

async function isAway(): Promise<never> {
  throw new Error("Connection error: the broker is away");
}

test("a consumer that cannot subscribe is disconnected", async () => {
  const calls: string[] = [];
  const { consumer, kafka } = fakeKafka(calls);
  consumer.subscribe = refuse;
  await expect(consume({ kafka, topics: ["events"] })).rejects.toThrow("does not host this topic");
  expect(calls).toEqual(["connect", "disconnect"]);
});

test("the first error counts where the broker is away at the end too", async () => {
  const { consumer, kafka } = fakeKafka([]);
  Object.assign(consumer, { subscribe: refuse, disconnect: isAway });
  await expect(consume({ kafka, topics: ["events"] })).rejects.toThrow("does not host this topic");
});

test("a handler that fails while the broker is away ends the reading and not the process", async () => {
  const { consumer, kafka } = fakeKafka([]);
  let handle: EachMessageHandler = async () => {};
  consumer.run = async ({ eachMessage }) => {
    handle = eachMessage;
  };
  consumer.disconnect = isAway;
  const onInvalid = () => Promise.reject(new Error("the handler failed"));
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  const { ended } = await consume({ kafka, topics: ["events"], onInvalid });
  const message = { key: null, value: Buffer.from("{}"), offset: "0", headers: {} };
  const payload = { topic: "counterfoil.events.v1", partition: 0, message };
  await expect(handle(payload as never)).rejects.toThrow("the handler failed");
  await expect(ended).rejects.toThrow("the handler failed");
  // Node reports it once the present tasks are done.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

describe("a member of a group that was paused", () => {
  const LOST = new Error("The coordinator is not aware of this member");

  /** A member that has handled fact 1, and what the others have stored since: fact 2. */
  async function startMember() {
    let now = 1000;
    let stored = 0;
    const handled: number[] = [];
    const lookups: string[] = [];
    const { consumer, kafka } = fakeKafka([]);
    let handle: EachMessageHandler = async () => {};
    consumer.run = async ({ eachMessage }) => {
      handle = eachMessage;
    };
    const confirm = (event: "join" | "heartbeat", askedAt: number) => {
      const apiName = event === "join" ? "SyncGroup" : "Heartbeat";
      consumer.emit("request", { apiName, createdAt: askedAt });
      consumer.emit("request", { apiName: "Fetch", createdAt: now });
      consumer.emit(event);
    };
    const { ended } = await consume({
      ...{ kafka, groupId: "group", topics: ["events"], now: () => now },
      sequences: createFactSequences((key) => {
        lookups.push(key);
        return stored;
      }),
      onFact: ({ keySequence }) => {
        handled.push(keySequence);
        stored = keySequence;
      },
    });
    const noBeat = async () => {};
    const read = (sequence: number, heartbeat: () => Promise<void> = noBeat) => {
      const { key, value, headers } = factMessage("a", sequence);
      const message = { ...{ key: Buffer.from(key), offset: "0", headers }, value };
      return handle({ topic: "counterfoil.events.v1", partition: 0, message, heartbeat } as never);
    };
    confirm("join", now);
    await read(1);
    return {
      ...{ ended, handled, lookups, read, confirm },
      time: () => now,
      pass: (ms: number) => {
        now += ms;
      },
      othersStore: (sequence: number) => {
        stored = sequence;
      },
    };
  }

  test("asks whether it is a member still, and handles nothing where it is not", async () => {
    const member = await startMember();
    member.pass(75_000);
    member.othersStore(2);
    const lost = async () => Promise.reject(LOST);
    await expect(member.read(2, lost)).rejects.toBe(LOST);
    // The client joins again; this is no failure of a handler.
    member.confirm("join", member.time());
    await member.read(2);
    await member.read(3);
    expect(member.handled).toEqual([1, 3]);
  });

  test("goes on with what it remembers where it is one still", async () => {
    const member = await startMember();
    member.pass(20_000);
    await member.read(2, async () => member.confirm("heartbeat", member.time()));
    expect(member.handled).toEqual([1, 2]);
    expect(member.lookups).toEqual(["a"]);
  });

  test("looks stored numbers up again where the answer to its heartbeat waited for it", async () => {
    const member = await startMember();
    const askedAt = member.time();
    member.pass(75_000);
    member.othersStore(2);
    member.confirm("heartbeat", askedAt);
    // The client has just had an answer, and sends no other heartbeat.
    await member.read(2);
    expect(member.handled).toEqual([1]);
  });

  test("does not trust a clock that was set back", async () => {
    const member = await startMember();
    member.pass(-5000);
    member.othersStore(2);
    await member.read(2);
    expect(member.handled).toEqual([1]);
  });

  test("asks nobody while its membership is certain", async () => {
    const member = await startMember();
    member.pass(9000);
    await member.read(2, () => Promise.reject(LOST));
    expect(member.handled).toEqual([1, 2]);
  });
});
