import { createServer, type Server, type Socket } from "node:net";
import { TopicsUnavailable } from "@counterfoil/processing/ports/topics";
import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { createKafkaTopics } from "./topics.ts";

const logger = pino({ level: "silent" });

async function listen(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `127.0.0.1:${port}`, close };
}

describe("a server that is not a broker", () => {
  test.each<[string, ((socket: Socket) => void) | null, string]>([
    ["nobody listens", null, "ECONNREFUSED"],
    ["it takes connections and never answers", () => {}, "within 8 s"],
    ["it speaks another protocol", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), ""],
  ])("is refused within seconds, with its address: %s", async (_, onConnection, problem) => {
    const server = await listen(onConnection ?? (() => {}));
    if (onConnection === null) await server.close();
    const topics = createKafkaTopics({
      brokers: [server.address],
      prefix: "books",
      sasl: { mechanism: "plain", username: "someone", password: "a secret" },
      logger,
    });
    const error: unknown = await topics.prepare().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TopicsUnavailable);
    expect(String(error)).toContain(server.address);
    expect(String(error)).toContain(problem);
    expect(String(error)).not.toContain("secret");
    if (onConnection !== null) await server.close();
  });
});
