import type { DepositPart } from "@counterfoil/core/lifecycle/deposit";
import {
  type ClassPart,
  EQUAL_PARTS_MAX,
  joinParts,
} from "@counterfoil/core/lifecycle/deposit-parts";
import { valueIn } from "@counterfoil/core/lifecycle/record-fields";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Cluster, Clusters, StoredWaiting } from "./clusters.ts";
import type { Joins } from "./joins.ts";
import { having, QUEUE } from "./tables.ts";

const PARTS = "parts";

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
    await clusters.relink(members, joinParts(parts), { kind: PARTS, isInferred });
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
      await clusters.relink([await clusters.get(id)], [], { kind: PARTS, isInferred: false });
    },
    async finish() {
      const classes = [...changed].sort();
      changed.clear();
      for (const ofClass of classes) await joinClass(ofClass);
    },
  };
}
