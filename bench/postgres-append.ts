import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { appendAll } from "./append.ts";
import { benchDeliveries } from "./ledger.ts";
import { alternate, type BenchOptions, type BenchRow, rate } from "./measure.ts";
import { type Driver, inDatabase, openBenchStream } from "./postgres-server.ts";

const BATCH = 1000;
const COLUMNS =
  "position, id, type, schema_version, subject, occurred_at, recorded_at, causation_id, correlation_id, hash, about, data";

/** Like `benchAppend`, on a PostgreSQL server; the limit is one multi-row insert per batch. */
export async function benchPostgresAppend(options: BenchOptions): Promise<BenchRow> {
  const { facts, accounts, rounds } = options;
  const ready = [...benchDeliveries(Math.ceil(facts / 3), accounts)].flatMap((d) => d.facts);
  return inDatabase(async ({ url, driver }) => {
    const written = await appended(url, ready);
    const emptied = async (work: () => Promise<void>) => {
      await driver.query("TRUNCATE counterfoil.events");
      return rate(ready.length, work);
    };
    const stream = await openBenchStream(url);
    const ours = () => emptied(() => appendAll(stream, ready));
    const limit = () => emptied(() => insertBare(driver, written));
    const measured = await alternate(rounds, ours, limit);
    await stream.close();
    return {
      name: "facts appended/s, PostgreSQL",
      unit: "facts/s",
      limitName: "bare multi-row insert of the same rows",
      target: 0.5,
      ...measured,
    };
  });
}

async function appended(
  url: string,
  ready: readonly ProviderFact[],
): Promise<readonly RecordedEvent[]> {
  const stream = await openBenchStream(url);
  await appendAll(stream, ready);
  const written = await stream.read({ after: 0, limit: ready.length });
  await stream.close();
  return written;
}

async function insertBare(driver: Driver, events: readonly RecordedEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += BATCH) {
    const rows = events.slice(at, at + BATCH).map((e) => {
      const times = [e.occurred_at, e.recorded_at];
      const ids = [e.causation_id, e.correlation_id, e.hash, null];
      return [e.position, e.id, e.type, e.schema_version, e.subject, ...times, ...ids, e.data];
    });
    let place = 0;
    const marks = rows.map((row) => `(${row.map(() => `$${++place}`).join(",")})`).join(",");
    await driver.query(`INSERT INTO counterfoil.events (${COLUMNS}) VALUES ${marks}`, rows.flat());
  }
}
