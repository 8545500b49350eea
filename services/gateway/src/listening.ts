import type { AddressInfo } from "node:net";
import { isLoopback } from "@counterfoil/adapters/node/loopback";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/error-code";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { FastifyInstance } from "fastify";

type Address = Pick<
  Config,
  "COUNTERFOIL_HTTP_HOST" | "COUNTERFOIL_HTTP_PORT" | "COUNTERFOIL_ALLOW_UNAUTHENTICATED"
>;

/**
 * Whoever reaches the reading routes reads every customer's money.
 *
 * @throws StartupError configuration_invalid
 */
export function assertReadableHere(config: Address): void {
  const { COUNTERFOIL_HTTP_HOST: host } = config;
  if (config.COUNTERFOIL_ALLOW_UNAUTHENTICATED || isLoopback(host)) return;
  throw new StartupError(
    "configuration_invalid",
    `COUNTERFOIL_HTTP_HOST is ${host}, and the reading routes ask nobody who they are: listen on 127.0.0.1, or set COUNTERFOIL_ALLOW_UNAUTHENTICATED=true where something else keeps strangers out`,
  );
}

/**
 * Binds the address and answers it as a URL.
 *
 * @throws StartupError port_in_use, configuration_invalid
 */
export async function listen(app: FastifyInstance, config: Address): Promise<string> {
  const { COUNTERFOIL_HTTP_HOST: host, COUNTERFOIL_HTTP_PORT: port } = config;
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenError(error, `${host}:${port}`);
  }
  const bound = app.server.address() as AddressInfo;
  const printed = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return `http://${printed}:${bound.port}`;
}

function listenError(error: unknown, address: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    const advice = "stop what listens there or set COUNTERFOIL_HTTP_PORT";
    return new StartupError("port_in_use", `${address} is taken: ${advice}`);
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EACCES") {
    const advice = "see COUNTERFOIL_HTTP_HOST, COUNTERFOIL_HTTP_PORT";
    return new StartupError(
      "configuration_invalid",
      `cannot listen on ${address} (${code}): ${advice}`,
    );
  }
  return error;
}

/** How long a stop waits for requests under way; a client that is cut off asks again. */
const STOP_GRACE_MS = 5_000;

/** Takes nothing new and resolves when everything under way is answered, or cut. */
export async function close(app: FastifyInstance, clock: Clock): Promise<void> {
  const closed = new AbortController();
  // A server that is closing no longer times out requests, so a stalled one would block it for ever.
  const cutting = clock.sleep(STOP_GRACE_MS, closed.signal);
  void cutting.then(() => app.server.closeAllConnections());
  await app.close();
  closed.abort();
}

/** A kept connection whose last request ends after the stop began would delay it until it idles out. */
export function closeConnectionsWhileStopping(app: FastifyInstance): void {
  app.addHook("onResponse", async () => {
    if (!app.server.listening) setImmediate(() => app.server.closeIdleConnections());
  });
}
