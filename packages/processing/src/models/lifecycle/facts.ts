import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import { statedTime } from "@counterfoil/core/balances/effective-time";
import type { FactReading, MovementSide, Name } from "@counterfoil/core/lifecycle/fact-reading";
import { known, type LifecycleFact, ownTime } from "@counterfoil/core/lifecycle/lifecycle-fact";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { factStateFrom, factStateText } from "../fact-state-text.ts";
import { ClusterSayings } from "./cluster-sayings.ts";
import type { Cluster, ClusterStore } from "./cluster-store.ts";
import { Entries, type PlacedFact } from "./entries.ts";
import type { Histories } from "./history.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { MovementRows, type Movements } from "./movements.ts";
import { type NameChanges, NameRows, type Names } from "./names.ts";
import { LIFECYCLE_FACTS, MENTIONS } from "./tables.ts";

/** The facts of a lifecycle, each in the cluster that its names say. */
export interface LifecycleFacts {
  get(id: string): Promise<LifecycleFact | null>;
  /** A fact as it counts now, new or changed. */
  put(fact: LifecycleFact): Promise<void>;
  /** What waits for all facts of the event: lost fields, mentions, pairs within runs. */
  finish(): Promise<void>;
  /** A record has a debit, or none any more. */
  showConfirmations(cluster: Cluster): Promise<void>;
  readonly names: Names;
}

type Context = Readonly<{
  lifecycle: Lifecycle;
  buffer: RowBuffer;
  clusters: ClusterStore;
  histories: Histories;
  tieOf: (text: string) => string;
}>;

/** A fact in its place. */
type Placed = Readonly<{ fact: LifecycleFact; at: bigint; cluster: number }>;

/** It belongs to no record. */
const NOWHERE = 0;
const PAGE = 200;

export class LifecycleFactRows implements LifecycleFacts {
  private readonly lifecycle: Lifecycle;
  private readonly buffer: RowBuffer;
  private readonly clusters: ClusterStore;
  private readonly tieOf: (text: string) => string;
  readonly names: Names;
  private readonly movements: Movements;
  private readonly entries: Entries;
  private readonly sayings = new ClusterSayings();
  private readonly mentioned = new Map<string, Name>();
  private readonly undecided = new Set<number>();

  constructor({ lifecycle, buffer, clusters, histories, tieOf }: Context) {
    this.lifecycle = lifecycle;
    this.buffer = buffer;
    this.clusters = clusters;
    this.tieOf = tieOf;
    this.names = new NameRows(buffer);
    const placedFact = (id: string) => this.placedFact(id);
    this.entries = new Entries({ buffer, clusters, histories, tieOf, placedFact });
    const redate = (id: string, at: bigint) => this.redate(id, at);
    this.movements = new MovementRows({ buffer, clusters, histories, tieOf, redate });
  }

  async get(id: string): Promise<LifecycleFact | null> {
    return (await this.placed(id))?.fact ?? null;
  }

  async put(fact: LifecycleFact): Promise<void> {
    if (fact.type === "BalanceReported") {
      const data = fact.state.data as DataOf<"BalanceReported">;
      await this.store({ fact, at: 0n, cluster: NOWHERE });
      const counts = !fact.state.withdrawn && this.lifecycle.isKept(fact.type, data);
      return this.movements.putReport(data, counts ? fact : null);
    }
    const before = await this.placed(fact.id);
    if (before !== null && (await this.replace(before, fact))) return;
    if (before !== null) await this.leave(before);
    await this.enter(fact);
  }

  async finish(): Promise<void> {
    for (const [key, name] of this.mentioned) {
      this.mentioned.delete(key);
      await this.placeMentions(name);
    }
    const readingsOf = (cluster: Cluster) => this.readingsOf(cluster.id);
    for await (const cluster of this.sayings.findLost(readingsOf)) this.clusters.touch(cluster);
    await this.movements.pairRuns();
  }

