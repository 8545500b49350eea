import type { Readable } from "node:stream";

/** A sender that has not stopped after this much does not want an answer. */
const DISCARDED_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads the rest of a body and throws it away. Answering earlier would close the connection under a
 * sender that is still writing, and the answer would be lost with it.
 */
export function discardRest(body: Readable): Promise<void> {
  return new Promise((resolve) => {
    let leftBytes = DISCARDED_BYTES_MAX;
    body.on("data", (chunk: Buffer) => {
      leftBytes -= chunk.length;
      if (leftBytes < 0) resolve();
    });
    body.once("end", resolve);
    body.once("close", resolve);
    body.resume();
  });
}
