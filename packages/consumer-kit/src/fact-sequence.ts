import type { Fact } from "./message.ts";

/** What a fact is in the order of its key. */
export type InSequence =
  | Readonly<{ outcome: "next" }>
  /** It, or one after it, was here before. */
  | Readonly<{ outcome: "repeat" }>
  /** Facts `from` to `to` of the key were never here. */
  | Readonly<{ outcome: "hole"; from: number; to: number }>;

/** The last number of each key. Whoever keeps it with its own results begins where it left off. */
export interface FactSequences {
  take(fact: Pick<Fact, "key" | "keySequence">): InSequence;
  /** The last number that was taken; 0 where none was. */
  lastOf(key: string): number;
}

/**
 * Tells repeats and holes by `counterfoil_key_sequence`.
 *
 * @param lastOf what was taken before this process began. Without it a reader that does not begin at
 *   the topic's beginning takes the first fact of each key as it comes.
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
