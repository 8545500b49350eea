import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BroadcastChannel } from "node:worker_threads";

const CHANNEL = "counterfoil:garbage";

/**
 * Collects the garbage of this thread whenever one asks all threads to. V8 lets the heap of each grow by
 * a third and more before it collects, and knows nothing of the other threads' need.
 */
export function collectWhenAsked(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = collect;
  channel.unref();
}

/** Makes room for something large: collects the garbage of all threads, of this one at once. */
export function collectEverywhere(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(null);
  channel.close();
  collect();
}

function collect(): void {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  collectGarbage();
}
