import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import type { BalanceRecord } from "@counterfoil/contracts/record";
import { planDeliveries, shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { createFeedServer, type FeedServer } from "@counterfoil/simulator/feed-server";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { playDeliveries } from "@counterfoil/simulator/play-deliveries";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { trueBalances } from "../system/truth.ts";
import { type Api, createApi, stateDigests, whenFolded } from "./support/api.ts";
import { addressOf, endAllProcesses, startRole, stopRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { configOf, feedConfigOf, KEYS } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

/** Ended a minute before it is played: nothing in it comes from the future. */
const HISTORY = generateHistory({
  seed: 11,
  startAtNs: BigInt(Date.now() - 10 * 60_000) * 1_000_000n,
  deposits: 20,
  withdrawals: 20,
  transfers: 10,
  trades: 10,
  layer1Deposits: 4,
  layer1Withdrawals: 4,
});

/**
 * Webhooks only, and the feeds' updates: a snapshot tells the balances of the moment in which it is
 * sent, which a history that is played afterwards does not have.
 */
const PLAN = planDeliveries(HISTORY, {
  seed: 11,
  feeds: 2,
  reconnectRate: 0,
  webhookRepeatRate: 0.3,
}).filter((delivery) => delivery.kind !== "feed-frame" || delivery.message !== null);

test("two ingestors on one folder agree with two others that saw another order", async () => {
  const first = await playIntoLedger("first order");
  const second = await playIntoLedger("second order");
  expect(stateDigests(first.status)).toEqual(stateDigests(second.status));
  const truth = Object.fromEntries(trueBalances(HISTORY));
  for (const { balances } of [first, second]) expect(balances).toEqual(truth);
});

type Outcome = Readonly<{ status: StatusRecord; balances: Readonly<Record<string, string>> }>;

/** A ledger of two ingestors with a feed each, webhooks going to either, in an order of its own. */
async function playIntoLedger(seed: string): Promise<Outcome> {
  const dataDir = newFolder();
  const feeds = await Promise.all([1, 2].map(() => createFeedServer()));
  const ingestors = feeds.map((feed) =>
    startRole(["ingestor"], { ...configOf(dataDir), ...feedConfigOf(feed) }),
  );
  const baseUrls = await Promise.all(ingestors.map(addressOf));
  startRole(["projector"], configOf(dataDir));
  const gateway = startRole(["gateway"], configOf(dataDir));
  const feedServers = new Map<string, FeedServer>(
    feeds.map((feed, at) => [`feed-${at + 1}`, feed]),
  );
  const target = { baseUrls, ...KEYS, feedServers };
  const played = await playDeliveries(shuffleDeliveries(PLAN, seed), target, {
    seed,
    routing: "random",
  });
  expect(played.refused).toBe(0);
  // Every frame is recorded before the ingestors end: the line is closed behind the last one.
  for (const feed of feeds) feed.close();
  for (const ingestor of ingestors) {
    await ingestor.whenLogged(({ msg }) => msg === "feed closed");
    expect(await stopRole(ingestor)).toBe(0);
  }
  await Promise.all(feeds.map((feed) => feed.stop()));
  const api = createApi(await addressOf(gateway));
  const status = await whenFolded(api);
  return { status, balances: await balancesOf(api) };
}

async function balancesOf(api: Api): Promise<Readonly<Record<string, string>>> {
  const balances = await api.get<readonly BalanceRecord[]>("/v1/balances", { limit: 1000 });
  return Object.fromEntries(balances.map(({ id, balance }) => [id, String(balance)]));
}
