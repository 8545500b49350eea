import { createHash } from "node:crypto";
import type { HistoryRecord, LifecycleModel } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { factKey } from "@counterfoil/core/identity";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import type { Lifecycle, LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import type { ModelStore } from "../../../ports/model-store.ts";
import { anomalyRecord } from "../../../queries/anomaly-record.ts";
import { type LifecycleRecords, lifecycleRecord } from "../../../queries/lifecycle-record.ts";
import { createMemoryModelCatalogue } from "../../../testing/memory-model-catalogue.ts";
import { ANOMALIES } from "../../columns.ts";
import { lifecycleProjection } from "../projection.ts";
import { CLUSTERS, HISTORY, NAMES, RECORDS } from "../tables.ts";

/** Projects facts in a given order and reads the records, for tests. */

export const hashing: Hashing = {
  sha1: (data) => createHash("sha1").update(data).digest("hex"),
  sha256: (data) => createHash("sha256").update(data).digest("hex"),
};

type ProjectedRecord<Model extends LifecycleModel> = Readonly<{
  id: string;
  state: LifecycleRecords[Model];
  /** The stage, if it waits in it. */
  waits: string | null;
  history: readonly Entry[];
  /** Every text by which it is found. */
  identifiers: readonly string[];
  anomalies: readonly Readonly<{ kind: string; what: string; detail: object; at: string | null }>[];
}>;

/** An entry, and whether it changed the stage. */
type Entry = HistoryRecord & Readonly<{ moves: boolean }>;

type Events = Readonly<{ type: string; data: object }>[];

/** A fact and its later amendments, as events. */
export function eventsOf({ type, state }: LifecycleFact): Events {
  const { data, seen, withdrawn } = state;
  const about = { event_id: "", event_type: type, key: factKey({ type, data } as never) };
  return [
    { type, data },
    ...seen.map(({ id, adds, receivedAt }) => ({
      type: "FactSeen",
      data: { ...about, event_id: id, adds, received_at: receivedAt, translation: 1 },
    })),
    ...(withdrawn ? [{ type: "FactWithdrawn", data: { ...about, translation: 1 } }] : []),
  ];
}

export type Event = Events[number];

/** The events of all facts, interleaved by the keys; those of one fact stay in order. */
export function inOrderOf(all: readonly LifecycleFact[], keys: Iterator<number>): Event[] {
  const keyed = all.flatMap((one) => {
    const events = eventsOf(one);
    const places = events.map(() => keys.next().value ?? 0).sort((a, b) => a - b);
    return events.map((event, at) => ({ event, key: places[at] ?? 0 }));
  });
  return keyed.sort((a, b) => a.key - b.key).map(({ event }) => event);
}

export async function openModel(
  lifecycle: Lifecycle,
  wrap = (store: ModelStore): ModelStore => store,
) {
  const catalogue = createMemoryModelCatalogue();
  const projection = lifecycleProjection(lifecycle);
  const { model, tables, version } = projection;
  await catalogue.create(model, { tables, modelVersion: version });
  const store = wrap(await catalogue.openForWriting(model, 1));
  const session = await projection.open(store, hashing);
  let position = 0;

  async function apply(events: Events): Promise<void> {
    for (const { type, data } of events) {
      position += 1;
      const text = JSON.stringify(data);
      const event = {
        ...{
          position,
          type,
          id: `e${position}`,
          schema_version: 1,
          subject: "",
          hash: `${position}`,
        },
        ...{ causation_id: null, correlation_id: null, occurred_at: null, recorded_at: 0n },
        data: text,
      };
      await session.apply(event as unknown as RecordedEvent);
    }
  }

  return { store, session, apply };
}

const ALL = 1_000_000;

async function recordsOf<Model extends LifecycleModel>(
  lifecycle: Lifecycle,
  facts: readonly LifecycleFact[],
): Promise<ProjectedRecord<Model>[]> {
  const { store, session, apply } = await openModel(lifecycle);
  for (const fact of facts) await apply(eventsOf(fact));
  await session.commit();
  return readRecords<Model>(store);
}

export async function readRecords<Model extends LifecycleModel>(
  store: ModelStore,
): Promise<ProjectedRecord<Model>[]> {
  const rows = await store.select(RECORDS, { orderBy: ["id"], limit: ALL });
  const names = await store.select(NAMES, { orderBy: [...NAMES.key], limit: ALL });
  const clusters = await store.select(CLUSTERS, { orderBy: ["id"], limit: ALL });
  const baseOf = new Map(clusters.map(({ id, data }) => [id, JSON.parse(String(data)).base]));
  const anomalies = await store.select(ANOMALIES, { orderBy: ["id"], limit: ALL });
  const records: ProjectedRecord<Model>[] = [];
  for (const row of rows) {
    const state = await lifecycleRecord<Model>(store, row, { stuck: null });
    const found = names.filter(({ cluster }) => baseOf.get(cluster ?? 0) === row.cluster);
    const open = anomalies
      .filter(({ subject, closed_position }) => subject === row.id && closed_position === null)
      .map((anomaly) => anomalyRecord(anomaly, lifecycleModel(state)));
    const where = [{ column: "record", is: "=" as const, value: row.cluster ?? 0 }];
    const steps = await store.select(HISTORY, { where, orderBy: HISTORY.key, limit: ALL });
    const stated = state.history.filter(({ source }) => source !== "relink");
    records.push({
      id: String(row.id),
      state,
      waits: row.waits as string | null,
      history: stated.map((entry, at) => ({ ...entry, moves: steps[at]?.moves === 1 })),
      identifiers: [...new Set(found.map(({ name }) => String(name)))].sort(),
      anomalies: open.map(({ kind, id, subject, detail, opened_at }) => ({
        ...{ kind, detail, at: opened_at },
        what: id.slice(`${kind}:${subject}:`.length),
      })),
    });
  }
  return records;
}

const lifecycleModel = (state: object): LifecycleModel =>
  "trade_id" in state ? "trades" : "destination_address" in state ? "withdrawals" : "deposits";

export const withdrawalsOf = (facts: readonly LifecycleFact[]) =>
  recordsOf<"withdrawals">(WITHDRAWALS, facts);
export const depositsOf = (facts: readonly LifecycleFact[]) =>
  recordsOf<"deposits">(DEPOSITS, facts);
export const tradesOf = (facts: readonly LifecycleFact[]) => recordsOf<"trades">(TRADES, facts);

/** A short form of a history: `stage<word>`, with `·` before an entry that did not change the stage. */
export function brief(history: readonly Entry[]): string[] {
  return history.map(
    ({ stage, provider_status, moves }) => `${moves ? "" : "·"}${stage ?? "-"}<${provider_status}>`,
  );
}
