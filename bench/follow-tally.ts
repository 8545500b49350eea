/** What writers do while a reader follows them. */
export type Appends = Readonly<{ writers: number; appends: number; eventsAtOnce: number }>;

/** What became of the events at the reader. */
export type Followed = Readonly<{
  appended: number;
  /** Never seen, and never to be: the reader has gone past the end. */
  missed: number;
  /** Seen after one that lies behind it. */
  disordered: number;
}>;

/** Counts at the reader's end. */
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
