import { openModelCatalogue } from "@counterfoil/adapters/postgres/model-catalogue";
import { balancesProjection } from "@counterfoil/processing/models/balances/projection";
import { type BareRow, createBareFold, ENTRY_COLUMNS } from "./bare-entries.ts";
import { alternate, type BenchOptions, type BenchRow, rate } from "./measure.ts";
import { type Driver, inDatabase, openBenchStream } from "./postgres-server.ts";
import { fillStream, rebuildIn } from "./rebuild.ts";

const PAGE = 10_000;
/** The number of rows that fit into one statement's parameters: with more the driver never returns. */
const ROWS_OF_INSERT = Math.floor(65_535 / ENTRY_COLUMNS.length);

/** Like `benchRebuild`, on a PostgreSQL server. */
export async function benchPostgresRebuild(options: BenchOptions): Promise<BenchRow> {
  const { facts, accounts, rounds } = options;
  return inDatabase(async ({ url, driver }) => {
    const stream = await openBenchStream(url);
    const deliveries = Math.ceil(facts / 3);
    await fillStream(stream, deliveries, accounts);
    await driver.query("VACUUM ANALYZE");
    const catalogue = openModelCatalogue({ url, ledger: "default" });
    const ours = () => rebuildIn(catalogue, stream, deliveries * 3);
    const limit = () => bareRebuild(url, driver, deliveries * 3);
    const measured = await alternate(rounds, ours, limit);
    await catalogue.close();
    await stream.close();
    return {
      name: "balance rebuild, PostgreSQL",
      unit: "facts/s",
      limitName:
        "bare scan + JSON.parse + decimal.js fold + multi-row insert of the same entry rows",
      target: 0.6,
      ...measured,
    };
  });
}

/** Writes into tables that the catalogue creates, so that both write the same indexes. */
async function bareRebuild(url: string, driver: Driver, facts: number): Promise<number> {
  const catalogue = openModelCatalogue({ url, ledger: "default" });
  const { model, tables, version: modelVersion } = balancesProjection;
  const generation = (await catalogue.create(model, { tables, modelVersion })) ?? 0;
  const entries = `counterfoil__${model}.entries_${generation}`;
  const figure = await rate(facts, () => foldBare(driver, entries));
  await catalogue.drop(model, generation);
  await catalogue.close();
  return figure;
}

async function foldBare(driver: Driver, entries: string): Promise<void> {
  const fold = createBareFold();
  const rows: BareRow[] = [];
  for (let after = 0; ; after += PAGE) {
    const { rows: events } = await driver.query(
      "SELECT position, type, data FROM counterfoil.events WHERE position > $1 AND position <= $2 ORDER BY position",
      [after, after + PAGE],
    );
    for (const event of events) {
      const row = fold(event);
      if (row !== null) rows.push(row);
    }
    if (events.length === 0 || rows.length >= ROWS_OF_INSERT)
      await insertRows(driver, entries, rows);
    if (events.length === 0) return;
  }
}

/** One transaction for each page of the stream. */
async function insertRows(driver: Driver, entries: string, rows: BareRow[]): Promise<void> {
  await driver.query("BEGIN");
  while (rows.length > 0) {
    const some = rows.splice(0, ROWS_OF_INSERT);
    let place = 0;
    const marks = some.map((row) => `(${row.map(() => `$${++place}`).join(",")})`).join(",");
    const text = `INSERT INTO ${entries} (${ENTRY_COLUMNS.join(",")}) VALUES ${marks}`;
    await driver.query(text, some.flat());
  }
  await driver.query("COMMIT");
}
