import type { ServerEvent } from "./append-call.ts";

/** More was given than one append may hold; smaller appends would be taken. */
export class AppendTooLarge extends Error {
  override readonly name = "AppendTooLarge";
}

/** Every server takes this: the least bound of one is 1 MiB, for a whole append. */
export const APPEND_COUNTED_MAX = 1_000_000;

/** What the server counts of an event: before 24.10.4 the data alone, since then all of this. */
export function countedSize({ data, metadata, type }: ServerEvent): number {
  return data.length + metadata.length + 2 * type.length;
}

/** @throws AppendTooLarge before anything is sent. */
export function checkAppendSize(events: readonly ServerEvent[]): void {
  const size = events.reduce((sum, event) => sum + countedSize(event), 0);
  if (size <= APPEND_COUNTED_MAX) return;
  throw new AppendTooLarge(
    `${events.length} events of ${size} bytes are too much for one append to EventStoreDB, which takes ${APPEND_COUNTED_MAX} bytes: append fewer at once; nothing was appended`,
  );
}
