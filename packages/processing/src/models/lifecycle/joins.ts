import { waitingIn } from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Cluster, Clusters, StoredWaiting } from "./clusters.ts";
import { createMatching, type Waiting } from "./matching.ts";

/** How clusters that nothing states to be one record find one another. */
export interface Joins {
  /** What a cluster waits for now. */
  waitingOf(cluster: Cluster): Promise<readonly StoredWaiting[]>;
  put(waiting: StoredWaiting, cluster: number): Promise<void>;
  remove(waiting: StoredWaiting, cluster: number): Promise<void>;
  /** Joins what waits for all that was put and removed. */
  finish(): Promise<void>;
}

export type JoinsContext = Readonly<{
  buffer: RowBuffer;
  clusters: Clusters;
  /** A number that nothing explains, in hexadecimal. */
  tieOf: (text: string) => string;
}>;

/** Lets clusters wait for what they are now, and no more for what they were. */
export async function joinChanged(touched: readonly Cluster[], joins: Joins, clusters: Clusters) {
  const changed = new Set(touched);
  // What one waits for depends on those that it is paired with in a run.
  for (const cluster of touched) {
    for (const other of await clusters.linkedBy(cluster, isOfRun)) changed.add(other);
  }
  for (const cluster of changed) {
    const before = cluster.waiting;
    const now = await joins.waitingOf(cluster);
    const isIn = (list: readonly StoredWaiting[], one: StoredWaiting) =>
      list.some((other) => JSON.stringify(other) === JSON.stringify(one));
    cluster.waiting = now;
    for (const one of before) if (!isIn(now, one)) await joins.remove(one, cluster.id);
    for (const one of now) if (!isIn(before, one)) await joins.put(one, cluster.id);
  }
  await joins.finish();
}

const isOfRun = (kind: string): boolean => kind.startsWith("run:");

/** Holds and confirmations without a stated partner wait in a queue, and leave it with one. */
export function withdrawalJoins({ buffer, clusters, tieOf }: JoinsContext): Joins {
  const matching = createMatching({
    ...{ buffer, tieOf },
    link: (a, b) => clusters.link(a, b, { kind: "hold", isInferred: true }),
    unlink: (a, b) => clusters.unlink(a, b, "hold"),
  });
  const toMatch = ({ at, ...waiting }: StoredWaiting, cluster: number): Waiting =>
    ({ ...waiting, cluster, at: BigInt(at) }) as Waiting;
  return {
    async waitingOf(cluster) {
      const group = [cluster, ...(await clusters.linkedBy(cluster, isOfRun))];
      const has = (field: string) => group.some(({ fields }) => fields[field] !== undefined);
      const named = has("id:request");
      const own = (side: Waiting["side"], other: Waiting["side"]) => {
        const found = has(other) ? null : waitingIn(cluster.fields, side);
        return found === null ? [] : [{ ...found, side, named }];
      };
      return [...own("hold", "confirmation"), ...own("confirmation", "hold")];
    },
    put: (waiting, cluster) => matching.put(toMatch(waiting, cluster)),
    remove: (waiting, cluster) => matching.remove(toMatch(waiting, cluster)),
    finish: async () => {},
  };
}
