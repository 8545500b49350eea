/**
 * A separate process that uses a ledger on the given server and closes it. Anything left open would
 * keep the process alive.
 */
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { nodeHashing, systemClock } from "../../node/runtime.ts";
import { openEventStream } from "../event-stream.ts";
import { createMemoryIdentityIndex } from "./memory-identity-index.ts";

const [url = "", ledger = ""] = process.argv.slice(2);
const index = createMemoryIdentityIndex();
const stream = await openEventStream({
  url,
  ledger,
  hashing: nodeHashing,
  clock: systemClock,
  index,
});
const waiting = stream.waitForAppend(0, new AbortController().signal);
await stream.append(0, sampleEvents(1, 3));
await waiting;
const left = stream.waitForAppend(99, new AbortController().signal);
await stream.findByIds([]);
await stream.close();
await left;
