import { expect, test } from "@jest/globals";
import type { ConsumerConfig } from "kafkajs";
import type { Client } from "./client.ts";
import { readToEnd } from "./read-to-end.ts";

/** Fails to run, and crashes while it is disconnected, as the client does if the broker is away. */
function consumerWithoutBroker() {
  const restarts: (boolean | undefined)[] = [];
  const onJoin: (() => void)[] = [];
  const create = ({ retry }: ConsumerConfig) => {
    const crash = async () => {
      restarts.push(await retry?.restartOnFailure?.(new Error("no broker")));
    };
    return {
      events: { GROUP_JOIN: "join" },
      on: (event: string, listener: () => void) => {
        if (event === "join") onJoin.push(listener);
      },
      connect: crash,
      subscribe: async () => {},
      run: async () => {
        throw new Error("no broker");
      },
      seek: () => {},
      disconnect: crash,
    };
  };
  return {
    kafka: { consumer: create, explain: (error: unknown) => error } as unknown as Client,
    restarts,
    join: () => {
      for (const listener of onJoin) listener();
    },
  };
}

test("a reading that has failed neither restarts nor joins its group when the broker is back", async () => {
  const { kafka, restarts, join } = consumerWithoutBroker();
  const parts = [{ topic: "events", partition: 0, from: 0n, end: 1n }];
  const reading = readToEnd({ kafka, name: "test", parts, onPage: () => {} });
  await expect(reading).rejects.toThrow("no broker");
  expect(restarts).toEqual([true, false]);
  expect(join).toThrow("the reading has ended");
});
