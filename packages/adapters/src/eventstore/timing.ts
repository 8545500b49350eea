/** How long things may take; tests shorten it. */
export type Timing = Readonly<{
  /** A call that hears nothing for so long is given up. */
  silenceMs: number;
  /** The server's time for one append; its own commit timeout is 2 to 3 s. */
  appendMs: number;
  /** A write of unknown outcome is repeated for so long. */
  patienceMs: number;
  /** How long something is awaited that the server knows of and does not show yet. */
  replicationMs: number;
  /** Who waits for an append looks so often beside the subscription. */
  pollMs: number;
  /** A subscription that nobody waits for is kept for so long. */
  lingerMs: number;
}>;

export const DEFAULT_TIMING: Timing = {
  silenceMs: 5000,
  appendMs: 4000,
  patienceMs: 8000,
  replicationMs: 3000,
  pollMs: 1000,
  lingerMs: 10_000,
};