  async showConfirmations({ id }: Cluster): Promise<void> {
    await this.movements.showConfirmations(this.sidesOf(id));
  }

  private read(fact: LifecycleFact, at: bigint): FactReading | null {
    if (fact.state.withdrawn || !this.lifecycle.isKept(fact.type, fact.state.data)) return null;
    return this.lifecycle.read(known(fact, this.tieOf(fact.id), at));
  }

  private async placed(id: string): Promise<Placed | null> {
    const row = await this.buffer.get(LIFECYCLE_FACTS, [id]);
    return row && placedIn(row);
  }

  private async placedFact(id: string): Promise<PlacedFact | null> {
    const found = await this.placed(id);
    const reading = found && this.read(found.fact, found.at);
    return found && reading && { fact: found.fact, at: found.at, entries: reading.entries };
  }

  private async store({ fact, at, cluster }: Placed): Promise<void> {
    const { id, type, state } = fact;
    const stored = await this.buffer.get(LIFECYCLE_FACTS, [id]);
    this.buffer.put(
      LIFECYCLE_FACTS,
      { id, cluster, at, type, state: factStateText(state) },
      stored,
    );
  }

  private async *factsOf(cluster: number): AsyncGenerator<Placed> {
    const rows = everyRow(this.buffer, LIFECYCLE_FACTS, {
      where: [{ column: "cluster", is: "=", value: cluster }],
      orderBy: ["cluster", "type", "id"],
      limit: PAGE,
    });
    for await (const row of rows) yield placedIn(row);
  }

  /** Adds what a fact says to a cluster. */
  private async place(fact: LifecycleFact, at: bigint, cluster: Cluster): Promise<void> {
    const reading = this.read(fact, at);
    if (reading === null) return;
    await this.store({ fact, at, cluster: cluster.id });
    cluster.facts += 1;
    this.sayings.add(cluster, reading);
    await this.names.countAliases(reading, cluster.id, 1);
    await this.entries.add({ fact, at, entries: reading.entries }, cluster);
    if (reading.side !== null) await this.movements.putSide(fact, reading.side, { cluster, at });
    this.clusters.touch(cluster);
  }

  private async displace({ fact, at, cluster: id }: Placed): Promise<void> {
    const reading = this.read(fact, at);
    if (reading === null) return;
    const cluster = await this.clusters.get(id);
    cluster.facts -= 1;
    this.sayings.remove(cluster, reading);
    await this.names.countAliases(reading, id, -1);
    await this.entries.remove({ fact, at, entries: reading.entries }, cluster);
    if (reading.side !== null) await this.movements.removeSide(reading.side);
    this.clusters.touch(cluster);
  }

  /** Sees to all who are told apart by a name, and notes who may belong elsewhere now. */
  private async noteNames({ owners, undecided: found }: NameChanges): Promise<void> {
    for (const cluster of found) this.undecided.add(cluster);
    for (const name of owners) {
      this.mentioned.set(nameKey(name), name);
      for (const { cluster } of await this.names.sharing(
        name.name,
        this.lifecycle.ids,
        SHARING_SEEN,
      )) {
        if (cluster !== NOWHERE) this.clusters.touch(await this.clusters.get(Number(cluster)));
      }
    }
  }

  private async enter(fact: LifecycleFact): Promise<void> {
    const at = ownTime(fact.state);
    const reading = this.read(fact, at);
    if (reading === null) return this.store({ fact, at, cluster: NOWHERE });
    if (reading.mentions !== null) return this.mention(fact, reading, reading.mentions);
    await this.noteNames(await this.names.add(reading));
    const displaced = await this.dissolveUndecided();
    for (const one of displaced) await this.putInPlace(one, this.read(one.fact, one.at));
    const dated = reading.side === null ? at : await this.movements.date(fact, reading.side);
    await this.putInPlace({ fact, at: dated, cluster: NOWHERE }, reading);
  }

