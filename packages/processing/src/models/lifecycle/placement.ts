import { TIME_MAX, timeOf } from "@counterfoil/core/exact/time";
import type { End, FactReading, Lifecycle } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  type Claim,
  isMovement,
  movementIds,
  type Owner,
  roomIn,
  smallestOrderAt,
  withClaims,
  withoutUnlisted,
} from "@counterfoil/core/lifecycle/record-fields";
import type { HistoryEntry } from "@counterfoil/core/lifecycle/stages";
import { freesHold } from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { compareTuples, everyRow } from "../../projection/selection.ts";
import type { Cluster, Clusters } from "./clusters.ts";
import { type Facts, type Names, NOWHERE, type Placed } from "./facts.ts";
import { type Entry, type Histories, placeTie } from "./history.ts";
import type { Movements } from "./movements.ts";
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
    const { fact, reading } = placed;
    if (reading === null || placed.cluster === NOWHERE) return;
    const cluster = await clusters.get(placed.cluster);
    clusters.remove(cluster);
    this.on.lostClaims.take(cluster, placed);
    await names.countAliases(reading, cluster.id, -1);
    for (const [seq, { slot }] of reading.entries.entries()) {
      const isShown = slot === undefined || (await this.leaveSlot(placed, slot, seq));
      if (isShown) await this.hide(placed, seq);
    }
    cluster.ends = without(cluster.ends, fact.id);
    if (reading.side !== null) await movements.noteSide(reading.side, cluster);
  }

  /** Places a movement's fact again if its run changes its time. */
  async refresh(placed: Placed): Promise<void> {
    const { clusters, movements } = this.on;
    const { fact, reading, cluster: id } = placed;
    const side = reading?.side;
    if (!side || id === NOWHERE) return;
    const cluster = await clusters.get(id);
    if ((await movements.dating(fact.state, side)).at !== placed.at) {
      await this.displace(placed);
      await this.place(placed, cluster);
    } else if (side.awaitsReport && freesHold(side)) {
      // The end of its record may have waited for the report.
      clusters.touch(cluster);
    }
  }

  /** Shows a fact with another stage than it states, or, without an end, with its own again. */
  async setEnd(cluster: Cluster, factId: string, end: End | undefined): Promise<void> {
    const placed = await this.on.facts.get(factId);
    if (placed?.cluster !== cluster.id || placed.reading === null) return;
    await this.removeEntry(placed, 0);
    const others = without(cluster.ends, factId);
    cluster.ends = end === undefined ? others : { ...others, [factId]: end };
    await this.insertEntry(placed, 0);
  }

  private async show(placed: Placed, seq: number): Promise<void> {
    await this.insertEntry(placed, seq);
    await this.sum(placed, seq, 1);
  }

  private async hide(placed: Placed, seq: number): Promise<void> {
    await this.removeEntry(placed, seq);
    await this.sum(placed, seq, -1);
  }

  /** A fact is summed once, with its first entry. */
  private async sum({ cluster, reading }: Placed, seq: number, by: 1 | -1): Promise<void> {
    const { clusters } = this.on;
    if (reading !== null && seq === 0) clusters.sum(await clusters.get(cluster), reading, by);
  }

  private async insertEntry(placed: Placed, seq: number): Promise<void> {
    this.on.histories.insert(await this.baseOf(placed), await this.entryOf(placed, seq));
  }

  private async removeEntry(placed: Placed, seq: number): Promise<void> {
    await this.on.histories.remove(await this.baseOf(placed), await this.entryOf(placed, seq));
  }

  private async baseOf({ cluster }: Placed): Promise<Cluster> {
    const { clusters } = this.on;
    return clusters.get((await clusters.get(cluster)).base);
  }

  private async entryOf({ fact, at, cluster, reading }: Placed, seq: number): Promise<Entry> {
    const { facts, clusters, movements } = this.on;
    const { entries, side } = reading as FactReading;
    const { word, source, occurred_at, ...own } = entries[seq] as HistoryEntry;
    const { dated: dated_at } = await movements.dating(fact.state, side);
    const { stage, mode = null } = (await clusters.get(cluster)).ends[fact.id] ?? own;
    return {
      ...{ at, dated_at, tie: placeTie(word, facts.tieOf(fact.id)), seq, cluster },
      ...{ stage, word, source, mode },
      occurred_at: occurred_at === null ? null : timeOf(occurred_at),
      delivery_id: fact.state.deliveryId,
      position: fact.state.position,
    };
  }

  /** @returns whether the entry is shown; one with a lower rank hides those shown before */
  private async takeSlot(placed: Placed, of: Slot, seq: number): Promise<boolean> {
    const row = this.slotRow(placed, of, seq);
    const others = await this.firstIn(row.slot, 2);
    this.on.buffer.put(SLOTS, row, null);
    await this.countSplit(placed, others, -1);
    await this.countSplit(placed, [row, ...others].sort(byRank), 1);
    const best = rankIn(others[0]);
    if (best !== null && of.rank < best) await this.setShown(row.slot, best, false);
    return best === null || of.rank <= best;
  }

  /** @returns whether the entry was shown; those that it hid are shown again */
  private async leaveSlot(placed: Placed, of: Slot, seq: number): Promise<boolean> {
    const row = this.slotRow(placed, of, seq);
    const all = await this.firstIn(row.slot, 3);
    const others = all.filter(({ fact, seq: other }) => fact !== row.fact || other !== seq);
    this.on.buffer.remove(SLOTS, row, row);
    await this.countSplit(placed, all, -1);
    await this.countSplit(placed, others, 1);
    const best = rankIn(others[0]);
    if (best !== null && of.rank < best) await this.setShown(row.slot, best, true);
    return best === null || of.rank <= best;
  }

  private slotRow({ fact, cluster }: Placed, { key, rank, amount = "" }: Slot, seq: number) {
    const slot = `${cluster}:${this.on.facts.tieOf(key)}`;
    return { slot, rank, fact: fact.id, seq, amount };
  }

  private firstIn(slot: string, limit: number): Promise<readonly Row[]> {
    return this.on.buffer.select(SLOTS, having({ slot }, ["rank", "fact", "seq"], { limit }));
  }

  /** Counts a movement whose two sides state different amounts. */
  private async countSplit({ cluster }: Placed, [first, second]: readonly Row[], by: 1 | -1) {
    const isSplit = first && second && first.amount !== second.amount;
    if (isSplit) (await this.on.clusters.get(cluster)).split += by;
  }

  /** Shows or hides the entries of one rank. */
  private async setShown(slot: string, rank: string, isShown: boolean): Promise<void> {
    const { buffer, facts } = this.on;
    const rows = everyRow(buffer, SLOTS, having({ slot, rank }, ["fact", "seq"]));
    for await (const { fact, seq } of rows) {
      const placed = await facts.get(String(fact));
      if (!placed?.reading) continue;
      if (isShown) await this.show(placed, Number(seq));
      else await this.hide(placed, Number(seq));
    }
  }
}

