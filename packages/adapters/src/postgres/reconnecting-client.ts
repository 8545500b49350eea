import type { Client } from "pg";
import { type ClientOptions, closeClient, openClient } from "./client.ts";
import { isConnectionLost, portError, type Use } from "./engine-error.ts";
import type { Server } from "./server.ts";

/** A connection that outlives the troubles of its server. */
export type ReconnectingClient = Readonly<{
  /**
   * Runs `work` on the connection, opened anew where the last one was lost. Errors are the port's;
   * nothing is tried again.
   */
  use<T>(work: (client: Client) => Promise<T>): Promise<T>;
  close(): void;
}>;

export type ReconnectingOptions = Readonly<{
  server: Server;
  use: Use;
  client: ClientOptions;
}>;

type Connection = { readonly opened: Promise<Client>; client: Client | null };

export function createReconnectingClient(options: ReconnectingOptions): ReconnectingClient {
  const { server, use } = options;
  let current: Connection | null = null;
  let closed = false;

  /** Callers that come while it is being opened wait for the same one. */
  function connection(): Promise<Client> {
    if (closed) throw new Error(`the ${use.name} in ${server.name} was closed by this process`);
    if (current === null) {
      const opened = openClient(server, options.client);
      const made: Connection = { opened, client: null };
      current = made;
      made.opened.then(
        (client) => {
          made.client = client;
          client.on("error", () => drop(client));
          client.on("end", () => drop(client));
        },
        () => {
          if (current === made) current = null;
        },
      );
    }
    return current.opened;
  }

  function drop(client: Client): void {
    if (current?.client === client) current = null;
    closeClient(client);
  }

  return {
    use: async (work) => {
      let client: Client | null = null;
      try {
        client = await connection();
        return await work(client);
      } catch (error) {
        if (client !== null && isConnectionLost(error)) drop(client);
        throw portError(error, use, server);
      }
    },
    close: () => {
      closed = true;
      current?.opened.then(closeClient, () => undefined);
      current = null;
    },
  };
}
