import { createRequire } from "node:module";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { PostgresEventStore } from "@event-driven-io/emmett-postgresql";
import { Decimal } from "decimal.js";

/**
 * Its ESM build asks `uuid` for a function that the version it resolves to here does not have; the
 * CommonJS build is the same code, and only wants its ids given.
 */
const { getPostgreSQLEventStore, pongoMultiStreamProjection, rebuildPostgreSQLProjections } =
  createRequire(import.meta.url)(
    "@event-driven-io/emmett-postgresql",
  ) as typeof import("@event-driven-io/emmett-postgresql");

/** How its consumer is told to read. */
export type Pulling = Readonly<{ batchSize: number; pullingFrequencyInMs: number }>;

type Fact = Readonly<{ type: string; data: Record<string, string> }>;

const PAGE = 1000;

/** Lays out its tables in a database, and appends the same events to one stream of it. */
export async function fillEmmett(url: string, events: readonly RecordedEvent[]): Promise<void> {
  const store = getPostgreSQLEventStore(url);
  try {
    for (let at = 0; at < events.length; at += PAGE) {
      await appendTo(store, "ledger", events.slice(at, at + PAGE).map(factOf));
    }
  } finally {
    await store.close();
  }
}

const factOf = ({ type, data }: RecordedEvent): Fact => ({ type, data: JSON.parse(data) });

async function appendTo(store: PostgresEventStore, stream: string, facts: readonly Fact[]) {
  await store.appendToStream<Fact & { type: string }>(stream, [...facts]);
}

/** A document an account: the balance that was stated last, and the sum of all changes. */
type BalanceDocument = { balance: string; moved: string; reports: number };

const balances = pongoMultiStreamProjection<BalanceDocument, Fact>({
  collectionName: "balances",
  canHandle: ["MovementRecorded", "BalanceReported"],
  getDocumentId: ({ data }) => String(data.account),
  initialState: () => ({ balance: "0", moved: "0", reports: 0 }),
  evolve: (document, { type, data }) => {
    if (type === "MovementRecorded") {
      const moved = new Decimal(document.moved).plus(String(data.change)).toFixed();
      return { ...document, moved };
    }
    return { ...document, balance: String(data.balance), reports: document.reports + 1 };
  },
});

/** Its own rebuild of the balances: as it comes, or with larger pages and without pauses. */
export async function rebuildEmmett(url: string, pulling?: Pulling): Promise<void> {
  const consumer = rebuildPostgreSQLProjections({
    connectionString: url,
    consumerId: "bench",
    projections: [
      { projection: balances, processorId: "bench", processorInstanceId: "bench" } as never,
    ],
    ...(pulling === undefined ? {} : { pulling }),
  });
  try {
    await consumer.start();
  } finally {
    await consumer.close();
  }
}
