import type { NewEvent } from "@counterfoil/contracts/recorded-event";

/** Bounds of one append (EventStoreDB before 25.1 takes 1 MiB; metadata and types count too). */
export const APPEND_EVENTS_MAX = 1000;
export const APPEND_BYTES_MAX = 640 * 1024;

/** Appends within the bounds; at least one, also where there is no event. */
export function cutAppends(events: readonly NewEvent[]): NewEvent[][] {
  const parts: NewEvent[][] = [[]];
  let bytes = 0;
  for (const event of events) {
    const size = storedSize(event);
    const last = parts.at(-1) ?? [];
    if (last.length >= APPEND_EVENTS_MAX || (last.length > 0 && bytes + size > APPEND_BYTES_MAX)) {
      parts.push([event]);
      bytes = size;
    } else {
      last.push(event);
      bytes += size;
    }
  }
  return parts;
}

/** What an event takes of an append, at most: its data in UTF-8, and everything beside it. */
export function storedSize({ data }: NewEvent): number {
  return (ASCII.test(data) ? data.length : 3 * data.length) + 512;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
const ASCII = /^[\u0000-\u007f]*$/;
