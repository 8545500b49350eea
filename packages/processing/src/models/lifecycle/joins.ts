import {
  BY_TIME_MAX,
  type ClassPart,
  type DepositPart,
  joinParts,
} from "@counterfoil/core/lifecycle/deposit-parts";
import type { Lifecycle } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { valueIn } from "@counterfoil/core/lifecycle/record-fields";
import { waitingIn } from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import type { Cluster, Clusters, StoredWaiting, WaitingChange } from "./clusters.ts";
import { Lots } from "./lots.ts";
import { createMatching, toMatch, type Waiting } from "./matching.ts";
import { FREE, having, NOWHERE, PART_COUNTS, QUEUE } from "./tables.ts";

/** Joins clusters of one record that no fact states to belong together. */
export interface Joins {
  /** The entries with which a cluster waits to be joined now. */
  waitingOf(cluster: Cluster): Promise<readonly StoredWaiting[]>;
  put(waiting: StoredWaiting, cluster: number): Promise<void>;
  remove(waiting: StoredWaiting, cluster: number): Promise<void>;
  /** Updates the joins after entries were put and removed. */
  finish(): Promise<void>;
}

export type JoinsContext = Readonly<{
  buffer: RowBuffer;
  clusters: Clusters;
  /** A hash, in hexadecimal. */
  tieOf: (text: string) => string;
}>;

/** @returns null for a lifecycle whose facts always state what belongs together */
export function joinsOf({ model, ids }: Lifecycle, on: JoinsContext): Joins | null {
  if (model === "withdrawals") return withdrawalJoins(on);
  return model === "deposits" ? new DepositJoins({ ...on, ids }) : null;
}

