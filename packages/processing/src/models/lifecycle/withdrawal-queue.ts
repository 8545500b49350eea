import { waitingIn } from "@counterfoil/core/lifecycle/withdrawal";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Cluster, ClusterStore, StoredWaiting } from "./cluster-store.ts";
import { createMatching, type Matching, type Waiting } from "./matching.ts";

/** Holds and confirmations without a stated partner wait in a queue, and leave it with one. */
export function createWithdrawalQueue(buffer: RowBuffer, clusters: ClusterStore) {
  const matching: Matching = createMatching(buffer, {
    link: async (a, b) =>
      clusters.link(await clusters.get(a), await clusters.get(b), {
        kind: "hold",
        isInferred: true,
      }),
    unlink: async (a, b) => clusters.unlink(await clusters.get(a), await clusters.get(b), "hold"),
  });

  /** What a cluster has to wait for, with what it was paired with in a run. */
  async function waitingOf(cluster: Cluster): Promise<StoredWaiting[]> {
    const group = [cluster];
    for (const { kind, to } of cluster.links) {
      if (kind === "run") group.push(await clusters.get(to));
    }
    const has = (field: string) => group.some(({ fields }) => fields[field] !== undefined);
    const named = has("id:request");
    const own = (side: Waiting["side"], other: Waiting["side"]): StoredWaiting[] => {
      const found = has(other) ? null : waitingIn(cluster.fields, side);
      return found === null ? [] : [{ ...found, side, cluster: cluster.id, named }];
    };
    return [...own("hold", "confirmation"), ...own("confirmation", "hold")];
  }

  return {
    async refresh(cluster: Cluster): Promise<void> {
      const now = await waitingOf(cluster);
      const before = cluster.waiting;
      const isIn = (list: readonly StoredWaiting[], one: StoredWaiting) =>
        list.some((other) => JSON.stringify(other) === JSON.stringify(one));
      cluster.waiting = now;
      for (const one of before) if (!isIn(now, one)) await matching.remove(fromStored(one));
      for (const one of now) if (!isIn(before, one)) await matching.put(fromStored(one));
    },
  };
}

const fromStored = ({ at, ...waiting }: StoredWaiting): Waiting =>
  ({ ...waiting, at: BigInt(at) }) as Waiting;
