import type { Nanos } from "@counterfoil/core/exact/time";
import type { EventStream } from "../ports/event-stream.ts";

/**
 * The last position that was recorded by a time; 0 where none was. Times of recording never fall
 * along the stream and its positions have no holes, so halving finds it without an index.
 */
export async function lastPositionBy(stream: EventStream, time: Nanos): Promise<number> {
  const head = await stream.head();
  if (head.recordedAt <= time) return head.position;
  let [known, beyond] = [0, head.position];
  while (beyond - known > 1) {
    const middle = Math.floor((known + beyond) / 2);
    const [event] = await stream.read({ after: middle - 1, limit: 1 });
    if (event !== undefined && event.recorded_at <= time) known = middle;
    else beyond = middle;
  }
  return known;
}
