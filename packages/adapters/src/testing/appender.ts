/**
 * Run by tests as a process or worker of its own: appends `count` batches of three events and
 * prints the position after each, once it is acknowledged.
 *
 *     node appender.ts sqlite|postgres <dataDir or url> <ledger> <first number> <count>
 */
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream as openPostgresStream } from "../postgres/event-stream.ts";
import { openEventStream } from "../sqlite/event-stream.ts";

const [engine = "", place = "", ledger = "", first = "", count = ""] = process.argv.slice(2);

const options = { ledger, hashing: nodeHashing, clock: systemClock };
const stream = await (engine === "postgres"
  ? openPostgresStream({ ...options, url: place })
  : openEventStream({ ...options, dataDir: place }));
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
