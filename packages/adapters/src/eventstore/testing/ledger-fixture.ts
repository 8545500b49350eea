import { systemClock } from "../../node/clock.ts";
import { nodeHashing } from "../../node/hashing.ts";
import { type EventStreamOptions, openEventStream } from "../event-stream.ts";
import type { IdentityIndex } from "../identity-index.ts";
import type { Commit, CommitFault } from "./commit.ts";
import { createMemoryIdentityIndex } from "./memory-identity-index.ts";
import type { DoubleFixture } from "./use-double.ts";

export const LEDGER = "examination";
export const STREAM = `ledger-${LEDGER}`;

/**
 * A lost answer is soon asked for again, and what must come in the end has all the time that a busy
 * machine needs.
 */
export const HASTY = {
  silenceMs: 30_000,
  appendMs: 1500,
  patienceMs: 60_000,
  replicationMs: 500,
  pollMs: 200,
  lingerMs: 50,
} as const;

/** For what is never answered. */
export const IMPATIENT = { ...HASTY, silenceMs: 1000, appendMs: 300, patienceMs: 400 } as const;

/** Streams of one ledger on a double, closed after the test. */
export function openLedgerOn(
  double: DoubleFixture,
  options: Partial<EventStreamOptions> & { index?: IdentityIndex } = {},
) {
  const opening = openEventStream({
    url: double.url,
    ledger: LEDGER,
    hashing: nodeHashing,
    clock: systemClock,
    index: createMemoryIdentityIndex(),
    timing: HASTY,
    ...options,
  });
  double.atEnd(async () => (await opening.catch(() => null))?.close());
  return opening;
}

/** Faults for the appends to the ledger's stream, one each; null and after the last: none. */
export function failAppends(
  { settings }: DoubleFixture,
  faults: readonly (CommitFault | null)[],
  stream = STREAM,
): void {
  const left = [...faults];
  settings.faultOf = (commit: Commit) => (commit.stream === stream ? (left.shift() ?? null) : null);
}
