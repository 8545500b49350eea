import { compareText } from "./leg.ts";

/** The ids that a record may have, best first; `rank` tells how good the first one is. */
export type IdCandidates = Readonly<{ rank: number; ids: readonly string[] }>;

/**
 * One id each, and never the same one twice: providers' ids are opaque, so a payment may be called
 * what a request is called. The record with the better claim has it, the other one its next id.
 *
 * @returns ids in the order of `records`; the last candidate of each must be unique.
 */
export function chooseIds(records: readonly IdCandidates[]): string[] {
  const byClaim = [...records.keys()].sort((a, b) => {
    const [left, right] = [records[a], records[b]];
    if (!left || !right) return 0;
    return left.rank - right.rank || compareText(left.ids.join("\n"), right.ids.join("\n"));
  });
  const taken = new Set<string>();
  const chosen: string[] = records.map(() => "");
  for (const at of byClaim) {
    const ids = records[at]?.ids ?? [];
    const id = ids.find((candidate) => !taken.has(candidate)) ?? ids.at(-1) ?? "";
    taken.add(id);
    chosen[at] = id;
  }
  return chosen;
}