/** Replaces the waiting entries of changed clusters by their current ones, then updates the joins. */
export async function joinChanged(touched: readonly Cluster[], joins: Joins, clusters: Clusters) {
  const changed = new Set(touched);
  // The entries of a cluster depend on the clusters that it is paired with in a run.
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

/** Holds and confirmations wait in a queue until they have a stated partner. */
function withdrawalJoins({ buffer, clusters, tieOf }: JoinsContext): Joins {
  const matching = createMatching({
    ...{ buffer, tieOf },
    link: (a, b) => clusters.link(a, b, { kind: "hold", isInferred: true }),
    unlink: (a, b) => clusters.unlink(a, b, "hold"),
  });
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

/** `ids`: kinds of ids, best first; a cluster's best id orders parts of the same time. */
type DepositContext = JoinsContext & Readonly<{ ids: readonly string[] }>;

/**
 * How the parts of a class are joined: a few by time, all again with each change; more of them by
 * lot, if their networks agree. `network` applies to parts whose network is unknown.
 */
type Mode = Readonly<{ byLot: boolean; network: string }>;

const PARTS = { kind: "parts", isInferred: true };

/** The kind of a link by which a deposit is taken back in part. */
export const PARTIAL = "partial";
const PART_KINDS = [PARTS.kind, PARTIAL];

/**
 * Joins the parts of deposits by class. Statuses, movements and fund events of one holder, asset and
 * transaction are of one class: no fact states which of them are one deposit.
 */
class DepositJoins implements Joins {
  private readonly on: DepositContext;
  private readonly lots: Lots;
  private readonly changed = new Map<string, WaitingChange[]>();

  constructor(on: DepositContext) {
    const { buffer, clusters } = on;
    this.on = on;
    this.lots = new Lots(buffer, {
      link: (a, b) => clusters.link(a, b, PARTS),
      unlink: (a, b) => clusters.unlink(a, b, PARTS.kind),
    });
  }

  async waitingOf({ fields }: Cluster): Promise<readonly StoredWaiting[]> {
    const ofClass = valueIn(fields, "class");
    if (ofClass === null) return [];
    const names = this.on.ids.map((kind) => valueIn(fields, `id:${kind}`));
    const tie = names.find((name) => name !== null) ?? "";
    const [side, at] = [valueIn(fields, "part") ?? "", valueIn(fields, "since") ?? "0"];
    const [network, group] = [valueIn(fields, "class_network"), valueIn(fields, "class_group")];
    const amount = valueIn(fields, "class_amount") ?? "";
    return [{ class: ofClass, side, at, tie, amount, network, group }];
  }

  async put(waiting: StoredWaiting, cluster: number): Promise<void> {
    const stored = await this.on.buffer.get(QUEUE, [waiting.class, waiting.side, cluster]);
    this.on.buffer.put(QUEUE, rowOf(waiting, cluster), stored);
    this.note({ waiting, cluster, comes: true });
  }

  async remove(waiting: StoredWaiting, cluster: number): Promise<void> {
    const { buffer, clusters } = this.on;
    const row = rowOf(waiting, cluster);
    buffer.remove(QUEUE, row, row);
    this.note({ waiting, cluster, comes: false });
    // The cluster may be in another class than those that it is joined with.
    await clusters.relink([await clusters.get(cluster)], PART_KINDS, []);
  }

  async finish(): Promise<void> {
    const classes = [...this.changed].sort(([a], [b]) => (a < b ? -1 : 1));
    this.changed.clear();
    for (const [ofClass, changes] of classes) {
      const { before, now } = await this.count(ofClass, changes);
      const staysByLot = before.byLot && now.byLot && before.network === now.network;
      if (!staysByLot) await this.rejoin(changes, before, now);
      else for (const change of changes) await this.setLot(change, now);
    }
  }

  private note(change: WaitingChange): void {
    const { class: ofClass } = change.waiting;
    const noted = this.changed.get(ofClass) ?? [];
    this.changed.set(ofClass, noted);
    noted.push(change);
  }

  /** Updates the counts of a class, which determine the mode before and after the changes. */
  private async count(ofClass: string, changes: readonly WaitingChange[]) {
    const { buffer } = this.on;
    const stored = await buffer.get(PART_COUNTS, [ofClass]);
    const counts = new Map<string, number>(JSON.parse(String(stored?.counts ?? "[]")));
    const before = modeOf(counts);
    for (const { waiting, comes } of changes) {
      const network = waiting.network ?? "";
      const count = (counts.get(network) ?? 0) + (comes ? 1 : -1);
      if (count === 0) counts.delete(network);
      else counts.set(network, count);
    }
    const row = { class: ofClass, counts: JSON.stringify([...counts]) };
    if (counts.size === 0) buffer.remove(PART_COUNTS, row, stored);
    else buffer.put(PART_COUNTS, row, stored);
    return { before, now: modeOf(counts) };
  }

  private async rejoin(changes: readonly WaitingChange[], before: Mode, now: Mode): Promise<void> {
    const { clusters } = this.on;
    const members = await this.membersOf(changes[0]?.waiting.class ?? "");
    const items = members.map(([, cluster]) => cluster);
    const all = items.flatMap(({ id, waiting }) =>
      waiting.map((one): WaitingChange => ({ waiting: one, cluster: id, comes: true })),
    );
    if (before.byLot) {
      const came = new Set(changes.flatMap(({ cluster, comes }) => (comes ? [cluster] : [])));
      const left = changes.filter(({ comes }) => !comes);
      const stayed = all.filter(({ cluster }) => !came.has(cluster));
      for (const one of [...stayed, ...left]) await this.setLot({ ...one, comes: false }, before);
    }
    if (now.byLot) {
      await clusters.relink(items, PART_KINDS, []);
      for (const one of all) await this.setLot(one, now);
    } else {
      const joined = joinParts(members.map(([row, cluster]) => classPart(row, cluster)));
      const pairs = joined.map(({ a, b, isInferred, isPartial }) => {
        return { a, b, link: { kind: isPartial ? PARTIAL : PARTS.kind, isInferred } };
      });
      await clusters.relink(items, PART_KINDS, pairs);
    }
  }

  private async membersOf(ofClass: string) {
    const { buffer, clusters } = this.on;
    const members: (readonly [Row, Cluster])[] = [];
    const all = having({ class: ofClass }, ["side", "cluster"]);
    for await (const row of everyRow(buffer, QUEUE, all)) {
      members.push([row, await clusters.get(Number(row.cluster))]);
    }
    return members;
  }

  private async setLot(
    { waiting, cluster, comes }: WaitingChange,
    { network }: Mode,
  ): Promise<void> {
    const { tieOf } = this.on;
    const shared = [tieOf(waiting.class), waiting.amount, waiting.network ?? network];
    const side = waiting.side as DepositPart;
    for (const other of PAIRED_WITH[side]) {
      // Statuses and fund events state no group; a reversal is on the account of its movement.
      const isUndone = side === "reversal" || other === "reversal";
      const group = JSON.stringify(isUndone ? [...shared, waiting.group ?? ""] : shared);
      const part = { group, side, cluster, tie: tieOf(waiting.tie) };
      const left = await this.lots.change({ part, comes }, other);
      // Statuses and fund events that no movement takes are paired with each other.
      if (left.part.side === "status") await this.lots.change(left, "fund");
      else if (left.part.side === "fund") await this.lots.change(left, "status");
    }
  }
}

/** The parts that a part is paired with by lot; a movement takes at most one of each. */
const PAIRED_WITH: Readonly<Record<DepositPart, readonly DepositPart[]>> = {
  movement: ["status", "fund", "reversal"],
  status: ["movement"],
  fund: ["movement"],
  reversal: ["movement"],
};

const rowOf = ({ class: ofClass, side, at, tie }: StoredWaiting, cluster: number) => ({
  ...{ class: ofClass, side, cluster, at: BigInt(at), tie, named: 0 },
  ...{ state: FREE, node: NOWHERE, partner: 0 },
});

const classPart = ({ side, at, tie }: Row, item: Cluster): ClassPart<Cluster> => ({
  ...{ item, part: side as DepositPart, at: BigInt(at ?? 0), tie: String(tie) },
  amount: valueIn(item.fields, "class_amount") ?? "",
  network: valueIn(item.fields, "class_network"),
  group: valueIn(item.fields, "class_group"),
});

function modeOf(counts: ReadonlyMap<string, number>): Mode {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const [network = ""] = [...counts.keys()].filter(Boolean).sort();
  return { byLot: total > BY_TIME_MAX, network };
}
