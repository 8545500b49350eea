import { expect, test } from "@jest/globals";
import type { Kafka } from "kafkajs";
import { consume } from "./consume.ts";

test("a consumer that cannot subscribe is disconnected", async () => {
  const calls: string[] = [];
  const consumer = {
    events: {},
    on: () => () => {},
    connect: async () => void calls.push("connect"),
    subscribe: async () => {
      throw new Error("This server does not host this topic-partition");
    },
    disconnect: async () => void calls.push("disconnect"),
  };
  const kafka = { consumer: () => consumer } as unknown as Kafka;
  await expect(consume({ kafka, topics: ["events"] })).rejects.toThrow("does not host this topic");
  expect(calls).toEqual(["connect", "disconnect"]);
});
