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
 * Pings every 10 s and calls `onSilence` once when 30 s brought nothing. It counts its own pings
 * instead of comparing times, so that a clock that is set does not cut a living connection.
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

/** Nothing marks the last frame of a snapshot: it is the one that none follows for so long. */
const SILENCE_MS = 2_000;

export type SnapshotEnd = Readonly<{
  /** A frame of the snapshot is recorded. */
  frameRecorded: () => void;
  /** A frame of it cannot be read: it is never complete. */
  frameLost: () => void;
  /** No more frames come. */
  end: () => void;
}>;

export type SnapshotEndOptions = Readonly<{
  clock: Clock;
  /** @param frames of how many the snapshot consists; called again where more come after all */
  onComplete: (frames: number) => void;
}>;

/**
 * Calls `onComplete` when a connection's snapshot is complete. Only then can an account be missing
 * from it.
 */
export function watchSnapshotEnd({ clock, onComplete }: SnapshotEndOptions): SnapshotEnd {
  let frames = 0;
  let completed = 0;
  let isLost = false;
  let silence = new AbortController();

  function complete(): void {
    silence.abort();
    if (isLost || frames === completed) return;
    completed = frames;
    onComplete(frames);
  }

  async function completeAfterSilence(): Promise<void> {
    silence.abort();
    silence = new AbortController();
    const { signal } = silence;
    await clock.sleep(SILENCE_MS, signal);
    if (!signal.aborted) complete();
  }

  return {
    frameRecorded() {
      frames += 1;
      void completeAfterSilence();
    },
    frameLost() {
      isLost = true;
    },
    end: complete,
  };
}
