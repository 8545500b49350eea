/**
 * Run by tests as a process of its own: appends `count` batches of three events and prints the
 * position after each, once it is acknowledged.
 *
 *     node stream-appender.ts <url> <ledger> <first number> <count>
 */
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { nodeHashing, systemClock } from "../../node/runtime.ts";
import { openEventStream } from "../event-stream.ts";

const [url = "", ledger = "", first = "", count = ""] = process.argv.slice(2);

const stream = await openEventStream({ url, ledger, hashing: nodeHashing, clock: systemClock });
for (let batch = 0; batch < Number(count); batch += 1) {
  const number = Number(first) + 3 * batch;
  console.log(await appendAtHead(number));
}
await stream.close();

async function appendAtHead(number: number): Promise<number> {
  for (;;) {
    const { position } = await stream.head();
    const result = await stream.append(position, sampleEvents(number, number + 2));
    if (result.outcome === "appended") return result.head.position;
  }
}
