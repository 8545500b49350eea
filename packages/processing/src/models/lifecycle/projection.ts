import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { timeOf } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  AMENDMENTS,
  type Amendment,
  evolveFactState,
  type FactData,
  type FactState,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";
import type { LifecycleDraft } from "@counterfoil/core/lifecycle/draft";
import { legIdOf, legIdOfKey } from "@counterfoil/core/lifecycle/leg-id";
import type { ModelStore } from "../../ports/model-store.ts";
import type { Row } from "../../ports/table.ts";
import type { Projection, ProjectionSession } from "../../projection/projection.ts";
import { createRowBuffer, type RowBuffer } from "../../projection/row-buffer.ts";
import { closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import { parseData } from "../fact-state-text.ts";
import { openStopped } from "../stopped.ts";
import { type Cluster, createClusters } from "./clusters.ts";
import { noteConnection, readConnections } from "./feed-rows.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type RecordDetail, recordDetail, recordRow } from "./record-row.ts";
import { ALIASES, LIFECYCLE_TABLES, RECORD_CHANGES, RECORDS } from "./tables.ts";

/** The projection of one lifecycle: legs by cluster, records as a function of a cluster's legs. */
export function lifecycleProjection(lifecycle: Lifecycle): Projection {
  return {
    model: lifecycle.model,
    version: lifecycle.version,
    tables: LIFECYCLE_TABLES,
    types: new Set(["FeedOpened", ...lifecycle.types, ...AMENDMENTS]),
    open: (store, hashing) => openLifecycle(lifecycle, store, hashing),
  };
}

type Cause = Readonly<{ position: number; deliveryId: string | null }>;

async function openLifecycle(
  lifecycle: Lifecycle,
  store: ModelStore,
  hashing: Hashing,
): Promise<ProjectionSession> {
  let checkpoint = await store.checkpoint();
  let applied = { position: checkpoint.position, hash: checkpoint.hash };
  const buffer = createRowBuffer(store, checkpoint, hashing);
  const clusters = createClusters(store, buffer);
  const connections = await readConnections(store);
  const stopped = await openStopped(store, buffer);
  const types: ReadonlySet<string> = new Set(lifecycle.types);

  async function fold(event: RecordedEvent): Promise<void> {
    const data = parseData(event);
    if (event.type === "FeedOpened") {
      return noteConnection(buffer, connections, data as DataOf<"FeedOpened">);
    }
    const cause = { position: event.position, deliveryId: event.causation_id };
    if (AMENDMENTS.has(event.type)) return amend(event, data, cause);
    const type = event.type as ProviderFactType;
    if (!types.has(type) || !lifecycle.isLeg(type, data)) return;
    await take(
      type,
      legIdOf(type, data),
      initialFactState(data, cause.position, cause.deliveryId),
      cause,
    );
  }

  async function amend(event: RecordedEvent, data: FactData, cause: Cause): Promise<void> {
    const { event_type, key } = data as DataOf<"FactSeen">;
    if (!types.has(event_type)) return;
    const type = event_type as ProviderFactType;
    const id = legIdOfKey(type, key);
    const found = await clusters.find(id);
    const amendment = { id: event.id, type: event.type, data, ...cause } as unknown as Amendment;
    const state = found
      ? evolveFactState(found.leg.state, amendment)
      : correctedState(amendment, cause);
    if (state === null) return;
    if (lifecycle.isLeg(type, state.data)) return take(type, id, state, cause);
    if (found === null) return;
    // Corrected into something that this lifecycle does not follow.
    clusters.removeLeg(found.cluster, id);
    await settle(found.cluster, cause);
  }

  async function take(type: ProviderFactType, id: string, state: FactState, cause: Cause) {
    const leg = { id, type, state };
    const known = await clusters.find(id);
    const keys = new Set(lifecycle.keysOf(leg));
    const cluster = await clusters.unite([...keys], known?.cluster ?? null, cause.position);
    clusters.putLeg(cluster, leg);
    await settle(cluster, cause);
  }

  /** Makes the stored records those that the cluster's legs now tell of. */
  async function settle(cluster: Cluster, cause: Cause): Promise<void> {
    const drafts = lifecycle.recordsOf([...cluster.legs.values()], { connections });
    const told = new Set(drafts.map(({ id }) => id));
    for (const [id, row] of cluster.records) {
      if (!told.has(id)) await removeRecord(cluster, id, row, cause);
    }
    for (const draft of drafts) await putRecord(cluster, draft, cause);
  }

  async function putRecord(cluster: Cluster, draft: LifecycleDraft<object>, cause: Cause) {
    const { position } = cause;
    const stored = cluster.records.get(draft.id) ?? null;
    const row = recordRow(draft, { cluster: cluster.id, position, stored });
    if (stored !== null && row.position === stored.position) return;
    cluster.records.set(draft.id, row);
    buffer.put(RECORDS, row, stored);
    noteChange(buffer, position, draft.id, row);
    const before = stored && recordDetail(stored);
    putAliases(draft.id, before, draft.identifiers);
    await putAnomalies(draft, before, cause);
  }

  /** A record has the aliases that it was stored with, and no others. */
  function putAliases(record: string, before: RecordDetail | null, now: readonly string[]): void {
    for (const alias of now) {
      if (!before?.identifiers.includes(alias)) buffer.put(ALIASES, { alias, record }, null);
    }
    for (const alias of before?.identifiers ?? []) {
      const row = { alias, record };
      if (!now.includes(alias)) buffer.remove(ALIASES, row, row);
    }
  }

  async function putAnomalies(
    { id, anomalies }: LifecycleDraft<object>,
    before: RecordDetail | null,
    cause: Cause,
  ) {
    const open = new Set<string>();
    for (const { kind, what, detail, at } of anomalies) {
      const anomalyId = `${kind}:${id}:${what}`;
      open.add(anomalyId);
      if (before?.anomalies.includes(anomalyId)) continue;
      const time = at === null ? null : timeOf(at);
      const content = { id: anomalyId, kind, subject: id, detail, essence: detail, at: time };
      await openAnomaly(buffer, content, cause);
    }
    for (const anomalyId of before?.anomalies ?? []) {
      if (!open.has(anomalyId)) await closeAnomaly(buffer, anomalyId, cause);
    }
  }

  async function removeRecord(cluster: Cluster, id: string, row: Row, cause: Cause) {
    const before = recordDetail(row);
    cluster.records.delete(id);
    buffer.remove(RECORDS, row, row);
    noteChange(buffer, cause.position, id, null);
    putAliases(id, before, []);
    for (const anomalyId of before.anomalies) await closeAnomaly(buffer, anomalyId, cause);
  }

  function pass({ position, hash }: RecordedEvent): void {
    if (position > applied.position) applied = { position, hash };
  }

  return {
    get checkpoint() {
      return checkpoint;
    },
    stopped,
    async apply(event) {
      await fold(event);
      pass(event);
    },
    pass,
    async commit() {
      if (!buffer.isEmpty() || applied.position !== checkpoint.position) {
        checkpoint = await buffer.commit(applied.position, applied.hash);
        clusters.committed();
      }
      return checkpoint;
    },
  };
}

function correctedState(amendment: Amendment, cause: Cause): FactState | null {
  if (amendment.type !== "FactCorrected") return null;
  return initialFactState(amendment.data.data, cause.position, cause.deliveryId);
}

/** `row` null: under this id there is nothing any more. */
function noteChange(buffer: RowBuffer, position: number, id: string, row: Row | null): void {
  const text = row === null ? null : JSON.stringify({ state: row.state, detail: row.detail });
  buffer.put(RECORD_CHANGES, { position, id, row: text }, null);
}
