/** How long things may take; tests shorten it. */
export type Timing = Readonly<{
  /** A call without any answer for so long is given up. */
  silenceMs: number;
  /** The server's time for one append; its own commit timeout is 2 to 3 s. */
  appendMs: number;
  /** A write of unknown outcome is retried for so long. */
  patienceMs: number;
  /** How long to wait for what the server has and does not show yet. */
  replicationMs: number;
  /** A waiter reads the head so often beside the subscription. */
  pollMs: number;
  /** A subscription without waiters is kept for so long. */
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
