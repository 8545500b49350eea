import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** The network in front of a server: a loopback port that can be cut, frozen and taken down. */
export type Network = Readonly<{
  port: number;
  /** Ends every connection, as the death of the server would. New ones work. */
  cut(): void;
  /** No data is forwarded in either direction, without an error. Connections are still accepted. */
  freeze(): void;
  thaw(): void;
  /** Nothing listens until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}>;

type Pair = Readonly<{ client: Socket; server: Socket }>;

export async function createNetwork(targetPort: number): Promise<Network> {
  const pairs = new Set<Pair>();
  let isFrozen = false;
  let listener: Server | null = null;

  function accept(client: Socket): void {
    const server = connect(targetPort, "127.0.0.1");
    const pair = { client, server };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server])
      socket.setNoDelay(true).on("error", end).on("close", end);
    client.on("data", (bytes) => server.write(bytes));
    server.on("data", (bytes) => client.write(bytes));
    if (isFrozen) hold(pair);
  }

  async function listen(port: number): Promise<number> {
    listener = createServer(accept).listen(port, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  const hold = ({ client, server }: Pair) => {
    client.pause();
    server.pause();
  };
  const cut = () => {
    for (const { client, server } of [...pairs]) {
      client.resetAndDestroy();
      server.destroy();
    }
  };
  const down = async () => {
    cut();
    const closing = listener;
    listener = null;
    if (closing !== null) await new Promise((resolve) => closing.close(resolve));
  };

  const port = await listen(0);
  return {
    port,
    cut,
    freeze: () => {
      isFrozen = true;
      for (const pair of pairs) hold(pair);
    },
    thaw: () => {
      isFrozen = false;
      for (const { client, server } of pairs) {
        client.resume();
        server.resume();
      }
    },
    down,
    up: async () => void (await listen(port)),
    close: down,
  };
}
