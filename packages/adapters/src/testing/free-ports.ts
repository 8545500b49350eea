import { createServer } from "node:net";

/**
 * Below the ports that the kernel gives to outgoing connections: one of those may be taken again
 * between the moment it was found free and the moment a server listens on it.
 */
const FROM = 12_000;
const BEYOND = 32_000;

/** A port on loopback where nobody listens, and as many above it as complete the count. */
export async function freePorts(count = 1): Promise<number> {
  for (;;) {
    const first = FROM + Math.floor(Math.random() * (BEYOND - FROM - count));
    const ports = Array.from({ length: count }, (_, offset) => first + offset);
    const areFree = await Promise.all(ports.map(isFree));
    if (areFree.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