  /** Puts a fact whose names are counted where they say. */
  private async putInPlace({ fact, at }: Placed, reading: FactReading | null): Promise<void> {
    if (reading === null) return;
    const cluster = await this.clusterFor(reading);
    await this.names.assign(reading, cluster.id);
    await this.place(fact, at, cluster);
  }

  /** The cluster of a fact's names; where they were several, the largest takes the others in. */
  private async clusterFor(reading: FactReading): Promise<Cluster> {
    const found: Cluster[] = [];
    for (const id of await this.names.clustersOf(reading)) found.push(await this.clusters.get(id));
    found.sort((a, b) => b.facts - a.facts || a.id - b.id);
    const [largest, ...others] = found;
    for (const other of others) await this.takeIn(largest as Cluster, other);
    return largest ?? this.clusters.create();
  }

  private async takeIn(cluster: Cluster, other: Cluster): Promise<void> {
    for await (const one of this.factsOf(other.id)) {
      const { fact, at } = one;
      await this.displace(one);
      const reading = this.read(fact, at);
      if (reading !== null) await this.names.assign(reading, cluster.id);
      await this.place(fact, at, cluster);
    }
  }

  private async leave(before: Placed): Promise<void> {
    const reading = this.read(before.fact, before.at);
    if (reading === null) return;
    if (reading.mentions !== null) {
      const row = { name: mentionKey(reading.mentions), fact: before.fact.id };
      this.buffer.remove(MENTIONS, row, row);
    }
    if (before.cluster === NOWHERE) return;
    await this.store({ ...before, cluster: NOWHERE });
    await this.displace(before);
    if (reading.mentions !== null) return;
    const cluster = await this.clusters.get(before.cluster);
    await this.noteNames(await this.names.remove(reading));
    const { movementId } = reading;
    const name = { kind: "movement", name: `movement:${movementId}` };
    const isGone = movementId !== null && !(await this.names.isSaid(name, reading.owner));
    if (isGone) this.sayings.forgetMovement(cluster, movementId);
    if (reading.side !== null) await this.movements.undate(reading.side);
    if (!(await this.isHeldTogether(cluster, reading))) this.undecided.add(cluster.id);
    const displaced = await this.dissolveUndecided();
    for (const one of displaced) await this.putInPlace(one, this.read(one.fact, one.at));
  }

  /** Whether a cluster is one without a fact: the names that it had are still said together. */
  private async isHeldTogether(cluster: Cluster, { names: had, owner }: FactReading) {
    const left: string[] = [];
    for (const name of had) if (await this.names.isMeant(name, owner)) left.push(nameKey(name));
    if (left.length < 2 || cluster.facts === 0) return true;
    for await (const { fact, at } of this.factsOf(cluster.id)) {
      const said = this.read(fact, at)?.names.map(nameKey) ?? [];
      if (left.every((name) => said.includes(name))) return true;
    }
    return false;
  }

  /**
   * Takes all facts out of clusters that may have to be divided. Their names stay counted, so who
   * owns them is known before any fact is put in its place.
   */
  private async dissolveUndecided(): Promise<Placed[]> {
    const displaced: Placed[] = [];
    for (const id of this.undecided) {
      for await (const one of this.factsOf(id)) {
        const reading = this.read(one.fact, one.at);
        await this.store({ ...one, cluster: NOWHERE });
        await this.displace(one);
        if (reading?.mentions) this.mentioned.set(nameKey(reading.mentions), reading.mentions);
        else if (reading !== null) {
          await this.names.assign(reading, NOWHERE);
          displaced.push(one);
        }
      }
      (await this.clusters.get(id)).movements = [];
    }
    this.undecided.clear();
    return displaced;
  }

