import { connect, type Socket } from "node:net";

/** The response that a server sent until it closed the connection. */
export type RawAnswer = Readonly<{ status: number; head: string; body: string }>;

export function openConnection(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname);
}

/** Reads until the server closes the connection. */
export async function readAnswer(socket: Socket): Promise<RawAnswer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("end", resolve);
  });
  socket.destroy();
  const [head = "", body = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head, body };
}

export function requestHead(url: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`POST ${url} HTTP/1.1`, "host: localhost", ...lines, "", ""].join("\r\n");
}