const rankIn = (row: Row | undefined): string | null =>
  row === undefined ? null : String(row.rank);

const byRank = (a: Row, b: Row): number =>
  compareTuples([a.rank ?? "", a.fact ?? ""], [b.rank ?? "", b.fact ?? ""]);

const without = <Value>(all: Readonly<Record<string, Value>>, key: string) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => name !== key));

type Slot = NonNullable<HistoryEntry["slot"]>;

/**
 * A winning claim removed with its fact. Of several for one field the smallest is kept: no remaining
 * claim is smaller.
 */
type Lost = Readonly<{ claim: Claim; at: bigint; owner: Owner }>;

/** The fields without a winner; each is removed from `lost` once its winner is certain. */
type Search = Readonly<{ cluster: Cluster; lost: Map<string, Lost> }>;

/** Finds the next winning claims after facts leave their clusters, first among the facts nearest in time. */
export class LostClaims {
  private readonly facts: Facts;
  private readonly names: Names;
  private readonly byCluster = new Map<Cluster, Map<string, Lost>>();
  /** Clusters that listed the maximum number of movements, so that others may have been left out. */
  private readonly full = new Set<Cluster>();

  constructor(facts: Facts, names: Names) {
    this.facts = facts;
    this.names = names;
  }

  /** Removes the winning claims of a fact that leaves its cluster. */
  take(cluster: Cluster, { at, reading }: Placed): void {
    if (reading === null) return;
    const lost = this.byCluster.get(cluster) ?? new Map<string, Lost>();
    this.byCluster.set(cluster, lost);
    if (roomIn(cluster.fields) <= 0) this.full.add(cluster);
    const fields = { ...cluster.fields };
    for (const claim of reading.claims) {
      const { field, order } = claim;
      if (fields[field]?.[0] !== order) continue;
      const first = lost.get(field)?.claim.order;
      if (first === undefined || order < first)
        lost.set(field, { claim, at, owner: reading.owner });
      delete fields[field];
    }
    cluster.fields = fields;
  }

