import { statedTime } from "@counterfoil/core/balances/effective-time";
import { timeOf } from "@counterfoil/core/exact/time";
import type { LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import type { HistoryEntry } from "@counterfoil/core/lifecycle/stage-history";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import type { Cluster, ClusterStore } from "./cluster-store.ts";
import { type Histories, placeTie, type Word } from "./history.ts";
import { SLOTS } from "./tables.ts";

/** A fact with its entries, where it stands. */
export type PlacedFact = Readonly<{
  fact: LifecycleFact;
  at: bigint;
  entries: readonly HistoryEntry[];
}>;

type Context = Readonly<{
  buffer: RowBuffer;
  clusters: ClusterStore;
  histories: Histories;
  tieOf: (text: string) => string;
  /** A fact that is in its place. */
  placedFact: (factId: string) => Promise<PlacedFact | null>;
}>;

const PAGE = 200;

/**
 * Puts what facts say into the histories of their records. Of entries that share a slot only the
 * best ranked are shown: both legs of a transfer report each status, and the amount leg's is shown.
 */
export class Entries {
  private readonly context: Context;

  constructor(context: Context) {
    this.context = context;
  }

  async add(placed: PlacedFact, cluster: Cluster): Promise<void> {
    for (const [seq, entry] of placed.entries.entries()) {
      const isShown = entry.slot === undefined || (await this.takeSlot(placed, seq, cluster));
      if (isShown) await this.show(placed, seq, cluster);
    }
  }

  async remove(placed: PlacedFact, cluster: Cluster): Promise<void> {
    for (const [seq, entry] of placed.entries.entries()) {
      await this.hide(placed, seq, cluster);
      if (entry.slot !== undefined) await this.leaveSlot(placed, seq, cluster);
    }
  }

  private async show(placed: PlacedFact, seq: number, cluster: Cluster): Promise<void> {
    const { clusters, histories } = this.context;
    histories.insert(await clusters.get(cluster.base), this.wordOf(placed, seq, cluster));
  }

  private async hide(placed: PlacedFact, seq: number, cluster: Cluster): Promise<void> {
    const { clusters, histories } = this.context;
    const base = await clusters.get(cluster.base);
    await histories.removeWord(base, this.wordOf(placed, seq, cluster));
  }

  private wordOf({ fact, at, entries }: PlacedFact, seq: number, cluster: Cluster): Word {
    const { stage, word, source, occurred_at, ...counts } = entries[seq] as HistoryEntry;
    return {
      dated_at: statedTime(fact.state).at,
      ...{ at, tie: placeTie(word, this.context.tieOf(fact.id)), seq, cluster: cluster.id },
      ...{ stage, word, source, mode: modeOf(counts) },
      occurred_at: occurred_at === null ? null : timeOf(occurred_at),
      delivery_id: fact.state.deliveryId,
      position: fact.state.position,
    };
  }

  /** @returns whether the word is shown; a better ranked one hides those that were. */
  private async takeSlot(placed: PlacedFact, seq: number, cluster: Cluster): Promise<boolean> {
    const row = slotRow(placed, seq, cluster);
    const best = await this.bestIn(row.slot);
    if (best !== null && row.rank < best) {
      for await (const other of this.ranked(row.slot, best)) await this.turn(other, cluster, false);
    }
    this.context.buffer.put(SLOTS, row, null);
    return best === null || row.rank <= best;
  }

  private async leaveSlot(placed: PlacedFact, seq: number, cluster: Cluster): Promise<void> {
    const row = slotRow(placed, seq, cluster);
    this.context.buffer.remove(SLOTS, row, row);
    const best = await this.bestIn(row.slot);
    if (best === null || best <= row.rank) return;
    for await (const other of this.ranked(row.slot, best)) await this.turn(other, cluster, true);
  }

  private async bestIn(slot: string): Promise<number | null> {
    const [first] = await this.context.buffer.select(SLOTS, {
      where: [{ column: "slot", is: "=", value: slot }],
      orderBy: [...SLOTS.key],
      limit: 1,
    });
    return first === undefined ? null : Number(first.rank);
  }

  private readonly ranked = (slot: string, rank: number) =>
    everyRow(this.context.buffer, SLOTS, {
      where: [
        { column: "slot", is: "=", value: slot },
        { column: "rank", is: "=", value: rank },
      ],
      orderBy: SLOTS.key,
      limit: PAGE,
    });

  private async turn(row: Row, cluster: Cluster, isShown: boolean): Promise<void> {
    const other = await this.context.placedFact(String(row.fact));
    if (other === null) return;
    if (isShown) await this.show(other, Number(row.seq), cluster);
    else await this.hide(other, Number(row.seq), cluster);
  }
}

function slotRow({ fact, entries }: PlacedFact, seq: number, cluster: Cluster) {
  const { key = "", rank = 0 } = entries[seq]?.slot ?? {};
  return { slot: `${cluster.id}:${key}`, rank, fact: fact.id, seq };
}

function modeOf({
  isUnknown,
  atLeast,
  retries,
}: Pick<HistoryEntry, "isUnknown" | "atLeast" | "retries">): Word["mode"] {
  if (isUnknown) return "unknown";
  if (atLeast) return "at_least";
  return retries ? "retries" : null;
}
