import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

const HALF_BODY = Buffer.alloc(200_000, "x");
const POST = "POST /webhooks/zerohash HTTP/1.1\r\nhost: localhost\r\n";
const READ = "GET /v1/events?limit=1000 HTTP/1.1\r\nhost: localhost\r\n\r\n";

/** Clients that send by halves, say nothing, or never read what they asked for. */
const CLIENTS: readonly ((socket: Socket) => void)[] = [
  () => {},
  (socket) => socket.write(POST),
  (socket) => socket.write(`${POST}content-length: 250000\r\n\r\n`) && socket.write(HALF_BODY),
  (socket) => socket.write(`${POST}transfer-encoding: chunked\r\n\r\nffff\r\n`),
  (socket) => socket.pause().write(READ.repeat(50)),
  (socket) => socket.write("\u0000\u0001 no HTTP at all\r\n\r\n"),
];

const OPEN_MAX = 48;
const TURN_MS = 200;

/** Keeps such sockets open, old ones making room for new ones, until the signal aborts. */
export async function keepHostileSockets(
  address: () => string | null,
  signal: AbortSignal,
): Promise<void> {
  const open: Socket[] = [];
  for (let turn = 0; !signal.aborted; turn += 1) {
    const url = address();
    if (url !== null) open.push(openSocket(url, CLIENTS[turn % CLIENTS.length] as Client));
    if (open.length > OPEN_MAX) open.shift()?.destroy();
    await wait(TURN_MS);
  }
  for (const socket of open) socket.destroy();
}

type Client = (typeof CLIENTS)[number];

function openSocket(url: string, behave: Client): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {}).resume();
  behave(socket);
  return socket;
}
