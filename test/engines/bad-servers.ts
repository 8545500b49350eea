import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export type BadServer = Readonly<{ port: number; close: () => Promise<void> }>;

/** Another service's port: a web server. */
export function startWebServer(): Promise<BadServer> {
  return listen(createHttpServer((_request, response) => response.end("welcome")));
}

/** It accepts whoever comes, and never says a word. */
export function startSilentServer(): Promise<BadServer> {
  return listen(createServer());
}

async function listen(server: Server): Promise<BadServer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, close };
}
