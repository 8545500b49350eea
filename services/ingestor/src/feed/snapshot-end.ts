import type { Clock } from "@counterfoil/processing/ports/clock";

/** Nothing marks the last frame of a snapshot: it is the last where none came for so long. */
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
  /** @param frames of how many the snapshot consists; more may still come, then it is called again. */
  onComplete: (frames: number) => void;
}>;

/** Calls `onComplete` when a connection's snapshot is complete: only then is an account missing from it. */
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
