import {
  EMPTY_CHECKPOINT,
  type IdentityIndex,
  type IndexCheckpoint,
  type IndexEntry,
} from "../identity-index.ts";

/** An index that several streams may share, as processes share a database. */
export function createMemoryIdentityIndex(): IdentityIndex {
  let checkpoint: IndexCheckpoint = EMPTY_CHECKPOINT;
  let positionOf = new Map<string, number>();
  let amendmentsOf = new Map<string, number[]>();
  let rare: { readonly type: string; readonly position: number }[] = [];

  function add({ position, id, about, rareType }: IndexEntry): void {
    if (!positionOf.has(id)) positionOf.set(id, position);
    if (about !== null) amendmentsOf.set(about, [...(amendmentsOf.get(about) ?? []), position]);
    if (rareType !== null) rare.push({ type: rareType, position });
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
    rarePositions: async ({ types, after, upTo, limit }) =>
      rare
        .filter(
          ({ type, position }) => types.includes(type) && position > after && position <= upTo,
        )
        .map(({ position }) => position)
        .slice(0, limit),
    clear: async () => {
      checkpoint = EMPTY_CHECKPOINT;
      positionOf = new Map();
      amendmentsOf = new Map();
      rare = [];
    },
  };
}
