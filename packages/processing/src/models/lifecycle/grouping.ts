import { statedTime } from "@counterfoil/core/balances/effective-time";
import {
  type FactReading,
  type LifecycleFact,
  type Name,
  ownTime,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import { everyRow } from "../../projection/selection.ts";
import type { Cluster } from "./clusters.ts";
import { type NameChanges, NOWHERE, type Placed } from "./facts.ts";
import type { RunPairs } from "./joins.ts";
import type { Parts, Placement } from "./placement.ts";
import { having, MENTIONS } from "./tables.ts";

type Context = Parts & Readonly<{ placement: Placement; pairs: RunPairs }>;

/** Keeps each fact in the cluster that its names say, whatever comes, changes and goes. */
export class Grouping {
  private readonly on: Context;
  /** Names whose owners changed: who mentions them may belong elsewhere now. */
  private readonly mentioned = new Map<string, Name>();
  /** Clusters that may have to be divided. */
  private readonly undecided = new Set<number>();

  constructor(on: Context) {
    this.on = on;
  }

  /** A fact as it counts now, new or changed. */
  async put(fact: LifecycleFact): Promise<void> {
    const { movements, placement, lostClaims } = this.on;
    if (fact.type === "BalanceReported") await movements.putReport(fact);
    else await this.putNamed(fact);
    for (const name of this.mentioned.values()) await this.placeMentions(name);
    this.mentioned.clear();
    await movements.redateRuns((placed) => placement.refresh(placed));
    await lostClaims.restore();
    for (const changed of movements.changedRuns()) await this.on.pairs.pairRun(changed);
  }

  private async putNamed(fact: LifecycleFact): Promise<void> {
    const { facts, movements } = this.on;
    const before = await facts.get(fact.id);
    const now = facts.placed(fact);
    if (before !== null && this.saysTheSame(before, fact)) return facts.put({ ...before, fact });
    if (before !== null) await this.takeOut(before);
    const { reading: was = null } = before ?? {};
    if (was?.side) await movements.remove(fact.id, was.side);
    await this.rename(fact.id, was, now.reading);
    if (before !== null && was !== null) await this.leave(before.cluster, was, now.reading);
    for (const one of await this.dissolveUndecided()) await this.putInPlace(one);
    if (!(await this.putInPlace(now))) await facts.put(now);
  }

  private saysTheSame(before: Placed, fact: LifecycleFact): boolean {
    const said = [before, this.on.facts.placed(fact, before.at)].map(({ reading, fact: one }) =>
      JSON.stringify([reading, String(statedTime(one.state).at), String(ownTime(one.state))]),
    );
    return before.cluster !== NOWHERE && said[0] === said[1];
  }

  /** Names are taken before they are given back, so that nobody loses his for a moment. */
  private async rename(fact: string, was: FactReading | null, is: FactReading | null) {
    const { buffer, names } = this.on;
    if (was?.mentions) {
      const row = { name: keyOf(was.mentions), fact };
      buffer.remove(MENTIONS, row, row);
    }
    if (is?.mentions) {
      const row = { name: keyOf(is.mentions), fact };
      buffer.put(MENTIONS, row, await buffer.get(MENTIONS, [row.name, fact]));
    }
    if (is !== null) await this.noteNames(await names.count(is, 1));
    if (was !== null) await this.noteNames(await names.count(was, -1));
  }

  /** Sees to all who are told apart by a name, and notes who may belong elsewhere now. */
  private async noteNames({ owners, undecided }: NameChanges): Promise<void> {
    const { lifecycle, clusters, names } = this.on;
    for (const id of undecided) this.undecided.add(id);
    for (const name of owners) {
      this.mentioned.set(keyOf(name), name);
      for (const { cluster } of await names.sharing(name.name, lifecycle.ids, SHARING_SEEN)) {
        if (cluster !== NOWHERE) clusters.touch(await clusters.get(Number(cluster)));
      }
    }
  }

  /** A cluster is one without a fact if the names that the fact had are still said together. */
  private async leave(cluster: number, was: FactReading, is: FactReading | null): Promise<void> {
    const { facts, names } = this.on;
    const left: string[] = [];
    for (const name of was.names) if (await names.isMeant(name, was.owner)) left.push(keyOf(name));
    if (left.length < 2) return;
    const saysAll = (reading: FactReading) => {
      const said = reading.names.map(keyOf);
      return left.every((name) => said.includes(name));
    };
    if (is?.owner === was.owner && saysAll(is)) return;
    for await (const { reading } of facts.in(cluster)) {
      if (reading !== null && saysAll(reading)) return;
    }
    this.undecided.add(cluster);
  }

  /**
   * Takes all facts out of clusters that may have to be divided. Their names stay counted, so who
   * owns them is known before any fact is put in its place.
   */
  private async dissolveUndecided(): Promise<readonly Placed[]> {
    const { facts, names } = this.on;
    const displaced: Placed[] = [];
    for (const id of this.undecided) {
      for await (const one of facts.in(id)) {
        const { reading } = one;
        await this.takeOut(one);
        if (reading?.mentions) this.mentioned.set(keyOf(reading.mentions), reading.mentions);
        else if (reading !== null) {
          await names.assign(reading, NOWHERE);
          displaced.push(one);
        }
      }
    }
    this.undecided.clear();
    return displaced;
  }

  private async takeOut(placed: Placed): Promise<void> {
    await this.on.facts.put({ ...placed, cluster: NOWHERE });
    await this.on.placement.displace(placed);
  }

  /**
   * Puts a fact whose names are counted where they say, or where the name that it mentions is.
   *
   * @returns whether there is such a place
   */
  private async putInPlace(unplaced: Placed): Promise<boolean> {
    const { reading } = unplaced;
    const cluster = reading && (await this.clusterFor(reading));
    if (!cluster) return false;
    if (reading.mentions === null) await this.on.names.assign(reading, cluster.id);
    await this.on.placement.place(unplaced, cluster);
    return true;
  }

  /** Where its names are several clusters, the largest takes the others in. */
  private async clusterFor(reading: FactReading): Promise<Cluster | null> {
    const { clusters, names } = this.on;
    if (reading.mentions !== null) {
      const owner = await names.ownerOf(reading.mentions, reading.owner);
      return owner === NOWHERE ? null : clusters.get(owner);
    }
    const found: Cluster[] = [];
    for (const id of await names.clustersOf(reading)) found.push(await clusters.get(id));
    const [largest, ...others] = found.sort((a, b) => b.facts - a.facts || a.id - b.id);
    if (largest === undefined) return clusters.create();
    for (const other of others) await this.takeIn(largest, other);
    return largest;
  }

  private async takeIn(cluster: Cluster, other: Cluster): Promise<void> {
    const { facts, names, placement } = this.on;
    for await (const one of facts.in(other.id)) {
      await placement.displace(one);
      if (one.reading !== null) await names.assign(one.reading, cluster.id);
      await placement.place(one, cluster);
    }
  }

  /** Facts that mention a name whose owners changed go to the one who owns it now. */
  private async placeMentions(name: Name): Promise<void> {
    const { buffer, facts, names } = this.on;
    const rows = everyRow(buffer, MENTIONS, having({ name: keyOf(name) }, ["fact"]));
    for await (const { fact } of rows) {
      const placed = await facts.get(String(fact));
      if (!placed?.reading) continue;
      if ((await names.ownerOf(name, placed.reading.owner)) === placed.cluster) continue;
      await this.takeOut(placed);
      await this.putInPlace(placed);
    }
  }
}

/** Of the owners of one text, as many as there must be for two to know of each other. */
const SHARING_SEEN = 3;

const keyOf = ({ kind, name }: Name): string => `${kind}:${name}`;
