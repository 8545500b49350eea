import type { DepositPart } from "@counterfoil/core/lifecycle/deposit";
import {
  type ClassPart,
  EQUAL_PARTS_MAX,
  joinParts,
} from "@counterfoil/core/lifecycle/deposit-parts";
import { said } from "@counterfoil/core/lifecycle/record-fields";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Cluster, ClusterStore, StoredWaiting } from "./cluster-store.ts";
import { QUEUE } from "./tables.ts";

/** Joins statuses, movements and fund events that agree in everything, the transaction included. */
export interface DepositClasses {
  /** Puts a cluster into the class that it says, and out of the one that it said. */
  refresh(cluster: Cluster): Promise<void>;
  /** Joins what lies in the classes that changed. */
  join(): Promise<void>;
}

export class DepositClassRows implements DepositClasses {
  private readonly buffer: RowBuffer;
  private readonly clusters: ClusterStore;
  private readonly ids: readonly string[];
  private readonly changed = new Set<string>();

  constructor(buffer: RowBuffer, clusters: ClusterStore, ids: readonly string[]) {
    this.buffer = buffer;
    this.clusters = clusters;
    this.ids = ids;
  }

  async refresh(cluster: Cluster): Promise<void> {
    const part = cluster.facts === 0 ? null : this.partOf(cluster);
    const network = said(cluster.fields, "class_network");
    const [before] = cluster.waiting;
    const isSame = JSON.stringify(part) === JSON.stringify(before ?? null);
    if (isSame) {
      if (part !== null && network !== null) this.changed.add(part.class);
      return;
    }
    if (before !== undefined) {
      const row = this.rowOf(before);
      this.buffer.remove(QUEUE, row, row);
      this.changed.add(before.class);
      // It may lie in another class than those that it is joined with.
      for (const { kind, to } of cluster.links) {
        if (kind === "parts") this.clusters.unlink(cluster, await this.clusters.get(to), kind);
      }
    }
    if (part !== null) {
      const stored = await this.buffer.get(QUEUE, [part.class, part.side, part.cluster]);
      this.buffer.put(QUEUE, this.rowOf(part), stored);
      this.changed.add(part.class);
    }
    cluster.waiting = part === null ? [] : [part];
  }

  async join(): Promise<void> {
    const classes = [...this.changed].sort();
    this.changed.clear();
    for (const of of classes) await this.joinClass(of);
  }

  private readonly rowOf = ({ class: of, side, cluster, at, tie }: StoredWaiting) => ({
    ...{ class: of, side, cluster, at: BigInt(at), tie, named: 0, state: "free:0" },
    ...{ partner: 0, partner_at: 0n, partner_tie: "", node: 0n },
  });

  private partOf({ id, fields }: Cluster): StoredWaiting | null {
    const of = said(fields, "class");
    if (of === null) return null;
    const side = said(fields, "part") ?? "";
    const tie =
      this.ids.map((kind) => said(fields, `id:${kind}`)).find((name) => name !== null) ?? "";
    return { class: of, side, cluster: id, at: said(fields, "since") ?? "0", tie, named: false };
  }

  private unlinkAll(cluster: Cluster, others: ReadonlyMap<number, Cluster>): void {
    for (const { kind, to } of cluster.links) {
      const other = others.get(to);
      if (kind === "parts" && other !== undefined) this.clusters.unlink(cluster, other, kind);
    }
  }

  private async joinClass(of: string): Promise<void> {
    const rows = await this.buffer.select(QUEUE, {
      where: [{ column: "class", is: "=", value: of }],
      orderBy: ["class", "side", "cluster"],
      limit: EQUAL_PARTS_MAX + 1,
    });
    const members = new Map<number, Cluster>();
    const parts: ClassPart<Cluster>[] = [];
    for (const { cluster, side, at, tie } of rows) {
      const item = await this.clusters.get(Number(cluster));
      members.set(item.id, item);
      const network = said(item.fields, "class_network");
      const part = side as DepositPart;
      parts.push({ item, part, at: BigInt(at ?? 0), tie: String(tie), network });
    }
    const isInferred = parts.length > new Set(parts.map(({ part }) => part)).size;
    const pairs = joinParts(parts);
    if (isAsBefore(members, pairs, isInferred)) return;
    for (const member of members.values()) this.unlinkAll(member, members);
    for (const [a, b] of pairs) this.clusters.link(a, b, { kind: "parts", isInferred });
  }
}

function isAsBefore(
  members: ReadonlyMap<number, Cluster>,
  pairs: readonly (readonly [Cluster, Cluster])[],
  isInferred: boolean,
): boolean {
  const links = [...members.values()].flatMap(({ links: all }) =>
    all.filter(({ kind, to }) => kind === "parts" && members.has(to)),
  );
  return (
    links.length === 2 * pairs.length &&
    pairs.every(([a, b]) =>
      a.links.some((link) => link.to === b.id && link.isInferred === isInferred),
    )
  );
}
