import { timeOf } from "@counterfoil/core/exact/time";
import type { FactReading, Lifecycle } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  type Claim,
  isFullyListed,
  isMovement,
  type Owner,
  smallestOrderAt,
  withClaims,
  withoutUnlisted,
} from "@counterfoil/core/lifecycle/record-fields";
import type { HistoryEntry } from "@counterfoil/core/lifecycle/stages";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import type { Cluster, Clusters } from "./clusters.ts";
import { type Facts, type Names, NOWHERE, type Placed } from "./facts.ts";
import { type Entry, type Histories, placeTie } from "./history.ts";
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
    if (isFullyListed(cluster.fields)) this.full.add(cluster);
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
    const hasRoom = this.full.has(cluster) && !isFullyListed(cluster.fields);
    if (lost.size > 0 || hasRoom) await this.searchAll({ cluster, lost }, hasRoom);
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

  private async searchAll(search: Search, hasRoom: boolean): Promise<void> {
    for await (const { reading } of this.facts.in(search.cluster.id)) {
      addLostClaims(search, reading);
      if (hasRoom) addClaims(search.cluster, reading?.claims.filter(isOfMovement) ?? []);
      dropFound(search, null);
      if (search.lost.size === 0 && !hasRoom) return;
    }
  }
}

const [FIRST, LAST] = [0n, (1n << 63n) - 1n];

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
