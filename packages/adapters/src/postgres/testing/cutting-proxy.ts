import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/**
 * A way to the server that is cut on demand, at a known byte of what is said: before the server
 * hears a word, or after it has answered it and nobody hears the answer.
 */
export type CuttingProxy = Readonly<{
  url: string;
  /** Cuts the next connection over which `word` is sent, and calls `meanwhile` before others may connect. */
  cut(when: "unheard" | "unanswered", word: string, meanwhile?: () => Promise<void>): void;
  /** Lets nobody through, from the next cut on. */
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
      // Its last answer says that the transaction is over ("Z", length 5, "I" for idle).
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
