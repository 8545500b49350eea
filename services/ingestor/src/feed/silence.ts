import type { Clock } from "@counterfoil/processing/ports/clock";

/** The provider closes 20 s after the last ping; an older page of its documentation says 10. */
const PING_INTERVAL_MS = 10_000;

/** Three pings without any answer, 30 s: the connection is dead, or the subscription unheard. */
const PINGS_MAX = 3;

/** In an interval; pongs and the heads of frames are less. */
const PROGRESS_BYTES_MIN = 1_024;

export type KeepAlive = Readonly<{ stop: () => void }>;

/** How far a connection has come. */
export type FeedProgress = Readonly<{
  /** While the socket is paused, silence proves nothing. */
  isReading: boolean;
  /** A snapshot arrived. */
  isSubscribed: boolean;
  /** On the socket, those of a frame that has not arrived whole too. */
  bytesRead: number;
  /** Of those, what belongs to whole frames. */
  frameBytes: number;
}>;

export type KeepAliveOptions = Readonly<{
  clock: Clock;
  ping: () => void;
  progress: () => FeedProgress;
  /** Nothing arrived for 30 s (`liveness`), or much else than a snapshot. Pings end then. */
  onSilence: (reason: "liveness" | "subscription_unanswered") => void;
}>;

/**
 * Pings every 10 s and calls `onSilence` once when three intervals brought nothing, or the
 * subscription no part of a snapshot. It counts its own pings instead of comparing times, so that a
 * clock that is set does not cut a living connection, and bytes instead of frames, since a large
 * snapshot is one frame that may be on its way for minutes.
 */
export function startKeepAlive(options: KeepAliveOptions): KeepAlive {
  const { clock, ping, onSilence } = options;
  const stopping = new AbortController();
  const run = async () => {
    let last = options.progress();
    let silentPings = 0;
    let unansweredPings = 0;
    for (;;) {
      await clock.sleep(PING_INTERVAL_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      const present = options.progress();
      const { isReading, isSubscribed } = present;
      // What came in the last interval came before its end.
      silentPings = 1 + (present.bytesRead === last.bytesRead ? silentPings : 0);
      unansweredPings = isProgress(last, present) ? 0 : unansweredPings + 1;
      if (!isReading) silentPings = 0;
      if (!isReading || isSubscribed) unansweredPings = 0;
      if (silentPings >= PINGS_MAX) return onSilence("liveness");
      if (unansweredPings >= PINGS_MAX) return onSilence("subscription_unanswered");
      last = present;
      ping();
    }
  };
  void run();
  return { stop: () => stopping.abort() };
}

/** Whether a frame that has not arrived whole has grown. */
function isProgress(last: FeedProgress, present: FeedProgress): boolean {
  const growth = present.bytesRead - last.bytesRead - (present.frameBytes - last.frameBytes);
  return growth >= PROGRESS_BYTES_MIN;
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
