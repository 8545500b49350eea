import { valueIn } from "@counterfoil/core/lifecycle/record-fields";
import {
  amountPoint,
  PAIRED_BY_AMOUNT_MAX,
  pairByAmount,
  type Unpaired,
} from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { Row } from "../../ports/model-store.ts";
import type { Cluster, StoredWaiting, WaitingChange } from "./clusters.ts";
import type { Facts } from "./facts.ts";
import type { JoinsContext } from "./joins.ts";
import { Lots } from "./lots.ts";
import { createMatching, PARTNER, type Side, toMatch } from "./matching.ts";
import { type ChangedRun, type Movements, shownSides } from "./movements.ts";
import { PART_COUNTS } from "./tables.ts";

type RunContext = JoinsContext & Readonly<{ facts: Facts; movements: Movements }>;

/**
 * Pairs confirmations and debits of one run that have no stated partner. A few are all paired again
 * with each change, see `pairByAmount`. Among many, equal amounts are paired by lot, see lots.ts; then
 * each other confirmation takes the nearest debit that is no greater, by the queue that also matches
 * holds by time. So one more changes a few pairs.
 */
export class RunPairs {
  private readonly on: RunContext;
  private readonly lots: Lots;
  private readonly matching: ReturnType<typeof createMatching>;

  constructor(on: RunContext) {
    const { buffer, clusters, tieOf } = on;
    this.on = on;
    const effects = {
      link: (a: number, b: number) => clusters.link(a, b, OF_MANY),
      unlink: (a: number, b: number) => clusters.unlink(a, b, OF_MANY.kind),
    };
    this.lots = new Lots(buffer, effects);
    this.matching = createMatching({ buffer, tieOf, ...effects });
  }

  /** Pairs all sides of a small run again; also switches a run that became large, or small again. */
  async pairRun({ run, clusters: changed, isFewer }: ChangedRun): Promise<void> {
    const { buffer, clusters, movements } = this.on;
    const storedMark = await this.largeRunMark(run);
    const members = new Set<Cluster>();
    for (const id of changed) members.add(await clusters.get(id));
    if (storedMark !== null && !isFewer) return this.pairMany(members, run);
    const sides = await movements.pairedSides(run, PAIRED_BY_AMOUNT_MAX + 1);
    const isMany = sides.length > PAIRED_BY_AMOUNT_MAX;
    if (storedMark !== null && isMany) return this.pairMany(members, run);
    for (const { cluster } of sides) members.add(await clusters.get(Number(cluster)));
    const mark = { class: run, counts: "[]" };
    if (isMany) buffer.put(PART_COUNTS, mark, null);
    else if (storedMark !== null) {
      buffer.remove(PART_COUNTS, mark, storedMark);
      await this.pairMany(members, run);
    }
    const link = { kind: `run:${run}`, isInferred: false };
    const pairs = isMany ? [] : await this.pairsOf(sides);
    const linked = pairs.map(([a, b]) => ({ a, b, link }));
    await clusters.relink(members, [link.kind], linked);
    if (isMany) await this.pairMany(members, run);
  }

  /** Replaces the entries of changed clusters in the queues of large runs if they name a request now. */
  async renameMany(touched: Iterable<Cluster>): Promise<void> {
    for (const cluster of touched) {
      for (const [run, { named }] of Object.entries(cluster.inRuns)) {
        if (named !== isNamed(cluster)) await this.pairMany([cluster], run);
      }
    }
  }

  private async pairMany(members: Iterable<Cluster>, run: string): Promise<void> {
    for (const cluster of members) {
      const { id } = cluster;
      const { [run]: before = null, ...others } = cluster.inRuns;
      const now = await this.waitingIn(run, cluster);
      if (JSON.stringify(now) === JSON.stringify(before)) continue;
      this.on.clusters.touch(cluster);
      if (before !== null) await this.change(run, { waiting: before, cluster: id, comes: false });
      cluster.inRuns = now === null ? others : { ...others, [run]: now };
      if (now !== null) await this.change(run, { waiting: now, cluster: id, comes: true });
    }
  }

