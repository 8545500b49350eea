/** The work of the writers while a reader follows. */
export type Appends = Readonly<{ writers: number; appends: number; eventsAtOnce: number }>;

/** The result at the reader. */
export type Followed = Readonly<{
  appended: number;
  /** Not seen by a reader that has passed the end. */
  missed: number;
  /** Seen after a later event. */
  disordered: number;
}>;

/** Counts what the reader sees. */
export function createTally() {
  const seen = new Set<string>();
  let last = 0;
  let disordered = 0;
  return {
    see(id: string, position: number): void {
      seen.add(id);
      if (position <= last) disordered += 1;
      last = Math.max(last, position);
    },
    followed: (appended: readonly string[]): Followed => ({
      appended: appended.length,
      missed: appended.filter((id) => !seen.has(id)).length,
      disordered,
    }),
  };
}
