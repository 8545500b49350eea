/**
 * Starts a temporary PostgreSQL on a free loopback port, without Docker, and prints its URL. Ctrl-C or
 * the end of its parent process stops it and removes its files.
 *
 *     node infra/postgres/start.ts
 *     export COUNTERFOIL_POSTGRES_URL=…      # the printed URL
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
