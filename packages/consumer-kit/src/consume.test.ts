import { expect, test } from "@jest/globals";
import type { EachMessageHandler, Kafka } from "kafkajs";
import { consume } from "./consume.ts";

function fakeKafka(calls: string[]) {
  const consumer = {
    events: {},
    on: () => () => {},
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
