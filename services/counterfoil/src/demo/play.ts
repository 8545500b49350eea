import { randomBytes } from "node:crypto";
import type { EventRecord } from "@counterfoil/contracts/record";
import { createFeedServer, type FeedServer } from "@counterfoil/simulator/feed-server";
import {
  type PlayResult,
  playDeliveries,
  SCENARIO_FEED,
  scenarioDeliveries,
} from "@counterfoil/simulator/play-deliveries";
import { SCENARIOS } from "@counterfoil/simulator/scenarios/registry";
import type { Scenario } from "@counterfoil/simulator/scenarios/scenario";
import {
  createLayer1Keys,
  createZeroHashKeys,
  layer1PublicKeyBase64,
} from "@counterfoil/simulator/webhook-sender";
import { type Api, until } from "./service.ts";
import { dim, printChecked, printHeading } from "./show.ts";

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

/**
 * In this order. The generic examples of the feed's page contradict its use cases (one account id
 * under two assets, another balance after one run), so they belong into a ledger of their own.
 */
const FLOWS = [
  "balances-feed-use-cases",
  "layer1-deposit",
  "trade-status",
  "deposit-status",
  "fund-transaction",
  "payment-crypto",
  "payment-bank",
  "layer1-withdrawal",
] as const;

type FlowsDeps = Readonly<{ standIn: StandIn; api: Api; address: string }>;

/** @throws where a webhook was refused */
export async function playFlows({ standIn, api, address }: FlowsDeps): Promise<void> {
  printHeading("Playing what the providers document", "signed HTTP, and a real socket");
  const scenarios = FLOWS.flatMap((name) => SCENARIOS.get(name) ?? []);
  const width = Math.max(...scenarios.map(({ title }) => title.length));
  for (const scenario of scenarios) {
    const result = await standIn.play(scenario, address);
    if (result.refused > 0) throw new Error(`${scenario.name}: ${JSON.stringify(result.statuses)}`);
    if (result.frames > 0) await untilRecorded(api, result.frames);
    printChecked(true, `${scenario.title.padEnd(width)}  ${dim(describe(scenario, result))}`);
  }
}

/**
 * Nobody acknowledges a frame: it has arrived once it is on the stream. That the snapshot was
 * complete follows after a silence; digests that are to be compared must not have it in between.
 */
async function untilRecorded(api: Api, frames: number): Promise<void> {
  const eventsOf = (types: string) =>
    api.get<readonly EventRecord[]>("/v1/events", { types, limit: 100 });
  await until(
    "the feed's frames on the stream",
    () => eventsOf("DeliveryReceived"),
    (deliveries) => deliveries.filter(isFrame).length >= frames,
  );
  await until(
    "the end of the feed's snapshot on the stream",
    () => eventsOf("SnapshotCompleted"),
    (completions) => completions.length > 0,
  );
}

const isFrame = ({ data }: EventRecord) => data.channel === "feed";

function describe({ steps }: Scenario, { acknowledged, frames }: PlayResult): string {
  if (frames > 0) return `${frames} frames`;
  const scheme = steps[0]?.kind === "layer1-webhook" ? "ECDSA" : "HMAC";
  return `${acknowledged} webhook${acknowledged === 1 ? "" : "s"}, ${scheme}`;
}
