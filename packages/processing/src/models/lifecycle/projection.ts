import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  AMENDMENTS,
  type Amendment,
  evolveFactState,
  type FactData,
  type FactState,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";
import {
  factIdOf,
  factIdOfKey,
  type LifecycleFact,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import type { Projection } from "../../projection/projection.ts";
import { openSession } from "../../projection/projection.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { parseData } from "../fact-state-text.ts";
import { type Cluster, ClusterRows, type ClusterStore } from "./cluster-store.ts";
import { type DepositClasses, DepositClassRows } from "./deposit-classes.ts";
import { LifecycleFactRows, type LifecycleFacts } from "./facts.ts";
import { type Histories, HistoryRows } from "./history.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type Cause, RecordRows, type Records } from "./records.ts";
import { LIFECYCLE_TABLES } from "./tables.ts";
import { createWithdrawalQueue } from "./withdrawal-queue.ts";

/** The projection of one lifecycle: facts by cluster, and records that clusters make together. */
export function lifecycleProjection(lifecycle: Lifecycle): Projection {
  return {
    model: lifecycle.model,
    version: lifecycle.version,
    tables: LIFECYCLE_TABLES,
    types: new Set([...lifecycle.types, ...AMENDMENTS]),
    open: (store, hashing) =>
      openSession(store, hashing, ({ buffer }) => {
        const fold = new LifecycleFold(lifecycle, buffer, hashing);
        return { apply: (event) => fold.apply(event), commitEvery: COMMIT_EVERY };
      }),
  };
}

/**
 * Rows that are not committed are searched one by one, so a commit of 10,000 events costs a hot
 * record ten times more.
 */
const COMMIT_EVERY = 250;

/** What one event changes: a fact, then the clusters that it touches, then their records. */
class LifecycleFold {
  private readonly lifecycle: Lifecycle;
  private readonly types: ReadonlySet<string>;
  private readonly clusters: ClusterStore;
  private readonly histories: Histories;
  private readonly facts: LifecycleFacts;
  private readonly joins: Joins;
  private readonly records: Records;

  constructor(lifecycle: Lifecycle, buffer: RowBuffer, hashing: Hashing) {
    const tieOf = (text: string): string => hashing.sha256(text).slice(0, 16);
    const clusters = new ClusterRows(buffer);
    const histories = new HistoryRows(buffer, lifecycle.rules);
    const facts = new LifecycleFactRows({ lifecycle, buffer, clusters, histories, tieOf });
    const { names } = facts;
    const showConfirmations = (cluster: Cluster) => facts.showConfirmations(cluster);
    const context = { lifecycle, buffer, clusters, histories, names, showConfirmations };
    this.lifecycle = lifecycle;
    this.types = new Set(lifecycle.types);
    this.clusters = clusters;
    this.histories = histories;
    this.facts = facts;
    this.joins = joinsOf(lifecycle, buffer, clusters);
    this.records = new RecordRows(context);
  }

  async apply(event: RecordedEvent): Promise<void> {
    const data = parseData(event);
    const cause = { position: event.position, deliveryId: event.causation_id };
    if (AMENDMENTS.has(event.type)) return this.amend(event, data, cause);
    const type = event.type as ProviderFactType;
    if (!this.types.has(type) || !this.lifecycle.isKept(type, data)) return;
    const state = initialFactState(data, cause.position, cause.deliveryId);
    await this.put({ id: factIdOf(type, data), type, state }, cause);
  }

  private async amend(event: RecordedEvent, data: FactData, cause: Cause): Promise<void> {
    const { event_type, key } = data as DataOf<"FactSeen">;
    if (!this.types.has(event_type)) return;
    const type = event_type as ProviderFactType;
    const id = factIdOfKey(type, key);
    const found = await this.facts.get(id);
    const amendment = { id: event.id, type: event.type, data, ...cause } as unknown as Amendment;
    const state = found
      ? evolveFactState(found.state, amendment)
      : correctedState(amendment, cause);
    if (state === null) return;
    if (found === null && !this.lifecycle.isKept(type, state.data)) return;
    await this.put({ id, type, state }, cause);
  }

  private async put(fact: LifecycleFact, cause: Cause): Promise<void> {
    const { clusters, joins } = this;
    this.histories.begin(cause.position);
    await this.facts.put(fact);
    await this.facts.finish();
    const changed = new Set<Cluster>();
    for (let taken = clusters.takeTouched(); taken.length > 0; taken = clusters.takeTouched()) {
      for (const cluster of taken) changed.add(cluster);
      for (const cluster of await this.withPartners(taken)) await joins.refresh(cluster);
      await joins.join();
    }
    await this.records.refresh([...changed], cause);
    clusters.flush();
  }

  /** And those that they are paired with in a run: what one waits for depends on the other. */
  private async withPartners(taken: readonly Cluster[]): Promise<ReadonlySet<Cluster>> {
    const all = new Set(taken);
    for (const { links } of taken) {
      for (const { kind, to } of links) if (kind === "run") all.add(await this.clusters.get(to));
    }
    return all;
  }
}

/** How clusters that nothing states to be one record find one another. */
type Joins = Pick<DepositClasses, "refresh" | "join">;

function joinsOf(lifecycle: Lifecycle, buffer: RowBuffer, clusters: ClusterStore): Joins {
  const nothing = async () => {};
  switch (lifecycle.model) {
    case "withdrawals":
      return { refresh: createWithdrawalQueue(buffer, clusters).refresh, join: nothing };
    case "deposits":
      return new DepositClassRows(buffer, clusters, lifecycle.ids);
    default:
      return { refresh: nothing, join: nothing };
  }
}

function correctedState(amendment: Amendment, cause: Cause): FactState | null {
  if (amendment.type !== "FactCorrected") return null;
  return initialFactState(amendment.data.data, cause.position, cause.deliveryId);
}
