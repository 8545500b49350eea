import { SECOND } from "@counterfoil/core/exact/time";
import type { Clock } from "../ports/clock.ts";
import { isEngineError } from "../ports/errors.ts";
import { type EventStream, tryToAppend } from "../ports/event-stream.ts";

/** Each trial writes, so a reader that asks again sooner gets the last answer. */
const TRIED_EVERY = 30n * SECOND;

/**
 * Finds out for a status whether the stream refuses appends, in a process that makes none of its own.
 *
 * @param onRefused called with the engine's error
 */
export function createAppendTrial(
  { stream, clock }: Readonly<{ stream: EventStream; clock: Pick<Clock, "now"> }>,
  onRefused: (error: unknown) => void = () => undefined,
): () => Promise<boolean> {
  let last: Readonly<{ at: bigint; isRefused: Promise<boolean> }> | null = null;

  async function isRefused(): Promise<boolean> {
    try {
      await tryToAppend(stream);
      return false;
    } catch (error) {
      if (!isEngineError(error)) throw error;
      onRefused(error);
      return true;
    }
  }

  return () => {
    const now = clock.now();
    if (last === null || now - last.at >= TRIED_EVERY) last = { at: now, isRefused: isRefused() };
    return last.isRefused;
  };
}
