import { timeOf } from "@counterfoil/core/exact/time";
import type { FactReading } from "@counterfoil/core/lifecycle/fact-reading";
import { type LifecycleFact, ownTime } from "@counterfoil/core/lifecycle/lifecycle-fact";
import type { HistoryEntry } from "@counterfoil/core/lifecycle/stage-history";
import { everyRow } from "../../projection/every-row.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Cluster, Clusters } from "./clusters.ts";
import { type Facts, NOWHERE, type Placed } from "./facts.ts";
import { type Entry, type Histories, modeOf, placeTie } from "./history.ts";
import type { Movements } from "./movements.ts";
import type { Names } from "./names.ts";
import { having, SLOTS } from "./tables.ts";

type Context = Readonly<{
  buffer: RowBuffer;
  facts: Facts;
  clusters: Clusters;
  histories: Histories;
  names: Names;
  movements: Movements;
}>;

/** Puts what a fact says into its cluster and into the history of its record, and takes it out. */
export class Placement {
  private readonly on: Context;

  constructor(on: Context) {
    this.on = on;
  }

  async place(fact: LifecycleFact, cluster: Cluster): Promise<void> {
    const { facts, clusters, names, movements } = this.on;
    const own = facts.read({ fact, at: ownTime(fact.state) });
    if (own === null) return;
    if (own.side !== null) await movements.put(fact, own.side, cluster);
    const { at } = await movements.dating(fact.state, own.side);
    const placed = { fact, at, cluster: cluster.id };
    const reading = facts.read(placed) ?? own;
    await facts.put(placed);
    clusters.add(cluster, reading);
    await names.countAliases(reading, cluster.id, 1);
    for (const [seq, { slot }] of reading.entries.entries()) {
      const isShown = slot === undefined || (await this.takeSlot(placed, slot, seq));
      if (isShown) await this.show(placed, reading, seq);
    }
  }

  async displace(placed: Placed): Promise<void> {
    const { facts, clusters, names, movements } = this.on;
    const reading = facts.read(placed);
    if (reading === null || placed.cluster === NOWHERE) return;
    const cluster = await clusters.get(placed.cluster);
    clusters.remove(cluster, reading);
    await names.countAliases(reading, cluster.id, -1);
    for (const [seq, { slot }] of reading.entries.entries()) {
      await this.hide(placed, reading, seq);
      if (slot !== undefined) await this.leaveSlot(placed, slot, seq);
    }
    if (reading.side !== null) await movements.note(reading.side, cluster.id);
  }

  /** Puts a movement's fact anew where its run, or its record, lets it say something else now. */
  async refresh(id: string): Promise<void> {
    const { facts, clusters, movements } = this.on;
    const placed = await facts.get(id);
    const side = placed && facts.read(placed)?.side;
    if (!placed || !side || placed.cluster === NOWHERE) return;
    const cluster = await clusters.get(placed.cluster);
    const { at } = await movements.dating(placed.fact.state, side);
    const givesBack = await movements.givesBack(side, cluster);
    if (at === placed.at && givesBack === (await movements.isGivenBack(id, side))) return;
    await this.displace(placed);
    await this.place(placed.fact, cluster);
  }

  /** Its record has a debit, or none any more. */
  async refreshAll(cluster: Cluster): Promise<void> {
    for await (const { fact } of this.on.facts.in(cluster.id)) await this.refresh(fact.id);
  }

  private async show(placed: Placed, reading: FactReading, seq: number): Promise<void> {
    const { clusters, histories, movements } = this.on;
    const { base } = await clusters.get(placed.cluster);
    const { dated } = await movements.dating(placed.fact.state, reading.side);
    histories.insert(await clusters.get(base), await this.entryOf(placed, reading, seq, dated));
  }

  private async hide(placed: Placed, reading: FactReading, seq: number): Promise<void> {
    const { clusters, histories } = this.on;
    const { base } = await clusters.get(placed.cluster);
    await histories.remove(
      await clusters.get(base),
      await this.entryOf(placed, reading, seq, null),
    );
  }

  private async entryOf(
    { fact, at, cluster }: Placed,
    { entries, side }: FactReading,
    seq: number,
    dated_at: bigint | null,
  ): Promise<Entry> {
    const { facts, movements } = this.on;
    const { stage, word, source, occurred_at, ...how } = entries[seq] as HistoryEntry;
    const isGivenBack = side !== null && (await movements.isGivenBack(fact.id, side));
    return {
      ...{ at, dated_at, tie: placeTie(word, facts.tieOf(fact.id)), seq, cluster },
      ...{ stage: isGivenBack ? "returned" : stage, word, source, mode: modeOf(how) },
      occurred_at: occurred_at === null ? null : timeOf(occurred_at),
      delivery_id: fact.state.deliveryId,
      position: fact.state.position,
    };
  }

  /** @returns whether the entry is shown; a better ranked one hides those that were. */
  private async takeSlot({ fact, cluster }: Placed, of: Slot, seq: number): Promise<boolean> {
    const slot = this.slotOf(cluster, of);
    const before = await this.bestIn(slot);
    this.on.buffer.put(SLOTS, { slot, rank: of.rank, fact: fact.id, seq }, null);
    const best = await this.bestIn(slot);
    if (before !== best) await this.turn(slot, before, false);
    return of.rank === best;
  }

  private async leaveSlot({ fact, cluster }: Placed, of: Slot, seq: number): Promise<void> {
    const row = { slot: this.slotOf(cluster, of), rank: of.rank, fact: fact.id, seq };
    const before = await this.bestIn(row.slot);
    this.on.buffer.remove(SLOTS, row, row);
    const best = await this.bestIn(row.slot);
    if (before !== best) await this.turn(row.slot, best, true);
  }

  private readonly slotOf = (cluster: number, { key }: Slot): string =>
    `${cluster}:${this.on.facts.tieOf(key)}`;

  private async bestIn(slot: string): Promise<string | null> {
    const selection = having({ slot }, ["rank", "fact", "seq"], { limit: 1 });
    const [first] = await this.on.buffer.select(SLOTS, selection);
    return first === undefined ? null : String(first.rank);
  }

  /** Shows or hides the entries of one rank. */
  private async turn(slot: string, rank: string | null, isShown: boolean): Promise<void> {
    const rows = everyRow(this.on.buffer, SLOTS, having({ slot, rank }, ["fact", "seq"]));
    for await (const { fact, seq } of rows) {
      const placed = await this.on.facts.get(String(fact));
      const reading = placed && this.on.facts.read(placed);
      if (!placed || !reading) continue;
      if (isShown) await this.show(placed, reading, Number(seq));
      else await this.hide(placed, reading, Number(seq));
    }
  }
}

type Slot = NonNullable<HistoryEntry["slot"]>;
