import { parseArgs } from "node:util";
import { findPostgres } from "@counterfoil/adapters/postgres/testing/throw-away-server";
import { benchAcknowledge } from "./acknowledge.ts";
import { benchAppend } from "./append.ts";
import type { BenchOptions, BenchRow } from "./measure.ts";
import { benchPostgresAppend } from "./postgres-append.ts";
import { benchPostgresRebuild } from "./postgres-rebuild.ts";
import { benchRebuild } from "./rebuild.ts";
import { printRows } from "./table.ts";

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchRow>>> = {
  acknowledge: benchAcknowledge,
  append: benchAppend,
  rebuild: benchRebuild,
  "postgres-append": benchPostgresAppend,
  "postgres-rebuild": benchPostgresRebuild,
};

/** Without a server to start, its rows are left out unless they are asked for. */
const possible = Object.keys(BENCHES).filter(
  (name) => !name.startsWith("postgres-") || findPostgres() !== null,
);

const { values } = parseArgs({
  options: {
    facts: { type: "string", default: "150000" },
    accounts: { type: "string", default: "10000" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: possible.join(",") },
    json: { type: "boolean", default: false },
  },
});

const options = {
  facts: Number(values.facts),
  accounts: Number(values.accounts),
  rounds: Number(values.rounds),
};
const rows: BenchRow[] = [];
for (const name of values.only.split(",")) {
  const bench = BENCHES[name];
  if (bench === undefined) {
    console.error(`no bench ${name}; there are: ${Object.keys(BENCHES).join(", ")}`);
    process.exit(2);
  }
  if (!values.json) console.error(`… ${name}`);
  rows.push(await bench(options));
}
if (values.json) console.log(JSON.stringify({ options, rows }, null, 2));
else printRows(rows);
