import type { Persist } from "./durable.ts";
import type { FeedSocket } from "./feed-socket.ts";
import type { Frame } from "./frame.ts";

/** One piece of work after the other; once one has failed for good, those behind it fail too. */
export function createQueue(persist: Persist) {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    /** `onDone` runs before the next piece of work begins. */
    async add<T>(work: () => Promise<T>, onDone: (result: T) => void = () => {}): Promise<void> {
      const done = tail.then(() => persist(work)).then(onDone);
      tail = done;
      await done;
    },
    drained: () => tail.then(nothing, nothing),
  };
}

const nothing = () => {};

/** More than this is pending only if one frame alone, or one read of the socket, is larger. */
const PENDING_BYTES_MAX = 1_048_576;

/** A pending frame takes more memory than its bytes. */
const FRAME_OVERHEAD_BYTES = 512;

/** Frames that are not durable yet; while they are too many the socket is not read. */
export function createPendingFrames(flow: Pick<FeedSocket, "pause" | "resume">) {
  let bytes = 0;
  let count = 0;
  let isPaused = false;
  return {
    isPaused: () => isPaused,
    count: () => count,
    add(frame: Frame) {
      count += 1;
      bytes += frame.bytes.length + FRAME_OVERHEAD_BYTES;
      if (isPaused || bytes <= PENDING_BYTES_MAX) return;
      isPaused = true;
      flow.pause();
    },
    remove(frame: Frame) {
      count -= 1;
      bytes -= frame.bytes.length + FRAME_OVERHEAD_BYTES;
      if (!isPaused || bytes > PENDING_BYTES_MAX / 2) return;
      isPaused = false;
      flow.resume();
    },
  };
}
