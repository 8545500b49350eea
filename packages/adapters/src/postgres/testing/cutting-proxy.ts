import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/**
 * A proxy to the server that cuts a connection on demand: before the server receives a given text, or
 * after the server has answered and before the client receives the answer.
 */
export type CuttingProxy = Readonly<{
  url: string;
  /** Cuts the next connection that sends `word`, and runs `meanwhile` before others may connect. */
  cut(when: "unheard" | "unanswered", word: string, meanwhile?: () => Promise<void>): void;
  /** Rejects connections from the next cut on. */
  closeAfterCut(): void;
  open(): void;
  dispose(): Promise<void>;
}>;

type Cut = Readonly<{
  when: "unheard" | "unanswered";
  word: string;
  meanwhile: () => Promise<void>;
}>;

export async function startCuttingProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url);
  const ours = new URL(url);
  const sockets = new Set<Socket>();
  let cut: Cut | null = null;
  let isOpen = true;
  let isClosing = false;
  let busy: Promise<void> = Promise.resolve();

  async function join(client: Socket): Promise<void> {
    await busy;
    if (!isOpen) return void client.destroy();
    const server = connect(Number(target.port || "5432"), target.hostname);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        client.destroy();
        server.destroy();
      });
    }
    relay(client, server);
  }

  function relay(client: Socket, server: Socket): void {
    let isCutting: Cut | null = null;
    client.on("data", (bytes) => {
      if (cut !== null && bytes.includes(cut.word)) {
        isCutting = cut;
        cut = null;
        if (isClosing) isOpen = false;
        if (isCutting.when === "unheard") return finish(isCutting);
      }
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (isCutting === null) client.write(bytes);
      // The last message of the answer: the transaction has ended ("Z", length 5, "I" for idle).
      else if (bytes.subarray(-6).equals(IDLE)) finish(isCutting);
    });

    function finish({ meanwhile }: Cut): void {
      busy = meanwhile();
      client.destroy();
    }
  }

  const listener = createServer((client) => void join(client)).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  ours.port = String(typeof address === "object" ? address?.port : 0);
  return {
    url: ours.href,
    cut: (when, word, meanwhile = async () => undefined) => {
      cut = { when, word, meanwhile };
    },
    closeAfterCut: () => {
      isClosing = true;
    },
    open: () => {
      isOpen = true;
      isClosing = false;
    },
    dispose: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

const IDLE = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