  /** Pairs equal amounts first; the one entry that is newly unpaired, or no longer is, is queued. */
  private async change(run: string, change: WaitingChange): Promise<void> {
    let left = change;
    if (!isNamedDebit(left)) left = await this.changeLots(run, left, "unnamed");
    if (isNamedDebit(left) || isUnnamedConfirmation(left)) {
      left = await this.changeLots(run, left, "named");
    }
    const entry = toMatch(left.waiting, left.cluster);
    if (left.comes) await this.matching.put(entry);
    else await this.matching.remove(entry);
  }

  /** @param debits which debits the group has: an entry that names a request takes no named one */
  private async changeLots(
    run: string,
    change: WaitingChange,
    debits: "named" | "unnamed",
  ): Promise<WaitingChange> {
    const { tieOf, clusters } = this.on;
    const { waiting, cluster, comes } = change;
    const { side, amount, tie } = waiting;
    const group = tieOf(JSON.stringify([run, amount, debits]));
    const part = { group, side, cluster, tie: tieOf(tie) };
    const left = await this.lots.change({ part, comes }, PARTNER[side as Side]);
    if (left.part.cluster === cluster) return { ...change, comes: left.comes };
    const other = await clusters.get(left.part.cluster);
    return {
      waiting: other.inRuns[run] as StoredWaiting,
      cluster: other.id,
      comes: left.comes,
    };
  }

  /** The one entry of a cluster in a large run; one with several debits there waits with the first. */
  private async waitingIn(run: string, cluster: Cluster): Promise<StoredWaiting | null> {
    const { id } = cluster;
    const { movements } = this.on;
    if ((await this.largeRunMark(run)) === null) return null;
    const [confirmed, debit] = [
      await movements.firstSide({ run, cluster: id, kind: "confirmed" }),
      await movements.firstSide({ run, cluster: id, kind: "debit", account: "available" }),
    ];
    const found = debit ?? confirmed;
    // What has both is paired already.
    if (found === null || (confirmed !== null && debit !== null)) return null;
    return {
      class: `run ${run}`,
      side: debit === null ? "confirmation" : "hold",
      at: String(amountPoint(String(found.amount))),
      amount: String(found.amount),
      tie: String(found.movement_id),
      named: isNamed(cluster),
    };
  }

  /** The row that marks a large run; null for a small one. */
  private largeRunMark(run: string): Promise<Row | null> {
    return this.on.buffer.get(PART_COUNTS, [run]);
  }

  private async pairsOf(sides: readonly Row[]) {
    const { clusters, facts } = this.on;
    const unpaired = { confirmed: [] as Unpaired<Cluster>[], debit: [] as Unpaired<Cluster>[] };
    const kinds = Map.groupBy(sides, ({ cluster }) => cluster);
    for (const { kind, fact, amount, movement_id, cluster } of shownSides(sides)) {
      // What has both in this run is paired already; what it has in others does not matter here.
      if (kinds.get(cluster)?.some((other) => other.kind !== kind)) continue;
      const item = await clusters.get(Number(cluster));
      const at = String((await facts.get(String(fact)))?.at).padStart(20, "0");
      const request = valueIn(item.fields, "id:request");
      const one = { item, amount: String(amount), order: `${at}${movement_id}`, request };
      unpaired[kind === "debit" ? "debit" : "confirmed"].push(one);
    }
    return pairByAmount(unpaired.confirmed, unpaired.debit);
  }
}

const isNamed = ({ fields }: Cluster): boolean => fields["id:request"] !== undefined;

const isNamedDebit = ({ waiting }: WaitingChange): boolean =>
  waiting.side === "hold" && waiting.named === true;

const isUnnamedConfirmation = ({ waiting }: WaitingChange): boolean =>
  waiting.side === "confirmation" && !waiting.named;

const OF_MANY = { kind: "run:", isInferred: false };
