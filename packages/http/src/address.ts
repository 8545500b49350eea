import { BlockList, isIP } from "node:net";
import type { Config } from "@counterfoil/contracts/config";

/** Where to listen, and the variables that say so, for the errors. */
export type ListenerAddress = Readonly<{
  host: string;
  port: number;
  hostVariable: string;
  portVariable: string;
}>;

/** The address of the service as a whole. */
export function serviceAddress(
  config: Pick<Config, "COUNTERFOIL_HTTP_HOST" | "COUNTERFOIL_HTTP_PORT">,
): ListenerAddress {
  return {
    host: config.COUNTERFOIL_HTTP_HOST,
    port: config.COUNTERFOIL_HTTP_PORT,
    hostVariable: "COUNTERFOIL_HTTP_HOST",
    portVariable: "COUNTERFOIL_HTTP_PORT",
  };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Whether only programs of this computer reach the host; of names only `localhost` is sure to. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 4 ? "ipv4" : "ipv6");
}
