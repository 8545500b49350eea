import type { FeedServer } from "@counterfoil/simulator/feed-server";
import type { PlayTarget } from "@counterfoil/simulator/play-deliveries";
import { createLayer1Keys, layer1PublicKeyBase64 } from "@counterfoil/simulator/webhook-sender";
import type { Environment } from "./counterfoil.ts";

const SECRET = "an e2e secret";
const LAYER1 = createLayer1Keys();

/** What the providers sign with in these tests. */
export const KEYS = {
  zeroHashKeys: { secret: SECRET },
  layer1Keys: LAYER1,
} satisfies Partial<PlayTarget>;

/** A ledger's configuration, on free ports and with the providers' keys. */
export function configOf(dataDir: string): Environment {
  return {
    COUNTERFOIL_DATA_DIR: dataDir,
    COUNTERFOIL_HTTP_PORT: "0",
    COUNTERFOIL_DRAIN_FOR: "0s",
    COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: SECRET,
    COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: layer1PublicKeyBase64(LAYER1),
  };
}

export function feedConfigOf({ url }: Pick<FeedServer, "url">): Environment {
  return {
    COUNTERFOIL_ZEROHASH_FEED_URL: url,
    COUNTERFOIL_ZEROHASH_FEED_KEY: "key",
    COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: "passphrase",
    COUNTERFOIL_ZEROHASH_FEED_SECRET: "c2VjcmV0",
  };
}
