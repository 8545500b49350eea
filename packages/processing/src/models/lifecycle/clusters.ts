import type { End, FactReading } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  type Fields,
  type Sums,
  withClaims,
  withoutUnlisted,
  withSums,
} from "@counterfoil/core/lifecycle/record-fields";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { CLUSTER_CHANGES, CLUSTERS } from "./tables.ts";

/** The facts that are stated to be one record, with their merged fields. */
export type Cluster = {
  readonly id: number;
  /** The number of facts; a cluster without facts no longer exists. */
  facts: number;
  fields: Fields;
  /** What its facts add up to. */
  sums: Sums;
  /** The facts that show another stage than they state, by their id. */
  ends: Readonly<Record<string, End>>;
  /** The number of its movements whose sides state different amounts. */
  split: number;
  /** Other clusters of the same record. */
  links: readonly Link[];
  /** The entries with which it waits to be joined with others, see joins.ts. */
  waiting: readonly StoredWaiting[];
  /** Its entries in the queues of large runs. */
  inRuns: Readonly<Record<string, StoredWaiting>>;
  /** The cluster of its record that holds the history of all. */
  base: number;
  /** The number of rows of the history that it holds, and the record that the history belongs to. */
  length: number;
  record: string | null;
  /** The open anomalies of its record that no entry of the history has. */
  anomalies: readonly string[];
};

type Link = Readonly<{
  /** The reason: `run:` with the run (empty for a large run), `hold`, or `parts` of a deposit. */
  kind: string;
  to: number;
  isInferred: boolean;
}>;

/** Two clusters of one record, and why they are. */
type Pair = Readonly<{ a: Cluster; b: Cluster; link: Omit<Link, "to"> }>;

const keyOf = (from: number, to: number, kind: string): string => `${from} ${to} ${kind}`;

/** `at` is text: a JSON number cannot hold nanoseconds exactly. */
export type StoredWaiting = Readonly<{
  class: string;
  side: string;
  at: string;
  tie: string;
  /** Whether it names a request. */
  named?: boolean;
  amount?: string;
  network?: string | null;
  group?: string | null;
}>;

/** An entry that comes to those of its class, or leaves them. */
export type WaitingChange = Readonly<{ waiting: StoredWaiting; cluster: number; comes: boolean }>;

/** A cluster loaded during an event, and its values before the event. */
type Loaded = Readonly<{ cluster: Cluster; stored: Row | null }> &
  Pick<Readonly<Cluster>, "base" | "record">;

/** The id of the row that holds the next cluster's id. */
const COUNTER = 0;

/** The clusters loaded during one event; changes are written at its end. */
export class Clusters {
  private readonly buffer: RowBuffer;
  private readonly loaded = new Map<number, Loaded>();
  private readonly touched = new Set<Cluster>();
  private readonly unlinked = new Set<number>();

  constructor(buffer: RowBuffer) {
    this.buffer = buffer;
  }

  /** @throws if there is none: its id always comes from a stored row */
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
      ...{ id, facts: 0, fields: {}, sums: {}, ends: {}, split: 0 },
      ...{ links: [], waiting: [], inRuns: {} },
      ...{ base: id, length: 0, record: null, anomalies: [] },
    };
    this.loaded.set(id, { cluster, stored: null, base: id, record: null });
    return cluster;
  }

  /** Adds a fact with its claims. */
  add(cluster: Cluster, { claims }: FactReading): void {
    cluster.facts += 1;
    cluster.fields = withoutUnlisted(withClaims(cluster.fields, claims));
    this.touch(cluster);
  }

  /** Subtracts a fact, except for its claims, see placement.ts. */
  remove(cluster: Cluster): void {
    cluster.facts -= 1;
    this.touch(cluster);
  }

  /** Adds what a fact states to the sums, or subtracts it. */
  sum(cluster: Cluster, { sums }: FactReading, by: 1 | -1): void {
    cluster.sums = withSums(cluster.sums, sums, by);
  }

  /** Marks a cluster as changed, so that its record is computed again. */
  touch(cluster: Cluster): void {
    this.touched.add(cluster);
  }

  /** Returns the clusters changed since the last call. */
  takeTouched(): Cluster[] {
    const touched = [...this.touched];
    this.touched.clear();
    return touched;
  }

  /** Replaces the members' links of these kinds by these pairs. */
  async relink(
    members: Iterable<Cluster>,
    kinds: readonly string[],
    pairs: readonly Pair[],
  ): Promise<void> {
    const wanted = new Map<string, boolean>();
    for (const { a, b, link } of pairs) {
      wanted.set(keyOf(a.id, b.id, link.kind), link.isInferred);
      wanted.set(keyOf(b.id, a.id, link.kind), link.isInferred);
    }
    for (const member of members) {
      for (const { kind, to, isInferred } of member.links) {
        if (!kinds.includes(kind)) continue;
        const now = wanted.get(keyOf(member.id, to, kind));
        if (now === undefined) await this.unlink(member.id, to, kind);
        else if (now !== isInferred) this.replaceLink(member, { kind, to, isInferred: now });
      }
    }
    for (const { a, b, link } of pairs) {
      const isLinked = a.links.some(({ kind, to }) => kind === link.kind && to === b.id);
      if (!isLinked) await this.link(a.id, b.id, link);
    }
  }

  private replaceLink(cluster: Cluster, link: Link): void {
    const isIt = ({ kind, to }: Link) => kind === link.kind && to === link.to;
    cluster.links = cluster.links.map((one) => (isIt(one) ? link : one));
    this.touch(cluster);
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

  /** Whether the cluster lost a link in this event. */
  isUnlinked(cluster: Cluster): boolean {
    return this.unlinked.has(cluster.id);
  }

  /** The clusters that it is linked with directly. */
  async linkedBy(cluster: Cluster, isIncluded = (_kind: string) => true): Promise<Cluster[]> {
    const linked: Cluster[] = [];
    for (const { kind, to } of cluster.links) if (isIncluded(kind)) linked.push(await this.get(to));
    return linked;
  }

  /** All clusters of its record: those reachable over any number of links, and itself. */
  async membersWith(cluster: Cluster): Promise<Cluster[]> {
    const members = new Set([cluster]);
    for (const member of members) {
      for (const other of await this.linkedBy(member)) members.add(other);
    }
    return [...members];
  }

  /** Writes the changes and ends the event. */
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
