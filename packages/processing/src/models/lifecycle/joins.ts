import type { DepositPart } from "@counterfoil/core/lifecycle/deposit";
import { type ClassPart, EQUAL_PARTS_MAX, joinParts } from "@counterfoil/core/lifecycle/deposit";
import { valueIn } from "@counterfoil/core/lifecycle/record-fields";
import { waitingIn } from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Cluster, Clusters, StoredWaiting } from "./clusters.ts";
import { createMatching, type Waiting } from "./matching.ts";
import { having, QUEUE } from "./tables.ts";

/** How clusters that nothing states to be one record find one another. */
export interface Joins {
  /** What a cluster waits for now. */
  waitingOf(cluster: Cluster): Promise<readonly StoredWaiting[]>;
  put(waiting: StoredWaiting, cluster: number): Promise<void>;
  remove(waiting: StoredWaiting, cluster: number): Promise<void>;
  /** Joins what waits for all that was put and removed. */
  finish(): Promise<void>;
}

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
export function withdrawalJoins(buffer: RowBuffer, clusters: Clusters): Joins {
  const matching = createMatching(buffer, {
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

/**
 * Statuses, movements and fund events that agree in everything, the transaction included, are of one
 * class, and all of a class are joined anew where one changed.
 *
 * @param ids kinds of ids; the best orders parts of one time
 */
export function depositJoins(buffer: RowBuffer, clusters: Clusters, ids: readonly string[]): Joins {
  const changed = new Set<string>();

  const rowOf = ({ class: ofClass, side, at, tie }: StoredWaiting, cluster: number) => ({
    ...{ class: ofClass, side, cluster, at: BigInt(at), tie, named: 0, state: "free:0" },
    ...{ partner: 0, partner_at: 0n, partner_tie: "", node: 0n },
  });

  async function joinClass(ofClass: string): Promise<void> {
    const limit = EQUAL_PARTS_MAX + 1;
    const all = having({ class: ofClass }, ["side", "cluster"], { limit });
    const parts: ClassPart<Cluster>[] = [];
    for (const { cluster, side, at, tie } of await buffer.select(QUEUE, all)) {
      const item = await clusters.get(Number(cluster));
      const network = valueIn(item.fields, "class_network");
      const part = side as DepositPart;
      parts.push({ item, part, at: BigInt(at ?? 0), tie: String(tie), network });
    }
    const isInferred = parts.length > new Set(parts.map(({ part }) => part)).size;
    const members = parts.map(({ item }) => item);
    await clusters.relink(members, joinParts(parts), { kind: "parts", isInferred });
  }

  return {
    async waitingOf({ fields }) {
      const ofClass = valueIn(fields, "class");
      if (ofClass === null) return [];
      const names = ids.map((kind) => valueIn(fields, `id:${kind}`));
      const tie = names.find((name) => name !== null) ?? "";
      const [side, at] = [valueIn(fields, "part") ?? "", valueIn(fields, "since") ?? "0"];
      return [{ class: ofClass, side, at, tie, network: valueIn(fields, "class_network") }];
    },
    async put(waiting, cluster) {
      const stored = await buffer.get(QUEUE, [waiting.class, waiting.side, cluster]);
      buffer.put(QUEUE, rowOf(waiting, cluster), stored);
      changed.add(waiting.class);
    },
    async remove(waiting, id) {
      const row = rowOf(waiting, id);
      buffer.remove(QUEUE, row, row);
      changed.add(waiting.class);
      // It may lie in another class than those that it is joined with.
      await clusters.relink([await clusters.get(id)], [], { kind: "parts", isInferred: false });
    },
    async finish() {
      const classes = [...changed].sort();
      changed.clear();
      for (const ofClass of classes) await joinClass(ofClass);
    },
  };
}
