import type { Clock } from "@counterfoil/processing/ports/clock";

/** The provider closes 20 s after the last ping; an older page of its documentation says 10. */
const PING_INTERVAL_MS = 10_000;

/** Three pings without any answer, 30 s: the connection is dead. */
const SILENT_PINGS_MAX = 3;

export type KeepAlive = Readonly<{
  /** Something arrived. */
  heard: () => void;
  stop: () => void;
}>;

export type KeepAliveOptions = Readonly<{
  clock: Clock;
  ping: () => void;
  /** While the socket is paused, silence proves nothing. */
  isReading: () => boolean;
  onSilence: () => void;
}>;

/**
 * Pings every 10 s and calls `onSilence` once when 30 s brought nothing. It counts its own pings instead of
 * comparing times, so that a clock that is set does not cut a living connection.
 */
export function startKeepAlive(options: KeepAliveOptions): KeepAlive {
  const { clock, ping, isReading, onSilence } = options;
  const stopping = new AbortController();
  let silentPings = 0;
  const run = async () => {
    for (;;) {
      await clock.sleep(PING_INTERVAL_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      silentPings = isReading() ? silentPings + 1 : 0;
      if (silentPings >= SILENT_PINGS_MAX) return onSilence();
      ping();
    }
  };
  void run();
  return {
    heard() {
      silentPings = 0;
    },
    stop: () => stopping.abort(),
  };
}
