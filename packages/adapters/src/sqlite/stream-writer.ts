import type { Hashing } from "@counterfoil/core/hashing";
import type { AppendResult, KnownEvents } from "@counterfoil/processing/ports/event-stream";
import type { ReconnectingConnection } from "./reconnecting-connection.ts";
import { type Append, appendEvents } from "./stream-append.ts";
import type { StreamConnection } from "./stream-connection.ts";
import { findEvents } from "./stream-read.ts";

/** What an ingestor does again and again: ask what is known, and append. */
export type StreamWriter = Readonly<{
  findByIds: (ids: readonly string[]) => Promise<KnownEvents>;
  append: (append: Omit<Append, "hashing">) => Promise<AppendResult>;
}>;

/** Writes on the thread that calls. */
export function createStreamWriter(
  { use }: ReconnectingConnection<StreamConnection>,
  hashing: Hashing,
): StreamWriter {
  return {
    append: (append) => use((connection) => appendEvents(connection, { ...append, hashing })),
    findByIds: (ids) => use((connection) => findEvents(connection, ids)),
  };
}
