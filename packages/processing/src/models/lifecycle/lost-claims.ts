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

/** A winning claim that left with its fact. Of several to one field the smallest is kept: none that stays is smaller. */
type Lost = Readonly<{ claim: Claim; at: bigint; owner: Owner }>;

/** Fields whose winner is sought; each is removed once its winner is certain. */
type Search = Readonly<{ cluster: Cluster; lost: Map<string, Lost> }>;

/** Finds the next winning claims where facts leave their clusters: first among the facts next to them in time. */
export class LostClaims {
  private readonly facts: Facts;
  private readonly names: Names;
  private readonly byCluster = new Map<Cluster, Map<string, Lost>>();
  /** Clusters that listed as many movements as a record may: others were left out. */
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

  /** Sets the fields that lost their winner to the claim that wins now. Call it once the event's facts are placed. */
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
      if (isClaimed) claimIn(cluster, [one.claim]);
    }
    for (const isLatest of [false, true]) await this.searchInTime({ cluster, lost }, isLatest);
    const hasPlace = this.full.has(cluster) && !isFullyListed(cluster.fields);
    if (lost.size > 0 || hasPlace) await this.searchAll({ cluster, lost }, hasPlace);
  }

  /** A movement may be stated on several accounts: it is listed while a fact has its name. */
  private async isNamedIn({ id }: Cluster, { claim, owner }: Lost): Promise<boolean> {
    const name = { kind: "movement", name: `movement:${claim.value}` };
    return (await this.names.clusterOf(name, owner)) === id;
  }

  /** Nearly always the next fact in time claims the same fields. */
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
      claimLost(search, reading);
    }
    dropFound(search, { at: isLatest ? FIRST : LAST, isLatest });
  }

  private async searchAll(search: Search, hasPlace: boolean): Promise<void> {
    for await (const { reading } of this.facts.in(search.cluster.id)) {
      claimLost(search, reading);
      if (hasPlace) claimIn(search.cluster, reading?.claims.filter(isOfMovement) ?? []);
      dropFound(search, null);
      if (search.lost.size === 0 && !hasPlace) return;
    }
  }
}

const [FIRST, LAST] = [0n, (1n << 63n) - 1n];

const isOfMovement = ({ field }: Claim): boolean => isMovement(field);

function claimIn(cluster: Cluster, claims: readonly Claim[]): void {
  cluster.fields = withoutUnlisted(withClaims(cluster.fields, claims));
}

function claimLost({ cluster, lost }: Search, reading: FactReading | null): void {
  const claims = reading?.claims.filter(({ field }) => lost.has(field)) ?? [];
  if (claims.length > 0) claimIn(cluster, claims);
}

/**
 * No claim is smaller than the lost one, so an equal one wins; so does one that is smaller than any of
 * its weight that the facts still to be read can make, which are of the time `coming` or beyond it.
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
