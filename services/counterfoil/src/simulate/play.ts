import { createFeedServer, type FeedServer } from "@counterfoil/simulator/feed-server";
import type { Outgoing } from "@counterfoil/simulator/play/outgoing";
import {
  type PlayOptions,
  type PlayResult,
  playDeliveries,
} from "@counterfoil/simulator/play/play-deliveries";
import { WrongUsage } from "../wrong-usage.ts";
import type { StandInKeys } from "./keys.ts";

export type Play = Readonly<{
  deliveries: readonly Outgoing[];
  url: string;
  keys: StandInKeys;
  /** Where the Balances Feed is served; without it there is none. */
  feedPort?: number;
  options: PlayOptions;
}>;

/** Long enough to start the service in another window. */
const SUBSCRIPTION_WAIT_MS = 300_000;

/** Plays the provider against a running service. */
export async function play({
  deliveries,
  url,
  keys,
  feedPort,
  options,
}: Play): Promise<PlayResult> {
  const feeds = new Set(deliveries.flatMap((it) => (it.kind === "webhook" ? [] : [it.feed])));
  if (feeds.size > 0 && feedPort === undefined) throw new WrongUsage(FEED_MISSING);
  const target = { baseUrls: [url.replace(/\/+$/, "")], ...keys };
  if (feeds.size === 0) return playDeliveries(deliveries, target, options);
  const feed = await createFeedServer({
    port: feedPort ?? 0,
    waitMsMax: SUBSCRIPTION_WAIT_MS,
  });
  process.stderr.write(`the Balances Feed is served at ${feed.url}\n`);
  try {
    const feedServers = new Map([...feeds].map((name) => [name, feed]));
    return await playDeliveries(deliveries, { ...target, feedServers }, options);
  } finally {
    await closeBehindFrames(feed);
    await feed.stop();
  }
}

const FEED_MISSING = [
  "this needs a Balances Feed: serve one with --feed-port 9443, and start the service with",
  "COUNTERFOIL_ZEROHASH_FEED_URL=ws://127.0.0.1:9443 and any KEY, PASSPHRASE and base64 SECRET",
].join("\n");

/** A closing handshake comes after every frame that was sent; cutting the connection may lose some. */
async function closeBehindFrames(feed: FeedServer): Promise<void> {
  const closed = feed.connections().map(feed.waitForClose);
  feed.close();
  await Promise.all(closed);
}
