import type { AppendResult, LookUp } from "@counterfoil/processing/ports/event-stream";
import type { PackedAppend } from "./packed-append.ts";
import type { PackedError } from "./thread-error.ts";

/** What the event loop and the thread that writes the stream say to each other. */
export type StreamThreadData = Readonly<{ file: string; ledger: string }>;

export type Question = Readonly<{
  call: number;
  ask:
    | Readonly<{ what: "lookUp"; ids: readonly string[] }>
    | Readonly<{ what: "append"; append: PackedAppend }>
    | Readonly<{ what: "close" }>;
}>;

export type Answer = Readonly<{ call: number }> &
  (Readonly<{ result: LookUp | AppendResult }> | Readonly<{ error: PackedError }>);
