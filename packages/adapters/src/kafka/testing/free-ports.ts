import { createServer } from "node:net";

/** A port on loopback that is free together with those above it, so many in all. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await listenOnce(0);
    if (first !== null && (await areFree(first + 1, first + count - 1))) return first;
  }
}

async function areFree(from: number, to: number): Promise<boolean> {
  for (let port = from; port <= to; port += 1) {
    if ((await listenOnce(port)) === null) return false;
  }
  return true;
}

/** @returns the port that could be listened on; null where it is taken, or there is none such. */
function listenOnce(port: number): Promise<number | null> {
  if (port > 65_535) return Promise.resolve(null);
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : null));
    });
  });
}
