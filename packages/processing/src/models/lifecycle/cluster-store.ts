import type { Fields } from "@counterfoil/core/lifecycle/record-fields";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Waiting } from "./matching.ts";
import { CLUSTERS } from "./tables.ts";

/** The facts that are stated to be one record, and what they say together. */
export type Cluster = {
  readonly id: number;
  /** How many facts; a cluster without any is gone. */
  facts: number;
  fields: Fields;
  /** How many debits its facts state, and what they take together. */
  debits: Readonly<{ count: number; amount: string }>;
  /** The first movements of its way, by id. */
  movements: readonly string[];
  /** Other clusters of the same record. */
  links: readonly Link[];
  /** As what it waits to be matched. */
  waiting: readonly StoredWaiting[];
  /** The cluster of its record whose history has the words of all. */
  base: number;
  /** Rows of the history that it is the base of, and the record that has it. */
  length: number;
  record: string | null;
  /** Whether its confirmations were told that a debit belongs to them. */
  isDebited: boolean;
};

export type Link = Readonly<{
  /** Why: one run, a hold before, or the parts of a deposit. */
  kind: "run" | "hold" | "parts";
  to: number;
  isInferred: boolean;
}>;

/** JSON's numbers are too small for nanoseconds. */
export type StoredWaiting = Readonly<Omit<Waiting, "at" | "side"> & { at: string; side: string }>;

/** Clusters in the hands of one event; what changed is written when it ends. */
export interface ClusterStore {
  /** @throws where there is none: whoever asks has its number from a row. */
  get(id: number): Promise<Cluster>;
  create(): Promise<Cluster>;
  /** It changed: its record is to be computed again. */
  touch(cluster: Cluster): void;
  /** Clusters that changed and have not been taken before in this event. */
  takeTouched(): Cluster[];
  link(a: Cluster, b: Cluster, link: Omit<Link, "to">): void;
  unlink(a: Cluster, b: Cluster, kind: Link["kind"]): void;
  /** Whether it lost a link in this event. */
  isUnlinked(cluster: Cluster): boolean;
  /** It and all that it is linked with, over however many links. */
  record(cluster: Cluster): Promise<Cluster[]>;
  flush(): void;
}

const NO_DEBITS = { count: 0, amount: "0" };

/** Where the number of the next cluster stands. */
const COUNTER = 0;

export class ClusterRows implements ClusterStore {
  private readonly buffer: RowBuffer;
  private readonly loaded = new Map<number, Readonly<{ cluster: Cluster; stored: Row | null }>>();
  private readonly touched = new Set<Cluster>();
  private readonly unlinked = new Set<Cluster>();

  constructor(buffer: RowBuffer) {
    this.buffer = buffer;
  }

  readonly touch = (cluster: Cluster): void => {
    this.touched.add(cluster);
  };

  takeTouched(): Cluster[] {
    const taken = [...this.touched];
    this.touched.clear();
    return taken;
  }

  link(a: Cluster, b: Cluster, link: Omit<Link, "to">): void {
    this.setLinks(a, [...a.links, { ...link, to: b.id }]);
    this.setLinks(b, [...b.links, { ...link, to: a.id }]);
  }

  unlink(a: Cluster, b: Cluster, kind: Link["kind"]): void {
    const without = (cluster: Cluster, other: Cluster) =>
      cluster.links.filter((link) => link.kind !== kind || link.to !== other.id);
    this.setLinks(a, without(a, b));
    this.setLinks(b, without(b, a));
    this.unlinked.add(a).add(b);
  }

  readonly isUnlinked = (cluster: Cluster): boolean => this.unlinked.has(cluster);

  async record(cluster: Cluster): Promise<Cluster[]> {
    const members = [cluster];
    for (const { links } of members) {
      for (const { to } of links) {
        const other = await this.get(to);
        if (!members.includes(other)) members.push(other);
      }
    }
    return members;
  }

  flush(): void {
    for (const { cluster, stored } of this.loaded.values()) {
      const { id, ...data } = cluster;
      const row = { id, data: JSON.stringify(data) };
      if (cluster.facts === 0 && cluster.length === 0) {
        this.buffer.remove(CLUSTERS, row, stored);
      } else if (row.data !== stored?.data) this.buffer.put(CLUSTERS, row, stored);
    }
    this.loaded.clear();
    this.touched.clear();
    this.unlinked.clear();
  }

  async get(id: number): Promise<Cluster> {
    const known = this.loaded.get(id);
    if (known !== undefined) return known.cluster;
    const stored = await this.buffer.get(CLUSTERS, [id]);
    if (stored === null) throw new Error(`cluster ${id} is missing`);
    const cluster: Cluster = { id, ...JSON.parse(String(stored.data)) };
    this.loaded.set(id, { cluster, stored });
    return cluster;
  }

  async create(): Promise<Cluster> {
    const counter = await this.buffer.get(CLUSTERS, [COUNTER]);
    const id = Number(counter?.data ?? 1);
    this.buffer.put(CLUSTERS, { id: COUNTER, data: String(id + 1) }, counter);
    const cluster: Cluster = {
      ...{ id, facts: 0, fields: {}, debits: NO_DEBITS, movements: [], links: [], waiting: [] },
      ...{ base: id, length: 0, record: null, isDebited: false },
    };
    this.loaded.set(id, { cluster, stored: null });
    return cluster;
  }

  private setLinks(cluster: Cluster, links: readonly Link[]): void {
    cluster.links = links;
    this.touched.add(cluster);
  }
}
