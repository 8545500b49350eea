import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { eventsIn, type ServerEvent } from "./server-events.ts";

const TEXT = [
  ": alive\n\n",
  'id: 12.0\nevent: balances\ndata: {"id":"a"}\n\n',
  "data: one\ndata: two\n\n",
  "id: 13\r\nevent: reset\r\ndata: x\r\n\r\n",
  "event: nothing\n\n",
].join("");

async function read(chunks: readonly string[]): Promise<readonly ServerEvent[]> {
  const events: ServerEvent[] = [];
  const text = new ReadableStream<string>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  for await (const event of eventsIn(text)) events.push(event);
  return events;
}

test("events are the same wherever the bytes are cut", async () => {
  const expected = [
    { id: "12.0", event: "balances", data: '{"id":"a"}' },
    { id: null, event: "message", data: "one\ntwo" },
    { id: "13", event: "reset", data: "x" },
  ];
  expect(await read([TEXT])).toEqual(expected);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(TEXT.length), { maxLength: 12 }), async (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), TEXT.length];
      const chunks = places.slice(1).map((end, at) => TEXT.slice(places[at], end));
      expect(await read(chunks)).toEqual(expected);
    }),
  );
});