  /** A movement that carries a name without owning it joins whoever does. */
  private async mention(fact: LifecycleFact, reading: FactReading, name: Name): Promise<void> {
    const row = { name: mentionKey(name), fact: fact.id };
    this.buffer.put(MENTIONS, row, await this.buffer.get(MENTIONS, [row.name, row.fact]));
    const at = ownTime(fact.state);
    const owner = await this.names.ownerOf(name, reading.owner);
    if (owner === null || owner === NOWHERE) return this.store({ fact, at, cluster: NOWHERE });
    await this.place(fact, at, await this.clusters.get(owner));
  }

  /** Facts that mention a name whose owners changed go to the one who owns it now. */
  private async placeMentions(name: Name): Promise<void> {
    const rows = everyRow(this.buffer, MENTIONS, {
      where: [{ column: "name", is: "=", value: mentionKey(name) }],
      orderBy: MENTIONS.key,
      limit: PAGE,
    });
    for await (const { fact } of rows) await this.placeMention(String(fact), name);
  }

  private async placeMention(id: string, name: Name): Promise<void> {
    const before = await this.placed(id);
    const reading = before && this.read(before.fact, before.at);
    if (!before || !reading) return;
    const owner = (await this.names.ownerOf(name, reading.owner)) ?? NOWHERE;
    if (owner === before.cluster) return;
    await this.store({ ...before, cluster: NOWHERE });
    if (before.cluster !== NOWHERE) await this.displace(before);
    if (owner !== NOWHERE) await this.place(before.fact, before.at, await this.clusters.get(owner));
  }

  /** The run of a movement took effect at another time. */
  private async redate(id: string, at: bigint): Promise<void> {
    const before = await this.placed(id);
    if (before === null || before.at === at || before.cluster === NOWHERE) return;
    await this.displace(before);
    await this.place(before.fact, at, await this.clusters.get(before.cluster));
  }

  /** Says something else under the same names: what it said gives way to what it says. */
  private async replace(before: Placed, fact: LifecycleFact): Promise<boolean> {
    const was = this.read(before.fact, before.at);
    const at = was?.side ? before.at : ownTime(fact.state);
    const is = this.read(fact, at);
    if (was === null || is === null || before.cluster === NOWHERE) return false;
    if (was.mentions !== null || essenceOf(was) !== essenceOf(is)) return false;
    const isDated = statedTime(before.fact.state).at === statedTime(fact.state).at;
    if (was.side !== null && !(isDated && isSameRun(was.side, is.side))) return false;
    if (at === before.at && JSON.stringify(was) === JSON.stringify(is)) {
      await this.store({ fact, at, cluster: before.cluster });
      return true;
    }
    await this.displace(before);
    await this.place(fact, at, await this.clusters.get(before.cluster));
    return true;
  }

  private async *readingsOf(cluster: number): AsyncGenerator<FactReading> {
    for await (const { fact, at } of this.factsOf(cluster)) {
      const reading = this.read(fact, at);
      if (reading !== null) yield reading;
    }
  }

  private async *sidesOf(cluster: number): AsyncGenerator<MovementSide> {
    for await (const { side } of this.readingsOf(cluster)) if (side !== null) yield side;
  }
}

/** Of the owners of one text, as many as there must be for two to know of each other. */
const SHARING_SEEN = 3;

const nameKey = ({ kind, name }: Name): string => JSON.stringify([kind, name]);
const mentionKey = ({ kind, name }: Name): string => `${kind}:${name}`;

const essenceOf = ({ owner, names, mentions, aliases, movementId }: FactReading): string =>
  JSON.stringify([owner, names, mentions, aliases, movementId]);

const isSameRun = (a: MovementSide | null, b: MovementSide | null): boolean =>
  a?.run === b?.run && a?.account === b?.account && a?.kind === b?.kind && a?.class === b?.class;

function placedIn({ id, cluster, at, type, state }: Row): Placed {
  const fact: LifecycleFact = {
    id: String(id),
    type: type as ProviderFactType,
    state: factStateFrom(JSON.parse(String(state))),
  };
  return { fact, at: BigInt(at ?? 0), cluster: Number(cluster) };
}
