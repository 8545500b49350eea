import type { PublisherState } from "@counterfoil/processing/publish/publisher";

/**
 * `fenced`: another publisher of the ledger took over; `refused`: something has to be put right by a
 * person, as the log says; `failed`: a fault of the program. All are tried again after a pause.
 * `forked`: the topics hold another stream, and nothing is tried; `stopped`: this process does not
 * publish any more.
 */
export type PublishingState =
  | PublisherState
  | "fenced"
  | "refused"
  | "failed"
  | "forked"
  | "stopped";

/** What a publisher reports to its caller; plain data, since it may come from another thread. */
export type PublisherEvent =
  | Readonly<{ kind: "state"; state: PublishingState }>
  | Readonly<{ kind: "open"; position: number }>
  | Readonly<{ kind: "commit"; position: number; messages: number; facts: number }>;
