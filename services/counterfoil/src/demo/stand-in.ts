import { randomBytes } from "node:crypto";
import { createFeedServer, type FeedServer } from "@counterfoil/simulator/feed-server";
import { SCENARIO_FEED, scenarioDeliveries } from "@counterfoil/simulator/play/outgoing";
import { type PlayResult, playDeliveries } from "@counterfoil/simulator/play/play-deliveries";
import type { Scenario } from "@counterfoil/simulator/scenarios/scenario";
import {
  createLayer1Keys,
  createZeroHashKeys,
  layer1PublicKeyBase64,
} from "@counterfoil/simulator/webhook-signatures";

/** Both providers, on this computer, with keys that are thrown away. */
export type StandIn = Readonly<{
  /** What the service has to be started with. */
  config: Readonly<Record<string, string>>;
  play: (scenario: Scenario, baseUrl: string) => Promise<PlayResult>;
  stop: () => Promise<void>;
}>;

export async function startStandIn(): Promise<StandIn> {
  const feed = await createFeedServer();
  const { secret } = createZeroHashKeys();
  const layer1Keys = createLayer1Keys();
  return {
    config: {
      COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: secret,
      COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: layer1PublicKeyBase64(layer1Keys),
      ...feedConfig(feed),
    },
    play: (scenario, baseUrl) =>
      playDeliveries(
        scenarioDeliveries(scenario),
        {
          baseUrls: [baseUrl],
          zeroHashKeys: { secret },
          layer1Keys,
          feedServers: new Map([[SCENARIO_FEED, feed]]),
        },
        // One at a time keeps the provider's order, and the new scheme is the one to show.
        { concurrency: 1, schemes: ["hmac"] },
      ),
    stop: feed.stop,
  };
}

function feedConfig({ url }: FeedServer): Readonly<Record<string, string>> {
  const throwAway = () => randomBytes(24).toString("base64");
  return {
    COUNTERFOIL_ZEROHASH_FEED_URL: url,
    COUNTERFOIL_ZEROHASH_FEED_KEY: throwAway(),
    COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: throwAway(),
    COUNTERFOIL_ZEROHASH_FEED_SECRET: throwAway(),
  };
}
