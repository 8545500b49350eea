import type { ProviderFactType } from "@counterfoil/contracts/fact";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import type { Leg } from "@counterfoil/core/lifecycle/leg";
import type { Rows } from "../../ports/model-store.ts";
import type { Row, Table } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { factStateFrom, factStateText } from "../fact-state-text.ts";
import { CLUSTER_KEYS, LEGS, RECORDS } from "./tables.ts";

/** Legs that may have to do with one another, and the records made of them, in memory. */
export type Cluster = {
  /** The position of the event that founded it: clusters that are young together lie together. */
  readonly id: number;
  readonly legs: Map<string, Leg>;
  /** The rows of its records, by id. */
  readonly records: Map<string, Row>;
  readonly keys: Set<string>;
};

/** Legs held in memory over all clusters; beyond, those not touched for longest go at a commit. */
const LEGS_HELD = 40_000;
const ROWS_MAX = 10_000_000;

export interface Clusters {
  /** The leg with its cluster, where it is known. */
  find(legId: string): Promise<Readonly<{ cluster: Cluster; leg: Leg }> | null>;
  /**
   * The one cluster of all these keys, and of the one that is known to be meant; those that were
   * several become one. Where there is none, one is founded.
   */
  unite(keys: readonly string[], known: Cluster | null, position: number): Promise<Cluster>;
  putLeg(cluster: Cluster, leg: Leg): void;
  removeLeg(cluster: Cluster, legId: string): void;
  /** What was changed has been committed: memory may be given back. */
  committed(): void;
}

export function createClusters(rows: Rows, buffer: RowBuffer): Clusters {
  /** Least recently used first. */
  const held = new Map<number, Cluster>();

  async function open(id: number): Promise<Cluster> {
    const known = held.get(id);
    if (known) held.delete(id);
    const cluster = known ?? (await readCluster(rows, id));
    held.set(id, cluster);
    return cluster;
  }

  async function clusterOf(table: Table, key: string): Promise<number | null> {
    const row = await buffer.get(table, [key]);
    return row === null ? null : Number(row.cluster);
  }

  async function find(legId: string) {
    const id = await clusterOf(LEGS, legId);
    if (id === null) return null;
    const cluster = await open(id);
    const leg = cluster.legs.get(legId);
    return leg === undefined ? null : { cluster, leg };
  }

  async function unite(
    keys: readonly string[],
    known: Cluster | null,
    position: number,
  ): Promise<Cluster> {
    const ids = new Set<number>(known === null ? [] : [known.id]);
    for (const key of keys) {
      const id = await clusterOf(CLUSTER_KEYS, key);
      if (id !== null) ids.add(id);
    }
    const clusters: Cluster[] = [];
    for (const id of ids) clusters.push(await open(id));
    // The largest takes the others in, the oldest of several.
    clusters.sort((a, b) => b.legs.size - a.legs.size || a.id - b.id);
    const [first, ...others] = clusters;
    const cluster = first ?? newCluster(position, held);
    for (const other of others) {
      takeIn(buffer, cluster, other);
      held.delete(other.id);
    }
    for (const key of keys) putKey(buffer, cluster, key, null);
    return cluster;
  }

  return {
    find,
    unite,
    putLeg(cluster, leg) {
      const before = cluster.legs.get(leg.id);
      cluster.legs.set(leg.id, leg);
      buffer.put(LEGS, legRow(leg, cluster.id), before ? legRow(before, cluster.id) : null);
    },
    removeLeg(cluster, legId) {
      const before = cluster.legs.get(legId);
      const row = before && legRow(before, cluster.id);
      if (row) buffer.remove(LEGS, row, row);
      cluster.legs.delete(legId);
    },
    committed: () => shrink(held),
  };
}

function putKey(buffer: RowBuffer, cluster: Cluster, key: string, stored: Row | null): void {
  if (cluster.keys.has(key)) return;
  cluster.keys.add(key);
  buffer.put(CLUSTER_KEYS, { key, cluster: cluster.id }, stored);
}

/** What is the other's becomes the cluster's. */
function takeIn(buffer: RowBuffer, cluster: Cluster, other: Cluster): void {
  for (const key of other.keys) putKey(buffer, cluster, key, { key, cluster: other.id });
  for (const leg of other.legs.values()) {
    cluster.legs.set(leg.id, leg);
    buffer.put(LEGS, legRow(leg, cluster.id), legRow(leg, other.id));
  }
  for (const [id, row] of other.records) {
    const moved = { ...row, cluster: cluster.id };
    buffer.put(RECORDS, moved, row);
    cluster.records.set(id, moved);
  }
}

function shrink(held: Map<number, Cluster>): void {
  let legs = 0;
  for (const cluster of held.values()) legs += cluster.legs.size + 1;
  for (const [id, cluster] of held) {
    if (legs <= LEGS_HELD) break;
    legs -= cluster.legs.size + 1;
    held.delete(id);
  }
}

function newCluster(id: number, held: Map<number, Cluster>): Cluster {
  const cluster = { id, legs: new Map(), records: new Map(), keys: new Set<string>() };
  held.set(id, cluster);
  return cluster;
}

async function readCluster(rows: Rows, id: number): Promise<Cluster> {
  const where = [{ column: "cluster", is: "=", value: id }] as const;
  const legs = await rows.select(LEGS, { where, orderBy: ["cluster", "id"], limit: ROWS_MAX });
  const records = await rows.select(RECORDS, { where, orderBy: ["id"], limit: ROWS_MAX });
  const keys = await rows.select(CLUSTER_KEYS, { where, orderBy: ["key"], limit: ROWS_MAX });
  return {
    id,
    legs: new Map(legs.map((row) => [String(row.id), legFrom(row)])),
    records: new Map(records.map((row) => [String(row.id), row])),
    keys: new Set(keys.map((row) => String(row.key))),
  };
}

function legRow({ id, type, state }: Leg, cluster: number): Row {
  return { id, cluster, type, state: factStateText(state) };
}

function legFrom(row: Row): Leg {
  const state: FactState = factStateFrom(JSON.parse(String(row.state)));
  return { id: String(row.id), type: row.type as ProviderFactType, state };
}
