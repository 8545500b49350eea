import type { Fact } from "./message.ts";

/** How a fact follows the ones before it of its key. */
export type InSequence =
  | Readonly<{ outcome: "next" }>
  /** This one, or a later one, has been read before. */
  | Readonly<{ outcome: "repeat" }>
  /** Facts `from` to `to` of the key have never been read. */
  | Readonly<{ outcome: "hole"; from: number; to: number }>;

/** The last number of each key. A reader that stores it with its own results goes on where it left off. */
export interface FactSequences {
  take(fact: Pick<Fact, "key" | "keySequence">): InSequence;
  /** The last number that was read; 0 where none was. */
  lastOf(key: string): number;
}

/**
 * Recognises repeats and holes by `counterfoil_key_sequence`.
 *
 * @param lastOf what was read before this process began. Without it a reader that does not begin at
 *   the topic's beginning accepts the first fact of each key as it comes.
 */
export function createFactSequences(lastOf?: (key: string) => number): FactSequences {
  const last = new Map<string, number>();
  const known = (key: string) => last.get(key) ?? lastOf?.(key) ?? 0;
  return {
    lastOf: known,
    take({ key, keySequence }) {
      const before = known(key);
      const isFirst = !last.has(key) && lastOf === undefined;
      if (keySequence <= before) return { outcome: "repeat" };
      last.set(key, keySequence);
      if (isFirst || keySequence === before + 1) return { outcome: "next" };
      return { outcome: "hole", from: before + 1, to: keySequence - 1 };
    },
  };
}
