import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { BalanceRecord, EventRecord } from "@counterfoil/contracts/record";
import { createFeedServer, type FeedServer } from "@counterfoil/simulator/feed-server";
import { expect } from "@jest/globals";
import { type BalanceLedger, type Feed, shownOf } from "../../system/balance-ledger.ts";
import { ACCOUNT, snapshotBody } from "../../system/messages.ts";
import { createApi, until } from "./api.ts";
import {
  addressOf,
  type Environment,
  type RunningProcess,
  startRole,
  stopRole,
} from "./counterfoil.ts";
import { sendWebhook } from "./send.ts";
import { feedConfigOf } from "./stand-in.ts";

/**
 * A running service that is heard and asked as in production; it serves one case after the other. Each
 * role is a process of its own: an ingestor alone begins anew in a fifth of what everything takes.
 */
export type ServiceLedger = Readonly<{
  /** For a case, with an account of its own. */
  open: () => Promise<BalanceLedger>;
  stop: () => Promise<void>;
}>;

/** What the feed lists between two cases: an account of nobody who takes part in one. */
const IDLE = snapshotBody([{ participant_code: "IDLE01", account_group: "IDLE01", balance: "1" }]);
const PATIENCE_MS = 60_000;
/** Cases print times of up to a week after their start, all of them past. */
const EIGHT_DAYS_MS = 8 * 86_400_000;

/** Runs are the provider's, and not an account's. */
const RUNS_EACH = 1_000_000;

type Wire = Readonly<{
  /** Where webhooks are taken, also after a restart. */
  webhooks: () => string;
  /** Where readers are answered, also after a restart. */
  address: () => string;
  restart: () => Promise<void>;
  stop: () => Promise<void>;
  feed: () => FeedServer;
  /** Ends the provider's side of the feed and begins it anew, on the same port. */
  serveFeed: () => Promise<void>;
  /** A new ingestor follows a new feed: it has not learnt to wait for one that ends so often. */
  renew: () => Promise<void>;
}>;

export async function startServiceLedger(env: Environment): Promise<ServiceLedger> {
  const wire = await startWire(env);
  let cases = 0;
  return {
    stop: wire.stop,
    async open() {
      cases += 1;
      return openCase(wire, cases);
    },
  };
}

type Process = Readonly<{ role: RunningProcess; address: string }>;

async function startProcess(name: string, env: Environment): Promise<Process> {
  const role = startRole([name], env);
  return { role, address: await addressOf(role) };
}

async function stopProcesses(...processes: readonly Process[]): Promise<void> {
  const codes = await Promise.all(processes.map(({ role }) => stopRole(role)));
  expect(codes).toEqual(processes.map(() => 0));
}

async function startWire(env: Environment): Promise<Wire> {
  const serve = (port: number) => createFeedServer({ port, waitMsMax: PATIENCE_MS });
  let feed = await serve(0);
  const port = Number(new URL(feed.url).port);
  const startIngestor = () => startProcess("ingestor", { ...env, ...feedConfigOf(feed) });
  const startFollowers = () =>
    Promise.all([startProcess("gateway", env), startProcess("projector", env)]);
  const list = async () => {
    await feed.waitForSubscription();
    feed.push(JSON.stringify(IDLE));
  };
  let ingestor = await startIngestor();
  let followers = await startFollowers();
  await list();
  const serveFeed = async () => {
    await feed.stop();
    feed = await serve(port);
  };
  return {
    webhooks: () => ingestor.address,
    address: () => followers[0].address,
    feed: () => feed,
    serveFeed,
    restart: async () => {
      await stopProcesses(ingestor, ...followers);
      ingestor = await startIngestor();
      followers = await startFollowers();
    },
    renew: async () => {
      await stopProcesses(ingestor);
      await serveFeed();
      ingestor = await startIngestor();
      await list();
    },
    stop: async () => {
      await stopProcesses(ingestor, ...followers);
      await feed.stop();
    },
  };
}

async function openCase(wire: Wire, number: number): Promise<BalanceLedger> {
  const account = {
    ...ACCOUNT,
    participant_code: `CASE${number}`,
    account_group: `GROUP${number}`,
    account_id: `account-${number}`,
  };
  const get = <Data>(path: string, parameters: Readonly<Record<string, string>>) =>
    createApi(wire.address()).get<Data>(path, parameters);
  const headOf = async () => (await get<{ head: string }>("/v1/status", {})).head;
  const startMs = Date.now() - EIGHT_DAYS_MS;
  let followedFeed = false;
  const since = await headOf();
  const eventsOf = (types: string) =>
    get<readonly EventRecord[]>("/v1/events", { types, after: since, limit: "1000" });

  const { participant_code, account_group, account_label, account_type, asset } = account;
  const names = [participant_code, account_group, account_label, account_type, asset];
  const id = `zerohash:${names.join(":")}`;
  return {
    account,
    runsFrom: number * RUNS_EACH,
    startMs,
    now: () => Date.now() - startMs,
    // Time passes by itself; what a case prints has long been past.
    pass: () => {},
    webhook: async (body) => {
      const payloadType = "account_balance.changed";
      const hook = { provider: "zerohash", payloadType, body: JSON.stringify(body) } as const;
      expect(await sendWebhook(wire.webhooks(), hook)).toMatchObject({ outcome: "recorded" });
    },
    connect: async () => {
      followedFeed = true;
      await wire.serveFeed();
      return followSubscription(wire.feed(), eventsOf);
    },
    restart: wire.restart,
    shown: async () => {
      const min_position = await headOf();
      const one = `/v1/accounts/${encodeURIComponent(id)}`;
      const asked = { subject: id, open: "true", model: "balances", min_position };
      return shownOf(
        await get<BalanceRecord>(one, { min_position }),
        await get<readonly AnomalyRecord[]>("/v1/anomalies", asked),
      );
    },
    countEvents: async (type) => (await eventsOf(type)).length,
    // One `counterfoil verify` does it for all cases.
    verify: async () => {},
    close: async () => {
      if (followedFeed) await wire.renew();
    },
  };
}

type EventsOf = (type: string) => Promise<readonly EventRecord[]>;

/** The next subscription, whose opening is recorded before the provider hears of it. */
async function followSubscription(server: FeedServer, eventsOf: EventsOf): Promise<Feed> {
  const { connection: served } = await server.waitForSubscription();
  const connection = (await eventsOf("FeedOpened")).at(-1)?.data.connection;
  const whenRecorded = (type: string, isMeant: (events: readonly EventRecord[]) => boolean) =>
    until(
      `${type} of connection ${connection}`,
      async () =>
        (await eventsOf(type)).filter(
          ({ data, correlation_id }) => (data.connection ?? correlation_id) === connection,
        ),
      isMeant,
    );
  const whenClosed = () => whenRecorded("FeedClosed", (events) => events.length === 1);
  let sent = 0;
  let listed = 0;
  return {
    send: async (message) => {
      sent += 1;
      if ("messageType" in message && message.messageType === "initial-balance") listed += 1;
      server.push(JSON.stringify(message));
      await whenRecorded("DeliveryReceived", (events) => events.length === sent);
    },
    snapshotEnds: async () => {
      await whenRecorded("SnapshotCompleted", (ends) => ends.at(-1)?.data.frames === listed);
    },
    close: async () => {
      server.close();
      await server.waitForClose(served);
      await server.stop();
      await whenClosed();
    },
    breakDown: async () => {
      await server.stop();
      await whenClosed();
    },
  };
}
