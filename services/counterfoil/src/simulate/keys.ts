import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  createLayer1Keys,
  createZeroHashKeys,
  type Layer1Keys,
  layer1PublicKeyBase64,
  type ZeroHashKeys,
} from "@counterfoil/simulator/webhook-signatures";
import { WrongUsage } from "../wrong-usage.ts";

/** What the stand-in signs with; without a provider's keys its webhooks go out unsigned. */
export type StandInKeys = Readonly<{ zeroHashKeys?: ZeroHashKeys; layer1Keys?: Layer1Keys }>;

type KeysFile = Readonly<{ zerohash_secret: string; layer1_private_key: string }>;

/**
 * Makes throw-away keys and keeps them in a file that only its owner reads.
 *
 * @returns the variables that the service has to be started with
 * @throws where the file is there already
 */
export function createKeysFile(file: string): Readonly<Record<string, string>> {
  if (existsSync(file)) throw new WrongUsage(`${file} is there already: name another, or use it`);
  const { secret } = createZeroHashKeys();
  const layer1 = createLayer1Keys();
  const pem = layer1.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const content: KeysFile = { zerohash_secret: secret, layer1_private_key: pem };
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  return {
    COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: secret,
    COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: layer1PublicKeyBase64(layer1),
  };
}

/** From the file, else the secret that the service itself would be started with. */
export function readKeys(file: string | undefined, env: NodeJS.ProcessEnv): StandInKeys {
  if (file === undefined) {
    const [secret] = (env.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET ?? "").split(",");
    return secret ? { zeroHashKeys: { secret: secret.trim() } } : {};
  }
  const content = JSON.parse(readFileSync(file, "utf8")) as KeysFile;
  return {
    zeroHashKeys: { secret: content.zerohash_secret },
    layer1Keys: createLayer1Keys({ privateKeyPem: content.layer1_private_key }),
  };
}
