import type { AddressInfo } from "node:net";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import type { Random } from "@counterfoil/simulator/random";
import { type WebSocket, WebSocketServer } from "ws";
import { mutated } from "./mutations.ts";

/** What documented flows send over the feed. */
const FRAMES = [...SCENARIOS.values()].flatMap(({ steps }) =>
  steps.flatMap((step) => ("text" in step ? [step.text] : [])),
);

const OTHER_THINGS: readonly ((socket: WebSocket, random: Random) => void)[] = [
  (socket, random) => socket.send(mutated(random.pick(FRAMES), random)),
  (socket, random) => socket.send(Buffer.from(random.hex(400), "hex")),
  (socket) => socket.send(""),
  (socket, random) => socket.send(`{"messageType":"${random.hex(8)}","body":{}}`),
  (socket) => socket.send(`{"messageType":"initial-balance","body":null}`),
  (socket, random) => socket.send(`"${"x".repeat(random.between(1_000, 2_000_000))}"`),
  (socket) => socket.ping(),
];

const ENDS: readonly ((socket: WebSocket, random: Random) => void)[] = [
  (socket) => socket.terminate(),
  (socket, random) => socket.close(random.pick([1000, 1001, 1008, 1011, 4000]), "no more"),
  // Says nothing any more, and closes nothing either.
  (socket) => socket.pause(),
];

type HostileFeed = Readonly<{ url: string; sent: () => number; stop: () => Promise<void> }>;

/** A feed that says what it should and much that it should not, and ends as it pleases. */
export async function startHostileFeed(random: Random): Promise<HostileFeed> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  let sent = 0;

  function say(socket: WebSocket): void {
    if (socket.readyState !== socket.OPEN) return;
    sent += 1;
    if (random.chance(0.005)) random.pick(ENDS)(socket, random);
    else if (random.chance(0.7)) socket.send(random.pick(FRAMES));
    else random.pick(OTHER_THINGS)(socket, random);
  }

  server.on("connection", (socket) => {
    const timer = setInterval(() => say(socket), 50);
    socket.on("message", (data) => {
      if (String(data).includes('"ping"') && random.chance(0.9)) {
        socket.send('{"messageType":"pong"}');
      }
    });
    socket.on("error", () => {}).on("close", () => clearInterval(timer));
  });
  await new Promise<void>((resolve) => server.once("listening", () => resolve()));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: () => sent,
    async stop() {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
