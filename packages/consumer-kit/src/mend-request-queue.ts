import { createRequire } from "node:module";

/** The part of the client's queue of requests that is mended. */
type RequestQueue = {
  pending: readonly unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: unknown;
  scheduleCheckPendingRequests(): void;
};

const MENDED = Symbol.for("counterfoil.kafkajs.request-queue");

/**
 * kafkajs 2.2.4 sets a timer for a moment that has passed whenever its queue is not throttled: Node
 * warns of a negative delay, and the timer goes off every millisecond for nothing. It is set only
 * where there is something to wait for; everything else looks at the queue by itself.
 */
export function mendRequestQueue(): void {
  const require = createRequire(import.meta.url);
  const { prototype } = require("kafkajs/src/network/requestQueue") as {
    prototype: RequestQueue & { [MENDED]?: true };
  };
  if (prototype[MENDED]) return;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function mended(this: RequestQueue): void {
    const isThrottled = this.throttledUntil > Date.now();
    if (isThrottled || this.pending.length > 0) schedule.call(this);
  };
  prototype[MENDED] = true;
}
