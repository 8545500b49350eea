import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { statedTime } from "@counterfoil/core/balances/effective-time";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  AMENDMENTS,
  type Amendment,
  amendedState,
  type FactData,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";
import {
  type FactReading,
  factIdOf,
  factIdOfKey,
  type Lifecycle,
  type LifecycleFact,
  type Name,
  ownTime,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import { type FoldContext, openSession, type Projection } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { type AnomalyCause, acknowledgeAnomaly, acknowledgedBy } from "../anomaly-rows.ts";
import { parseData } from "../columns.ts";
import { type Cluster, Clusters } from "./clusters.ts";
import { Facts, type NameChanges, Names, NOWHERE, type Placed } from "./facts.ts";
import { Histories } from "./history.ts";
import { type Joins, joinChanged, joinsOf } from "./joins.ts";
import { Movements } from "./movements.ts";
import { LostClaims, type Parts, Placement } from "./placement.ts";
import { Records } from "./records.ts";
import { RunPairs } from "./run-pairs.ts";
import {
  having,
  KNOWN_STUCK,
  LIFECYCLE_TABLES,
  MENTIONS,
  RECORDS,
  stuckIn,
  TRADE_TABLES,
} from "./tables.ts";

/**
 * The words of this folder, in the order in which a fact passes through them. A *fact* states *names*: ids,
 * each valid within an owner (participant, asset, network). Facts that share a name are one *cluster*, their
 * group. Clusters are *linked* that are one withdrawal or deposit though no name says so: by a run, as a hold
 * and its confirmation, as parts. Linked clusters are one *record* as soon as an id is known for it. Its
 * *history* has a row for each entry that its facts state, in order of time, with the stage after it.
 *
 * - A *claim* is a value that a fact states for a field of its record; of all claims to a field, that with the
 *   smallest order wins.
 * - A *mention* is a name that a fact refers to without establishing it: the fact joins the cluster that has
 *   the name, and belongs to no record until there is one.
 * - A *slot* is an entry that several facts may state, such as both accounts of a movement: the
 *   lowest rank is shown.
 * - A *lot* holds a few of many equal parts that could be paired in any way: one more changes few pairs.
 * - An *outline* is what a record needs of its history, however long: the first row, the last, and the one
 *   that entered the stage.
 */

/** The projection of one lifecycle: facts in clusters, and records of linked clusters. */
export function lifecycleProjection(lifecycle: Lifecycle): Projection {
  const { model, version, types } = lifecycle;
  return {
    model,
    version,
    tables: lifecycle.partiesOf === undefined ? LIFECYCLE_TABLES : TRADE_TABLES,
    types: new Set([...types, ...AMENDMENTS, "AnomalyAcknowledged"]),
    open: (store, hashing, options) => {
      const openFold = ({ buffer }: FoldContext) => {
        const fold = new LifecycleFold(lifecycle, buffer, hashing);
        return { apply: (event: RecordedEvent) => fold.apply(event), commitEvery: COMMIT_EVERY };
      };
      return openSession(store, hashing, openFold, options);
    },
  };
}

/** An event changes many rows: more of them in one commit take memory, and no less time. */
const COMMIT_EVERY = 250;

/** Applies one event: changes a fact, then the clusters that it touches, then their records. */
class LifecycleFold {
  private readonly lifecycle: Lifecycle;
  private readonly buffer: RowBuffer;
  private readonly facts: Facts;
  private readonly clusters: Clusters;
  private readonly histories: Histories;
  private readonly movements: Movements;
  private readonly names: Names;
  private readonly grouping: Grouping;
  private readonly pairs: RunPairs;
  private readonly joins: Joins | null;
  private readonly records: Records;

  constructor(lifecycle: Lifecycle, buffer: RowBuffer, hashing: Hashing) {
    const tieOf = (text: string): string => hashing.sha256(text).slice(0, 16);
    const facts = new Facts(lifecycle, buffer, tieOf);
    const clusters = new Clusters(buffer);
    const histories = new Histories(buffer, lifecycle.rules);
    const names = new Names(buffer);
    const movements = new Movements(buffer, facts);
    const lostClaims = new LostClaims(facts, names);
    const rows = { lifecycle, buffer, facts, clusters, histories, names, movements, lostClaims };
    const placement = new Placement(rows);
    this.lifecycle = lifecycle;
    this.buffer = buffer;
    this.facts = facts;
    this.clusters = clusters;
    this.histories = histories;
    this.movements = movements;
    this.names = names;
    this.pairs = new RunPairs({ buffer, clusters, facts, movements, tieOf });
    this.grouping = new Grouping({ ...rows, placement, pairs: this.pairs });
    this.joins = joinsOf(lifecycle, { buffer, clusters, tieOf });
    this.records = new Records({ ...rows, placement });
  }

  async apply(event: RecordedEvent): Promise<void> {
    const data = parseData(event);
    const { position, causation_id: deliveryId, recorded_at: recordedAt } = event;
    const cause = { position, deliveryId, recordedAt };
    if (AMENDMENTS.has(event.type)) return this.amend(event, data, cause);
    if (event.type === "AnomalyAcknowledged") return this.acknowledge(event, data);
    const type = event.type as ProviderFactType;
    if (!this.lifecycle.isKept(type, data)) return;
    const state = initialFactState(data, position, deliveryId);
    await this.put({ id: factIdOf(type, data), type, state }, cause);
  }

  private async acknowledge(event: RecordedEvent, data: FactData): Promise<void> {
    const { position, recorded_at: recordedAt } = event;
    const acknowledgement = {
      ...(data as DataOf<"AnomalyAcknowledged">),
      ...{ position, recordedAt },
    };
    if (acknowledgement.model !== this.lifecycle.model) return;
    const stuck = stuckIn(acknowledgement.anomaly_id);
    if (stuck === null) return acknowledgeAnomaly(this.buffer, acknowledgement);
    const record = await this.buffer.get(RECORDS, [stuck.id]);
    if (record === null || record.waits !== stuck.stage) return;
    if (Number(record.position) > Number(acknowledgement.as_of)) return;
    const known = await this.buffer.get(KNOWN_STUCK, [stuck.id]);
    const { waits_since = null, position: changed = null } = record;
    const row = { ...stuck, waits_since, position: changed, ...acknowledgedBy(acknowledgement) };
    this.buffer.put(KNOWN_STUCK, row, known);
    this.buffer.put(RECORDS, { ...record, is_known: 1 }, record);
  }

  private async amend(event: RecordedEvent, data: FactData, cause: AnomalyCause): Promise<void> {
    const { event_type, key } = data as DataOf<"FactSeen">;
    const type = event_type as ProviderFactType;
    const id = factIdOfKey(type, key);
    const found = await this.facts.get(id);
    const amendment = { id: event.id, type: event.type, data, ...cause } as unknown as Amendment;
    const state = amendedState(found?.fact.state ?? null, amendment);
    if (state === null) return;
    if (found === null && !this.lifecycle.isKept(type, state.data)) return;
    await this.put({ id, type, state }, cause);
  }

  private async put(fact: LifecycleFact, cause: AnomalyCause): Promise<void> {
    const { clusters, joins } = this;
    this.histories.begin(cause.position);
    this.names.begin(cause.position);
    await this.grouping.put(fact);
    const changed = new Set<Cluster>();
    for (let touched = await this.pairLargeRuns(); touched.length > 0; ) {
      for (const cluster of touched) changed.add(cluster);
      if (joins !== null) await joinChanged(touched, joins, clusters);
      touched = await this.pairLargeRuns();
    }
    await this.records.refresh(changed, cause);
    this.movements.flush();
    clusters.flush(cause.position);
  }

  /** The changed clusters, and those that pairing large runs changes: it precedes other joins. */
  private async pairLargeRuns(): Promise<readonly Cluster[]> {
    const all = new Set<Cluster>();
    for (let touched = this.clusters.takeTouched(); touched.length > 0; ) {
      for (const cluster of touched) all.add(cluster);
      await this.pairs.renameMany(touched);
      touched = this.clusters.takeTouched();
    }
    return [...all];
  }
}

type Context = Parts & Readonly<{ placement: Placement; pairs: RunPairs }>;

/** Keeps each fact in the cluster of its names while facts are added, changed and withdrawn. */
class Grouping {
  private readonly on: Context;
  /** Names whose owners changed: facts that mention them may belong to another cluster now. */
  private readonly mentioned = new Map<string, Name>();
  /** Clusters that may have to be divided. */
  private readonly undecided = new Set<number>();

  constructor(on: Context) {
    this.on = on;
  }

  /** Stores a new or changed fact and updates the clusters. */
  async put(fact: LifecycleFact): Promise<void> {
    const { movements, placement, lostClaims } = this.on;
    if (fact.type === "BalanceReported") await movements.putReport(fact);
    else await this.putByNames(fact);
    for (const name of this.mentioned.values()) await this.placeMentions(name);
    this.mentioned.clear();
    await movements.redateRuns((placed) => placement.refresh(placed));
    await lostClaims.restore();
    for (const changed of movements.changedRuns()) await this.on.pairs.pairRun(changed);
  }

  private async putByNames(fact: LifecycleFact): Promise<void> {
    const { facts, movements } = this.on;
    const before = await facts.get(fact.id);
    const now = facts.placed(fact);
    if (before !== null && this.hasSameReading(before, fact)) return facts.put({ ...before, fact });
    if (before !== null) await this.takeOut(before);
    const { reading: was = null } = before ?? {};
    if (was?.side) await movements.remove(fact.id, was.side);
    await this.rename(fact.id, was, now.reading);
    if (before !== null && was !== null) await this.leave(before.cluster, was, now.reading);
    for (const one of await this.dissolveUndecided()) await this.placeByNames(one);
    if (!(await this.placeByNames(now))) await facts.put(now);
  }

  private hasSameReading(before: Placed, fact: LifecycleFact): boolean {
    const contents = [before, this.on.facts.placed(fact, before.at)].map(({ reading, fact: one }) =>
      JSON.stringify([reading, String(statedTime(one.state).at), String(ownTime(one.state))]),
    );
    return before.cluster !== NOWHERE && contents[0] === contents[1];
  }

  /** Counts the new names before the old ones are subtracted, so that no kept name loses its owner. */
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

  /** Marks the clusters that share a changed name as changed, and notes what has to be placed again. */
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

  /** Marks a cluster as undecided unless a fact still states the removed fact's remaining names together. */
  private async leave(cluster: number, was: FactReading, is: FactReading | null): Promise<void> {
    const { facts, names } = this.on;
    const left: string[] = [];
    for (const name of was.names) if (await names.isStated(name, was.owner)) left.push(keyOf(name));
    if (left.length < 2) return;
    const statesAll = (reading: FactReading) => {
      const stated = reading.names.map(keyOf);
      return left.every((name) => stated.includes(name));
    };
    if (is?.owner === was.owner && statesAll(is)) return;
    for await (const { reading } of facts.in(cluster)) {
      if (reading !== null && statesAll(reading)) return;
    }
    this.undecided.add(cluster);
  }

  /**
   * Removes all facts from clusters that may have to be divided. Their names stay counted, so the
   * owners of names are known before any fact is placed again.
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
   * Places a fact in the cluster of its names, which are counted already, or of the name that it
   * mentions.
   *
   * @returns whether there is such a cluster
   */
  private async placeByNames(unplaced: Placed): Promise<boolean> {
    const { reading } = unplaced;
    const cluster = reading && (await this.clusterFor(reading));
    if (!cluster) return false;
    if (reading.mentions === null) await this.on.names.assign(reading, cluster.id);
    await this.on.placement.place(unplaced, cluster);
    return true;
  }

  /** The cluster of a fact's names; if there are several, they are merged in the largest. */
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
    for (const other of others) await this.merge(largest, other);
    return largest;
  }

  private async merge(cluster: Cluster, other: Cluster): Promise<void> {
    const { facts, names, placement } = this.on;
    for await (const one of facts.in(other.id)) {
      await placement.displace(one);
      if (one.reading !== null) await names.assign(one.reading, cluster.id);
      await placement.place(one, cluster);
    }
  }

  /** Moves facts that mention a name to the cluster that owns it now. */
  private async placeMentions(name: Name): Promise<void> {
    const { buffer, facts, names } = this.on;
    const rows = everyRow(buffer, MENTIONS, having({ name: keyOf(name) }, ["fact"]));
    for await (const { fact } of rows) {
      const placed = await facts.get(String(fact));
      if (!placed?.reading) continue;
      if ((await names.ownerOf(name, placed.reading.owner)) === placed.cluster) continue;
      await this.takeOut(placed);
      await this.placeByNames(placed);
    }
  }
}

/** The most owners of one name that are marked: enough for two of them to find their conflict. */
const SHARING_SEEN = 3;

const keyOf = ({ kind, name }: Name): string => `${kind}:${name}`;
