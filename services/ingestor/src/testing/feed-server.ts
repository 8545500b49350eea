import type { AddressInfo, Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { createWatchedList, type WatchedList } from "./watched-list.ts";

type ServedConnection = Readonly<{
  socket: WebSocket;
  /** The socket underneath, to send a frame in parts. */
  tcp: Socket;
  received: WatchedList<Readonly<Record<string, unknown>>>;
}>;

export type FeedServer = Readonly<{
  url: string;
  connections: WatchedList<ServedConnection>;
  stop: () => Promise<void>;
}>;

/** A WebSocket server on a loopback port that does nothing but listen. */
export async function startFeedServer(): Promise<FeedServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const connections = createWatchedList<ServedConnection>();
  server.on("connection", (socket, request) => {
    const received = createWatchedList<Readonly<Record<string, unknown>>>();
    socket.on("message", (data) => received.add(JSON.parse(data.toString())));
    connections.add({ socket, tcp: request.socket, received });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/feed`,
    connections,
    async stop() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
