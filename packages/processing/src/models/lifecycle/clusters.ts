import { add, formatMoney, moneyOf, subtract, ZERO } from "@counterfoil/core/exact/money";
import type { FactReading } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  type Fields,
  withClaims,
  withoutUnlisted,
} from "@counterfoil/core/lifecycle/record-fields";
import {
  debitOf,
  type MovementSide,
  reversalOf,
} from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { CLUSTER_CHANGES, CLUSTERS } from "./tables.ts";

/** The facts that are stated to be one record, and what they say together. */
export type Cluster = {
  readonly id: number;
  /** How many facts; a cluster without any is gone. */
  facts: number;
  fields: Fields;
  /** How many debits its facts state, and what they take together. */
  debits: Readonly<{ count: number; amount: string }>;
  /** What came back of that. */
  reversed: string;
  /** The fact of its last movement that takes a debit back, if nothing is left of the record's. */
  returnedBy: string | null;
  /** Other clusters of the same record. */
  links: readonly Link[];
  /** As what it waits to be joined with others, see joins.ts. */
  waiting: readonly StoredWaiting[];
  /** The same in a run of many. */
  inRun: StoredWaiting | null;
  /** The cluster of its record whose history has the entries of all. */
  base: number;
  /** Rows of the history that it is the base of, and the record that has it. */
  length: number;
  record: string | null;
  /** Whether its confirmations are shown as those of a record with a debit. */
  isDebited: boolean;
  /** Whether an anomaly tells that others are called as the record is. */
  isInConflict: boolean;
};

type Link = Readonly<{
  /** Why: `run:` and which (none: one of many), a `hold` before, or the `parts` of a deposit. */
  kind: string;
  to: number;
  isInferred: boolean;
}>;

/** JSON's numbers are too small for nanoseconds. */
export type StoredWaiting = Readonly<{
  class: string;
  side: string;
  at: string;
  tie: string;
  /** Whether it names a request. */
  named?: boolean;
  network?: string | null;
}>;

/** A cluster in the hands of an event, and as it was before. */
type Loaded = Readonly<{ cluster: Cluster; stored: Row | null }> &
  Pick<Readonly<Cluster>, "base" | "record">;

/** Where the number of the next cluster stands. */
const COUNTER = 0;
const NO_DEBITS = { count: 0, amount: "0" };

/** Clusters in the hands of one event; what changed is written when it ends. */
export class Clusters {
  private readonly buffer: RowBuffer;
  private readonly loaded = new Map<number, Loaded>();
  private readonly touched = new Set<Cluster>();
  private readonly unlinked = new Set<number>();

  constructor(buffer: RowBuffer) {
    this.buffer = buffer;
  }

  /** @throws where there is none: whoever asks has its number from a row. */
  async get(id: number): Promise<Cluster> {
    const known = this.loaded.get(id);
    if (known !== undefined) return known.cluster;
    const stored = await this.buffer.get(CLUSTERS, [id]);
    if (stored === null) throw new Error(`cluster ${id} is missing`);
    const cluster: Cluster = { id, ...JSON.parse(String(stored.data)) };
    const { base, record } = cluster;
    this.loaded.set(id, { cluster, stored, base, record });
    return cluster;
  }

  async create(): Promise<Cluster> {
    const counter = await this.buffer.get(CLUSTERS, [COUNTER]);
    const id = Number(counter?.data ?? 1);
    this.buffer.put(CLUSTERS, { id: COUNTER, data: String(id + 1) }, counter);
    const cluster: Cluster = {
      ...{ id, facts: 0, fields: {}, debits: NO_DEBITS, reversed: "0" },
      ...{ links: [], waiting: [], inRun: null, returnedBy: null },
      ...{ base: id, length: 0, record: null, isDebited: false, isInConflict: false },
    };
    this.loaded.set(id, { cluster, stored: null, base: id, record: null });
    return cluster;
  }

  /** Takes in what a fact says. */
  add(cluster: Cluster, reading: FactReading): void {
    cluster.facts += 1;
    cluster.fields = withoutUnlisted(withClaims(cluster.fields, reading.claims));
    countTaken(cluster, reading.side, 1);
    this.touch(cluster);
  }

  /** A fact leaves it; of what it claimed see lost-claims.ts. */
  remove(cluster: Cluster, { side }: FactReading): void {
    cluster.facts -= 1;
    countTaken(cluster, side, -1);
    this.touch(cluster);
  }

