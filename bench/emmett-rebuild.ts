import { openModelCatalogue } from "@counterfoil/adapters/postgres/model-catalogue";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { PostgreSQLProjectionDefinition } from "@event-driven-io/emmett-postgresql";
import { type EmmettEvent, emmett } from "./emmett.ts";
import { balanceDocuments, balanceRows } from "./emmett-balances.ts";
import { type BenchOptions, type BenchRow, rate } from "./measure.ts";
import { type Driver, inDatabase, openBenchStream } from "./postgres-server.ts";
import { fillStream, rebuildIn } from "./rebuild.ts";

const NAME = "balance rebuild, PostgreSQL, against emmett's";
/** As many as emmett projects in half a minute; its time is linear. */
const PEER_FACTS_MAX = 3_000;
/** Events per delivery: its own and three facts. */
const EVENTS = 4;
const PAGE = 1000;

type Pulling = Readonly<{ batchSize: number; pullingFrequencyInMs: number }>;

/** Emmett's default settings, and its fastest ones. */
const DEFAULT_PULLING: Pulling = { batchSize: 100, pullingFrequencyInMs: 50 };
const FASTEST_PULLING: Pulling = { batchSize: 10_000, pullingFrequencyInMs: 0 };

/** Our rebuild against `rebuildPostgreSQLProjections` on the first of the same events. */
export async function benchEmmettRebuild(options: BenchOptions): Promise<readonly BenchRow[]> {
  const deliveries = Math.ceil(options.facts / 3);
  const peerDeliveries = Math.min(deliveries, PEER_FACTS_MAX / 3);
  return inDatabase(async ({ url, driver }) => {
    const stream = await openBenchStream(url);
    await fillStream(stream, deliveries, options.accounts);
    await fillEmmett(url, await stream.read({ after: 0, limit: peerDeliveries * EVENTS }));
    await driver.query("VACUUM ANALYZE");
    const catalogue = openModelCatalogue({ url, ledger: "default" });
    const ours = await rebuildIn(catalogue, stream, deliveries * 3);
    await catalogue.close();
    await stream.close();
    const peer = await rebuildBoth(url, peerDeliveries * 3);
    await checkComplete(driver, peerDeliveries);
    const note = `ours with entries, gaps, digests and change rows, of ${deliveries * 3} facts; its balances alone, of the first ${peerDeliveries * 3}`;
    const common = { unit: "facts/s", ours, target: 100, note };
    return [
      {
        ...common,
        name: `${NAME}, as it comes`,
        limit: peer.documents,
        limitName: "its rebuild: Pongo documents, its own page size and pauses",
        ratio: ours / peer.documents,
      },
      {
        ...common,
        name: `${NAME}, at its fastest`,
        limit: peer.rows,
        limitName: "its rebuild: hand-written SQL, pages of 10,000, no pauses",
        ratio: ours / peer.rows,
      },
    ];
  });
}

/** Facts per second of both projections. */
async function rebuildBoth(url: string, facts: number) {
  const documents = await rate(facts, () =>
    rebuild(url, { projection: balanceDocuments, pulling: DEFAULT_PULLING }),
  );
  const rows = await rate(facts, () =>
    rebuild(url, { projection: balanceRows, pulling: FASTEST_PULLING }),
  );
  return { documents, rows };
}

/** Creates emmett's tables and appends the same events to one of its streams. */
async function fillEmmett(url: string, events: readonly RecordedEvent[]): Promise<void> {
  const store = emmett.getPostgreSQLEventStore(url);
  try {
    for (let at = 0; at < events.length; at += PAGE) {
      const page = events.slice(at, at + PAGE).map(({ type, data }) => ({
        type,
        data: JSON.parse(data) as EmmettEvent["data"],
      }));
      await store.appendToStream<EmmettEvent>("ledger", page);
    }
  } finally {
    await store.close();
  }
}

type Rebuild = Readonly<{
  projection: PostgreSQLProjectionDefinition<EmmettEvent>;
  pulling: Pulling;
}>;

async function rebuild(url: string, { projection, pulling }: Rebuild): Promise<void> {
  const id = `bench-${projection.name}`;
  const consumer = emmett.rebuildPostgreSQLProjections<EmmettEvent>({
    connectionString: url,
    consumerId: id,
    projections: [{ projection, processorId: id, processorInstanceId: id } as never],
    pulling,
  });
  try {
    await consumer.start();
  } finally {
    await consumer.close();
  }
}

/** Checks that the rebuild is complete, since otherwise its speed would mean nothing. */
async function checkComplete(driver: Driver, reports: number): Promise<void> {
  const { rows } = await driver.query(
    `SELECT 'documents' AS type, sum((data->>'reports')::int)::text AS data, '0' AS position FROM balance_documents
     UNION ALL SELECT 'rows', sum(reports)::text, '0' FROM balance_rows`,
  );
  const incomplete = rows.filter(({ data }) => Number(data) !== reports);
  if (incomplete.length === 0) return;
  throw new Error(
    `emmett folded ${incomplete.map(({ type, data }) => `${data} (${type})`).join(", ")} of ${reports} reports`,
  );
}
