/** What an id stands for: one record, none, or several of which the asker has to choose. */
export type Found<Record> =
  | Readonly<{ outcome: "found"; record: Record }>
  | Readonly<{ outcome: "missing" }>
  | Readonly<{ outcome: "ambiguous"; candidates: readonly string[] }>;

export const MISSING = { outcome: "missing" } as const;

export const found = <Record>(record: Record): Found<Record> => ({ outcome: "found", record });

/** One id that an alias stands for, none or several. */
export function foundAmong(ids: readonly string[]): Found<string> {
  const candidates = [...new Set(ids)].sort();
  const [first] = candidates;
  if (first === undefined) return MISSING;
  return candidates.length === 1 ? found(first) : { outcome: "ambiguous", candidates };
}
