import type { FactReading } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  type Claim,
  isFullyListed,
  isMovement,
  type Owner,
  smallestOrderAt,
  withClaims,
  withoutUnlisted,
} from "@counterfoil/core/lifecycle/record-fields";
import type { Cluster } from "./clusters.ts";
import type { Facts, Names, Placed } from "./facts.ts";

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
