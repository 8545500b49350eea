import type { AppendResult, KnownEvents } from "@counterfoil/processing/ports/event-stream";
import type { PackedAppend } from "./packed-append.ts";
import type { PackedError } from "./thread-error.ts";

/** What the event loop and the thread that writes the stream say to each other. */
export type StreamThreadData = Readonly<{ file: string; ledger: string }>;

export type Question = Readonly<{
  call: number;
  ask:
    | Readonly<{ what: "findByIds"; ids: readonly string[] }>
    | Readonly<{ what: "append"; append: PackedAppend }>
    | Readonly<{ what: "close" }>;
}>;

export type Answer = Readonly<{ call: number }> &
  (Readonly<{ result: KnownEvents | AppendResult }> | Readonly<{ error: PackedError }>);
