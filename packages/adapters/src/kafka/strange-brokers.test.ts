import { connect, createServer, type Socket } from "node:net";
import { BrokersDisagree, TopicsUnavailable } from "@counterfoil/processing/ports/topics";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { freePorts } from "../testing/free-ports.ts";
import { missingForBroker, startBroker, type TestBroker } from "./testing/broker.ts";
import { createKafkaTopics } from "./topics.ts";

const missing = missingForBroker();
const describeWithBroker = missing === null ? describe : describe.skip;
const TITLE = missing === null ? "brokers, real ones, that" : `skipped, ${missing}: brokers that`;
const OTHER_CLUSTER = "Q2x1c3RlckFub3RoZXJPbg";
const SECONDS_MAX = 20;

describeWithBroker(TITLE, () => {
  let own: TestBroker;
  /** A broker of another cluster that redirects clients to another address. */
  let other: TestBroker;
  let place: Forwarding;

  beforeAll(async () => {
    const port = await freePorts(1);
    const settings = [`advertised.listeners=CLIENTS://127.0.0.1:${port}`];
    [own, other] = await Promise.all([
      startBroker(),
      startBroker({ clusterId: OTHER_CLUSTER, settings }),
    ]);
    place = await startForwarding(port, other.address);
  });
  afterAll(async () => {
    await own?.dispose();
    await other?.dispose();
  });

  async function refusalOf(brokers: readonly string[]): Promise<Error> {
    const logger = pino({ level: "silent" });
    const startedAtMs = performance.now();
    const topics = createKafkaTopics({ brokers, prefix: "books", logger });
    const refusal: unknown = await topics.prepare().then(
      () => new Error("not refused"),
      (error: unknown) => error,
    );
    expect((performance.now() - startedAtMs) / 1000).toBeLessThan(SECONDS_MAX);
    return refusal as Error;
  }

  test.each(["first", "last"])("belong to two clusters are refused, the own one %s", async (at) => {
    const brokers = [own.address, other.address];
    const refusal = await refusalOf(at === "first" ? brokers : brokers.toReversed());
    expect(refusal).toBeInstanceOf(BrokersDisagree);
    expect(refusal.message).toContain("COUNTERFOIL_KAFKA_BROKERS names brokers of different");
    expect(refusal.message).toContain(`${other.address} is of cluster ${OTHER_CLUSTER}`);
    expect(refusal.message).toContain(`${own.address} is of cluster `);
  });

  test("that redirect clients to an address without a listener are refused, with both addresses", async () => {
    await place.close();
    const refusal = await refusalOf([other.address]);
    expect(refusal).toBeInstanceOf(TopicsUnavailable);
    expect(refusal.message).toContain(`connect ECONNREFUSED ${place.address}`);
    expect(refusal.message).toContain(
      `COUNTERFOIL_KAFKA_BROKERS (${other.address}) sends clients on to ${place.address}`,
    );
    expect(refusal.message).toContain("advertised.listeners");
  });

  test("that are down are ignored if another one answers", async () => {
    const logger = pino({ level: "silent" });
    const brokers = [place.address, own.address];
    await createKafkaTopics({ brokers, prefix: "beside", logger }).prepare();
  });
});

type Forwarding = Readonly<{ address: string; close: () => Promise<void> }>;

async function startForwarding(port: number, address: string): Promise<Forwarding> {
  const [host = "", target] = address.split(":");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(Number(target), host);
    for (const one of [socket, onward]) sockets.add(one.on("error", () => undefined));
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `127.0.0.1:${port}`, close };
}
