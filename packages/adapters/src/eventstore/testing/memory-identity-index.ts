import type { IdentityIndex, IndexCheckpoint, IndexEntry } from "../identity-index.ts";

export const EMPTY_CHECKPOINT: IndexCheckpoint = { position: 0, hash: "" };

/** An index that several streams may share, as processes share a database. */
export function createMemoryIdentityIndex(): IdentityIndex {
  let checkpoint: IndexCheckpoint = EMPTY_CHECKPOINT;
  let positionOf = new Map<string, number>();
  let amendmentsOf = new Map<string, number[]>();
  let indexed: { readonly type: string; readonly position: number }[] = [];

  function add({ position, id, amends, indexedType }: IndexEntry): void {
    if (!positionOf.has(id)) positionOf.set(id, position);
    if (amends !== null) amendmentsOf.set(amends, [...(amendmentsOf.get(amends) ?? []), position]);
    if (indexedType !== null) indexed.push({ type: indexedType, position });
  }

  return {
    checkpoint: async () => checkpoint,
    advance: async (from, to, entries) => {
      if (from.position !== checkpoint.position || from.hash !== checkpoint.hash) return false;
      for (const entry of entries) add(entry);
      checkpoint = to;
      return true;
    },
    find: async (ids, upTo) => {
      const known = ids.flatMap((id) => {
        const position = positionOf.get(id);
        if (position === undefined || position > upTo) return [];
        const amendments = (amendmentsOf.get(id) ?? []).filter((at) => at <= upTo);
        return [[id, { position, amendments }] as const];
      });
      return new Map(known);
    },
    positionsOfTypes: async ({ types, after, upTo, limit, order }) => {
      const positions = indexed
        .filter(
          ({ type, position }) => types.includes(type) && position > after && position <= upTo,
        )
        .map(({ position }) => position);
      return (order === "asc" ? positions : positions.reverse()).slice(0, limit);
    },
    clear: async () => {
      checkpoint = EMPTY_CHECKPOINT;
      positionOf = new Map();
      amendmentsOf = new Map();
      indexed = [];
    },
  };
}