  /**
   * Sets the fields without a winner to the claim that wins now. Must be called after the event's
   * facts are placed.
   */
  async restore(): Promise<void> {
    for (const [cluster, all] of this.byCluster) {
      const worse = [...all].filter(([field, { claim }]) => {
        const present = cluster.fields[field]?.[0];
        return present === undefined || present > claim.order;
      });
      if (worse.length > 0 && cluster.facts > 0) await this.search(cluster, worse);
    }
    this.byCluster.clear();
    this.full.clear();
  }

  private async search(cluster: Cluster, worse: readonly [string, Lost][]): Promise<void> {
    const lost = new Map(worse.filter(([field]) => !isMovement(field)));
    for (const [field, one] of worse) {
      const isClaimed = isMovement(field) && (await this.isNamedIn(cluster, one));
      if (isClaimed) addClaims(cluster, [one.claim]);
    }
    for (const isLatest of [false, true]) await this.searchInTime({ cluster, lost }, isLatest);
    if (this.full.has(cluster)) await this.listNext(cluster);
    if (lost.size > 0) await this.searchAll({ cluster, lost });
  }

  /** Lists the movements behind the last one that is listed, in the place of those that left. */
  private async listNext(cluster: Cluster): Promise<void> {
    const room = roomIn(cluster.fields);
    if (room <= 0) return;
    const last = movementIds(cluster.fields).at(-1) ?? "";
    for await (const { claims } of this.facts.movementsAfter(cluster.id, last, room)) {
      addClaims(cluster, claims.filter(isOfMovement));
    }
  }

  /** A movement may be stated on several accounts, so it is listed while any fact has its name. */
  private async isNamedIn({ id }: Cluster, { claim, owner }: Lost): Promise<boolean> {
    const name = { kind: "movement", name: `movement:${claim.value}` };
    return (await this.names.clusterOf(name, owner)) === id;
  }

  /** Searches by time first: the next fact nearly always claims the same fields. */
  private async searchInTime(search: Search, isLatest: boolean): Promise<void> {
    const { cluster, lost } = search;
    const ofTime = [...lost.values()].filter(({ claim }) => claim.by?.isLatest === isLatest);
    const [first, ...others] = ofTime.map(({ at }) => at);
    if (first === undefined) return;
    const start = others.reduce((a, b) => (a < b === isLatest ? b : a), first);
    const isSought = () => [...lost.values()].some(({ claim }) => claim.by?.isLatest === isLatest);
    for await (const { at, reading } of this.facts.inTime(cluster.id, start, isLatest)) {
      dropFound(search, { at, isLatest });
      if (!isSought()) return;
      addLostClaims(search, reading);
    }
    dropFound(search, { at: isLatest ? FIRST : LAST, isLatest });
  }

  private async searchAll(search: Search): Promise<void> {
    for await (const { reading } of this.facts.in(search.cluster.id)) {
      addLostClaims(search, reading);
      dropFound(search, null);
      if (search.lost.size === 0) return;
    }
  }
}

const [FIRST, LAST] = [0n, TIME_MAX];

const isOfMovement = ({ field }: Claim): boolean => isMovement(field);

function addClaims(cluster: Cluster, claims: readonly Claim[]): void {
  cluster.fields = withoutUnlisted(withClaims(cluster.fields, claims));
}

function addLostClaims({ cluster, lost }: Search, reading: FactReading | null): void {
  const claims = reading?.claims.filter(({ field }) => lost.has(field)) ?? [];
  if (claims.length > 0) addClaims(cluster, claims);
}

/**
 * Ends the search of fields whose winner is certain. No claim is smaller than the lost one, so an equal
 * one wins. A claim also wins if it is smaller than any claim of the lost weight in the facts still to
 * be read, which are at the time `coming` or beyond it.
 */
function dropFound(
  { cluster, lost }: Search,
  coming: Readonly<{ at: bigint; isLatest: boolean }> | null,
): void {
  for (const [field, { claim }] of lost) {
    const order = cluster.fields[field]?.[0];
    if (order === undefined) continue;
    const { by } = claim;
    const isInTime = coming !== null && by !== undefined && by.isLatest === coming.isLatest;
    const isBest = isInTime && order < smallestOrderAt(by, coming.at);
    if (isBest || order === claim.order) lost.delete(field);
  }
}