  /** It changed: its record is to be computed again. */
  touch(cluster: Cluster): void {
    this.touched.add(cluster);
  }

  /** Clusters that changed since this was last asked. */
  takeTouched(): Cluster[] {
    const taken = [...this.touched];
    this.touched.clear();
    return taken;
  }

  /** Makes these pairs the links of one kind that the members have. */
  async relink(
    members: Iterable<Cluster>,
    pairs: readonly (readonly [Cluster, Cluster])[],
    link: Omit<Link, "to">,
  ): Promise<void> {
    const wanted = new Set(pairs.flatMap(([a, b]) => [`${a.id} ${b.id}`, `${b.id} ${a.id}`]));
    for (const { id, links } of members) {
      for (const { kind, to, isInferred } of links) {
        const isWanted = isInferred === link.isInferred && wanted.has(`${id} ${to}`);
        if (kind === link.kind && !isWanted) await this.unlink(id, to, kind);
      }
    }
    for (const [a, b] of pairs) {
      const isLinked = a.links.some(({ kind, to }) => kind === link.kind && to === b.id);
      if (!isLinked) await this.link(a.id, b.id, link);
    }
  }

  async link(a: number, b: number, link: Omit<Link, "to">): Promise<void> {
    await this.changeLinks(a, b, (links, to) => [...links, { ...link, to }]);
  }

  async unlink(a: number, b: number, kind: string): Promise<void> {
    await this.changeLinks(a, b, (links, other) =>
      links.filter((link) => link.kind !== kind || link.to !== other),
    );
    this.unlinked.add(a).add(b);
  }

  /** Whether it lost a link in this event. */
  isUnlinked(cluster: Cluster): boolean {
    return this.unlinked.has(cluster.id);
  }

  /** Those that it is linked with directly. */
  async linkedBy(cluster: Cluster, isMeant = (_kind: string) => true): Promise<Cluster[]> {
    const linked: Cluster[] = [];
    for (const { kind, to } of cluster.links) if (isMeant(kind)) linked.push(await this.get(to));
    return linked;
  }

  /** All of its record: those that it is linked with, over however many links. */
  async membersWith(cluster: Cluster): Promise<Cluster[]> {
    const members = new Set([cluster]);
    for (const member of members) {
      for (const other of await this.linkedBy(member)) members.add(other);
    }
    return [...members];
  }

  /** Ends the event. */
  flush(position: number): void {
    for (const loaded of this.loaded.values()) {
      const { cluster, stored } = loaded;
      const { id, ...data } = cluster;
      const row = { id, data: JSON.stringify(data) };
      if (cluster.facts === 0 && cluster.length === 0) this.buffer.remove(CLUSTERS, row, stored);
      else if (row.data !== stored?.data) this.buffer.put(CLUSTERS, row, stored);
      const { base, record } = cluster;
      if (base === loaded.base && record === loaded.record) continue;
      this.buffer.put(CLUSTER_CHANGES, { cluster: id, position, base, record }, null);
    }
    for (const held of [this.loaded, this.touched, this.unlinked]) held.clear();
  }

  private async changeLinks(
    a: number,
    b: number,
    change: (links: readonly Link[], other: number) => readonly Link[],
  ): Promise<void> {
    const ends = [await this.get(a), await this.get(b)];
    for (const cluster of ends) {
      cluster.links = change(cluster.links, cluster.id === a ? b : a);
      this.touch(cluster);
    }
  }
}

function countTaken(cluster: Cluster, side: MovementSide | null, by: 1 | -1): void {
  const total = (amount: string, more: string) =>
    formatMoney((by > 0 ? add : subtract)(moneyOf(amount), moneyOf(more)));
  const [debit, reversal] = [debitOf(side), reversalOf(side)];
  const { count, amount } = cluster.debits;
  if (debit !== null) cluster.debits = { count: count + by, amount: total(amount, debit) };
  if (reversal !== null) cluster.reversed = total(cluster.reversed, reversal);
}

/**
 * What debits took together, less what came back; null where there is none. More may have come back
 * than is known to be taken: that is nothing.
 */
export function takenBy(members: readonly Cluster[]): string | null {
  if (members.every(({ debits }) => debits.count === 0)) return null;
  const taken = members.reduce(
    (sum, { debits, reversed }) => subtract(add(sum, moneyOf(debits.amount)), moneyOf(reversed)),
    ZERO,
  );
  const text = formatMoney(taken);
  return text.startsWith("-") ? "0" : text;
}
