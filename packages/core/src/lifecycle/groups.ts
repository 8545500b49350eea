/** Sets of members that share a key, directly or through others; members keep their order. */
export function groupByKeys<Member>(
  members: readonly Member[],
  keysOf: (member: Member) => readonly string[],
): Member[][] {
  const parents = members.map((_, at) => at);
  const rootOf = (at: number): number => {
    let root = at;
    while (parents[root] !== root) root = parents[root] ?? root;
    for (let step = at; step !== root; ) {
      const parent = parents[step] ?? root;
      parents[step] = root;
      step = parent;
    }
    return root;
  };
  const firstWith = new Map<string, number>();
  members.forEach((member, at) => {
    for (const key of keysOf(member)) {
      const first = firstWith.get(key);
      if (first === undefined) firstWith.set(key, at);
      else parents[rootOf(at)] = rootOf(first);
    }
  });
  return [...Map.groupBy(members.keys(), rootOf).values()].map((ats) =>
    ats.flatMap((at) => members.slice(at, at + 1)),
  );
}
