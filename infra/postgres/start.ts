/**
 * Starts a throw-away PostgreSQL on a free loopback port, without Docker, and prints its URL. It ends,
 * and its files are removed, with Ctrl-C or with the process that started it.
 *
 *     node infra/postgres/start.ts
 *     export COUNTERFOIL_POSTGRES_URL=…      # what it printed
 */
import { once } from "node:events";
import {
  findPostgres,
  startThrowAwayServer,
} from "../../packages/adapters/src/postgres/testing/throw-away-server.ts";

const binDir = findPostgres();
if (binDir === null) {
  console.error("no initdb on PATH nor in /usr/lib/postgresql: install PostgreSQL 15 or newer");
  process.exit(1);
}
const server = await startThrowAwayServer(binDir);
console.log(server.url);
await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
await server.dispose();
