import { sampleLog } from "@counterfoil/http/request-log";
import { Registry } from "prom-client";
import { startFeedClient } from "../feed/client.ts";
import { createSigner } from "../feed/connection.ts";
import { createMetrics, type IngestorMetrics } from "../telemetry.ts";
import { createFakeFeed, type FakeConnection } from "./fake-feed.ts";
import { captureLog } from "./log.ts";
import { createManualClock, runPending } from "./manual-clock.ts";
import { createRecordingIngest, type IngestCall } from "./recording-ingest.ts";

const FEED = {
  url: "wss://ws.example.com/feed",
  key: "the key",
  passphrase: "the passphrase",
  secret: Buffer.from("the secret"),
  signedText: "{timestamp}{method}{route}{body}",
  frameBytesMax: 1000,
};

/** A feed client whose server, stream, clock and randomness the test controls. */
export function startFakeFeed(
  given: Readonly<{ random?: () => number; metrics?: Partial<IngestorMetrics> }> = {},
) {
  const ingest = createRecordingIngest();
  const clock = createManualClock();
  const log = captureLog();
  const registry = new Registry();
  const { connect, dials } = createFakeFeed();
  let connections = 0;
  const client = startFeedClient({
    feed: FEED,
    ingest,
    clock,
    logger: log.logger,
    metrics: { ...createMetrics(registry), ...given.metrics },
    log: sampleLog({ logger: log.logger, clock }),
    sign: createSigner(FEED),
    connect,
    random: given.random ?? (() => 0.5),
    newConnection: () => {
      connections += 1;
      return `connection-${connections}`;
    },
  });
  /** The nth connection, once the client has dialled it; from 1. */
  const dialled = async (nth: number): Promise<FakeConnection> => {
    const all = await dials.when((items) => items.length >= nth);
    return all[nth - 1] as FakeConnection;
  };
  const opened = async (nth = 1): Promise<FakeConnection> => {
    const connection = await dialled(nth);
    await connection.open();
    return connection;
  };
  const subscribed = async (nth = 1): Promise<FakeConnection> => {
    const connection = await opened(nth);
    await connection.sent.when((messages) => messages.length > 0);
    return connection;
  };
  return { client, ingest, clock, log, registry, dials, dialled, opened, subscribed, runPending };
}

/** What was recorded, in short: `opened`, `frame 3`, `closed network`. */
export function summary(calls: readonly IngestCall[]): string[] {
  return calls.map((call) => {
    if (call.kind === "opened") return "opened";
    if (call.kind === "closed") return `closed ${call.closing.reason}`;
    const { payloadType, place } = call.delivery;
    return `${payloadType === "feed" ? "frame" : payloadType} ${place?.frame}`;
  });
}
