import { timeOf } from "@counterfoil/core/exact/time";
import type { FactReading, Lifecycle } from "@counterfoil/core/lifecycle/lifecycle-fact";
import type { HistoryEntry } from "@counterfoil/core/lifecycle/stages";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import type { Cluster, Clusters } from "./clusters.ts";
import { type Facts, type Names, NOWHERE, type Placed } from "./facts.ts";
import { type Entry, type Histories, placeTie } from "./history.ts";
import type { LostClaims } from "./lost-claims.ts";
import { type Movements, mayReturn } from "./movements.ts";
import { having, SLOTS } from "./tables.ts";

/** The parts of a lifecycle's projection that hold its rows. */
export type Parts = Readonly<{
  lifecycle: Lifecycle;
  buffer: RowBuffer;
  facts: Facts;
  clusters: Clusters;
  histories: Histories;
  names: Names;
  movements: Movements;
  lostClaims: LostClaims;
}>;

/** Adds the reading of a fact to its cluster and to the history of its record, and removes it. */
export class Placement {
  private readonly on: Parts;

  constructor(on: Parts) {
    this.on = on;
  }

  async place(unplaced: Placed, cluster: Cluster): Promise<void> {
    const { facts, clusters, names, movements } = this.on;
    const { fact, reading: unplacedReading } = unplaced;
    if (unplacedReading === null) return;
    if (unplacedReading.side !== null) await movements.put(fact, unplacedReading.side, cluster);
    const { at } = await movements.dating(fact.state, unplacedReading.side);
    const isSameTime = at === unplaced.at;
    const { id } = cluster;
    const placed = isSameTime ? { ...unplaced, cluster: id } : facts.placed(fact, at, id);
    const reading = placed.reading ?? unplacedReading;
    await facts.put(placed);
    clusters.add(cluster, reading);
    await names.countAliases(reading, id, 1);
    for (const [seq, { slot }] of reading.entries.entries()) {
      const isShown = slot === undefined || (await this.takeSlot(placed, slot, seq));
      if (isShown) await this.show(placed, seq);
    }
  }

  async displace(placed: Placed): Promise<void> {
    const { clusters, names, movements } = this.on;
    const { reading } = placed;
    if (reading === null || placed.cluster === NOWHERE) return;
    const cluster = await clusters.get(placed.cluster);
    clusters.remove(cluster, reading);
    this.on.lostClaims.take(cluster, placed);
    await names.countAliases(reading, cluster.id, -1);
    for (const [seq, { slot }] of reading.entries.entries()) {
      await this.show(placed, seq, false);
      if (slot !== undefined) await this.leaveSlot(placed, slot, seq);
    }
    if (reading.side !== null) await movements.noteSide(reading.side, cluster);
  }

  /** Places a movement's fact again if its run or its record changes its time or its stage. */
  async refresh(placed: Placed): Promise<void> {
    const { clusters, movements } = this.on;
    const { fact, reading, cluster: id } = placed;
    const side = reading?.side;
    if (!side || id === NOWHERE) return;
    const { at } = await movements.dating(fact.state, side);
    if (at === placed.at && !mayReturn(side)) return;
    const cluster = await clusters.get(id);
    if (at !== placed.at) {
      await this.displace(placed);
      await this.place(placed, cluster);
    } else if (
      (await movements.returnsMoney(fact.id, side, cluster)) !==
      (await movements.isShownAsReturned(fact.id, side))
    ) {
      await this.show(placed, 0, false);
      await movements.put(fact, side, cluster);
      await this.show(placed, 0);
      clusters.touch(cluster);
    }
  }

  private async show(placed: Placed, seq: number, isShown = true): Promise<void> {
    const { clusters, histories } = this.on;
    const cluster = await clusters.get(placed.cluster);
    const base = await clusters.get(cluster.base);
    const entry = await this.entryOf(placed, seq);
    if (isShown) histories.insert(base, entry);
    else await histories.remove(base, entry);
  }

  private async entryOf({ fact, at, cluster, reading }: Placed, seq: number): Promise<Entry> {
    const { facts, movements } = this.on;
    const { entries, side } = reading as FactReading;
    const { stage, word, source, occurred_at, mode = null } = entries[seq] as HistoryEntry;
    const { dated: dated_at } = await movements.dating(fact.state, side);
    const isReturned = side !== null && (await movements.isShownAsReturned(fact.id, side));
    return {
      ...{ at, dated_at, tie: placeTie(word, facts.tieOf(fact.id)), seq, cluster },
      ...{ stage: isReturned ? "returned" : stage, word, source, mode },
      occurred_at: occurred_at === null ? null : timeOf(occurred_at),
      delivery_id: fact.state.deliveryId,
      position: fact.state.position,
    };
  }

  /** @returns whether the entry is shown; one with a lower rank hides those shown before */
  private async takeSlot({ fact, cluster }: Placed, of: Slot, seq: number): Promise<boolean> {
    const slot = this.slotOf(cluster, of);
    const best = await this.bestIn(slot);
    if (best !== null && of.rank < best) await this.setShown(slot, best, false);
    this.on.buffer.put(SLOTS, { slot, rank: of.rank, fact: fact.id, seq }, null);
    return best === null || of.rank <= best;
  }

  private async leaveSlot({ fact, cluster }: Placed, of: Slot, seq: number): Promise<void> {
    const row = { slot: this.slotOf(cluster, of), rank: of.rank, fact: fact.id, seq };
    this.on.buffer.remove(SLOTS, row, row);
    const best = await this.bestIn(row.slot);
    if (best !== null && of.rank < best) await this.setShown(row.slot, best, true);
  }

  private readonly slotOf = (cluster: number, { key }: Slot): string =>
    `${cluster}:${this.on.facts.tieOf(key)}`;

  private async bestIn(slot: string): Promise<string | null> {
    const selection = having({ slot }, ["rank", "fact", "seq"], { limit: 1 });
    const [first] = await this.on.buffer.select(SLOTS, selection);
    return first === undefined ? null : String(first.rank);
  }

  /** Shows or hides the entries of one rank. */
  private async setShown(slot: string, rank: string, isShown: boolean): Promise<void> {
    const { buffer, facts } = this.on;
    const rows = everyRow(buffer, SLOTS, having({ slot, rank }, ["fact", "seq"]));
    for await (const { fact, seq } of rows) {
      const placed = await facts.get(String(fact));
      if (placed?.reading) await this.show(placed, Number(seq), isShown);
    }
  }
}

type Slot = NonNullable<HistoryEntry["slot"]>;
