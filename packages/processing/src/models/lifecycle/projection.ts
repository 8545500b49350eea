import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  AMENDMENTS,
  type Amendment,
  amendedState,
  type FactData,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";
import {
  factIdOf,
  factIdOfKey,
  type Lifecycle,
  type LifecycleFact,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import { type FoldContext, openSession, type Projection } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { type AnomalyCause, acknowledgeAnomaly, acknowledgedBy } from "../anomaly-rows.ts";
import { parseData } from "../columns.ts";
import { type Cluster, Clusters } from "./clusters.ts";
import { Facts, Names } from "./facts.ts";
import { Grouping } from "./grouping.ts";
import { Histories } from "./history.ts";
import { type Joins, joinChanged, joinsOf, RunPairs } from "./joins.ts";
import { Movements } from "./movements.ts";
import { LostClaims, Placement } from "./placement.ts";
import { Records } from "./records.ts";
import { KNOWN_STUCK, LIFECYCLE_TABLES, RECORDS, stuckIn, TRADE_TABLES } from "./tables.ts";

/** The projection of one lifecycle: facts in clusters, and records of linked clusters. */
export function lifecycleProjection(lifecycle: Lifecycle): Projection {
  const { model, version, types } = lifecycle;
  return {
    model,
    version,
    tables: lifecycle.partiesOf === undefined ? LIFECYCLE_TABLES : TRADE_TABLES,
    types: new Set([...types, ...AMENDMENTS, "AnomalyAcknowledged"]),
    open: (store, hashing, isDigested) => {
      const openFold = ({ buffer }: FoldContext) => {
        const fold = new LifecycleFold(lifecycle, buffer, hashing);
        return { apply: (event: RecordedEvent) => fold.apply(event), commitEvery: COMMIT_EVERY };
      };
      return openSession(store, hashing, openFold, isDigested);
    },
  };
}

/**
 * Uncommitted rows are searched one by one, so with a commit every 10,000 events a frequently changed
 * record costs ten times more.
 */
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
    this.pairs = new RunPairs({ buffer, clusters, facts, tieOf });
    this.grouping = new Grouping({ ...rows, placement, pairs: this.pairs });
    this.joins = joinsOf(lifecycle, { buffer, clusters, tieOf });
    this.records = new Records({ ...rows, placement });
  }

  async apply(event: RecordedEvent): Promise<void> {
    const data = parseData(event);
    const cause = { position: event.position, deliveryId: event.causation_id };
    if (AMENDMENTS.has(event.type)) return this.amend(event, data, cause);
    if (event.type === "AnomalyAcknowledged") return this.acknowledge(event, data);
    const type = event.type as ProviderFactType;
    if (!this.lifecycle.isKept(type, data)) return;
    const state = initialFactState(data, cause.position, cause.deliveryId);
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
    if (record === null || record.stage !== stuck.stage) return;
    if (Number(record.position) > Number(acknowledgement.as_of)) return;
    const known = await this.buffer.get(KNOWN_STUCK, [stuck.id]);
    const { entered_at = null, position: changed = null } = record;
    const row = { ...stuck, entered_at, position: changed, ...acknowledgedBy(acknowledgement) };
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
      await this.pairs.pairMany(touched);
      touched = this.clusters.takeTouched();
    }
    return [...all];
  }
}
