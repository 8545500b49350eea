import pg, { type PoolClient } from "pg";
import { type ClientOptions, clientConfig, prepareSession } from "./client.ts";
import { portError, type Use } from "./engine-error.ts";
import type { Server } from "./server.ts";

/** Connections for reads, opened when they are needed; who finds none free waits, but not for long. */
export type Pool = Readonly<{
  /** Runs `work` alone on a connection; errors of the driver are the port's. */
  use<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}>;

export type PoolOptions = Readonly<{
  server: Server;
  use: Use;
  sizeMax: number;
  client: ClientOptions;
}>;

export function createPool({ server, use, sizeMax, client }: PoolOptions): Pool {
  const pool = new pg.Pool({
    ...clientConfig(server, client),
    max: sizeMax,
    onConnect: (connected) => prepareSession(connected, client),
  });
  // An idle connection that is lost is opened again when it is needed.
  pool.on("error", () => undefined);
  let closing: Promise<void> | null = null;
  return {
    use: async (work) => {
      if (closing) throw new Error(`the ${use.name} in ${server.name} was closed by this process`);
      try {
        const connection = await pool.connect();
        // Lost while nothing is asked of it: the next question tells.
        const ignore = () => undefined;
        connection.on("error", ignore);
        let isSound = false;
        try {
          const result = await work(connection);
          isSound = true;
          return result;
        } finally {
          connection.removeListener("error", ignore);
          connection.release(!isSound);
        }
      } catch (error) {
        throw portError(error, use, server);
      }
    },
    close: () => {
      closing ??= pool.end();
      return closing;
    },
  };
}
