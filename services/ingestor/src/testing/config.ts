import { type Config, configSchema } from "@counterfoil/contracts/config";
import { SECRET } from "./signed-webhook.ts";

/** A configuration from environment variables, with a Zero Hash secret unless told otherwise. */
export function configOf(environment: Readonly<Record<string, string>> = {}): Config {
  return configSchema.parse({
    COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: SECRET,
    COUNTERFOIL_WEBHOOK_HOST: "127.0.0.1",
    COUNTERFOIL_WEBHOOK_PORT: "0",
    ...environment,
  });
}
