import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@counterfoil/adapters/kafka/client";
import {
  missingForBroker,
  startBroker,
  type TestBroker,
} from "@counterfoil/adapters/kafka/testing/broker";
import { readCommitted } from "@counterfoil/adapters/kafka/testing/read-committed";
import { topicName } from "@counterfoil/contracts/kafka";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { addressOf, endAllProcesses, startRole, stopRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { signedHeaders } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER = `00-${TRACE}-00f067aa0ba902b7-01`;
const HOOK = {
  provider: "zerohash",
  payloadType: "account_balance.changed",
  body: JSON.stringify({
    participant_code: "ABCDEF",
    account_group: "XYZ123",
    account_label: "general",
    account_type: "available",
    asset: "USD",
    balance: "10.5",
    run_id: "1",
    run_type: "transfer",
    run_timestamp: 1_767_225_600_000,
    movements: [{ movement_id: "m-1", change: "1", movement_type: "transfer" }],
  }),
} as const;

type Span = Readonly<{ traceId: string; spanId: string; parentSpanId?: string; name: string }>;

const servers: Server[] = [];

/** Takes spans as OTLP over HTTP; a deaf one takes a request and never answers. */
async function startCollector(isDeaf = false) {
  const spans = new Map<string, Span & Readonly<{ service: string }>>();
  const server = createServer(async (request, response) => {
    if (isDeaf) return;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    for (const { resource, scopeSpans } of JSON.parse(String(Buffer.concat(chunks)))
      .resourceSpans) {
      const named = ({ key }: { key: string }) => key === "service.name";
      const service = resource.attributes.find(named).value.stringValue;
      for (const { spans: found } of scopeSpans) {
        for (const span of found) spans.set(span.spanId, { ...span, service });
      }
    }
    response.setHeader("content-type", "application/json").end("{}");
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, spans };
}

const send = (address: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${address}/webhooks/zerohash`, {
    method: "POST",
    headers: { ...signedHeaders(HOOK), ...headers },
    body: HOOK.body,
  });

afterAll(removeFolders);

afterEach(async () => {
  await endAllProcesses();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const missing = missingForBroker();
const describeWithBroker = missing === null ? describe : describe.skip;

describeWithBroker("with a broker", () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.dispose());

  test("a trace spans the webhook, the append, every projection and the Kafka records", async () => {
    const collector = await startCollector();
    const service = startRole(["start"], {
      ...configOf(newFolder()),
      COUNTERFOIL_KAFKA_BROKERS: broker.address,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    });
    const address = await addressOf(service);
    const answer = await send(address, { traceparent: SENDER, "x-request-id": "request-1" });
    expect([answer.status, answer.headers.get("x-request-id")]).toEqual([200, "request-1"]);
    const kafka = createClient({
      ...{ brokers: [broker.address], clientId: "test", logger: pino({ level: "silent" }) },
    });
    const topics = [topicName("counterfoil", "events"), topicName("counterfoil", "balances")];
    const traced = async () => {
      const records = await readCommitted(kafka, topics).catch(() => []);
      return records.filter(({ headers }) => headers.ce_traceparent?.includes(TRACE));
    };
    let records = await traced();
    while (!topics.every((topic) => records.some((record) => record.topic === topic))) {
      records = await traced();
    }
    expect(await stopRole(service)).toBe(0);

    const own = [...collector.spans.values()].filter(({ traceId }) => traceId === TRACE);
    const server = own.find(({ parentSpanId }) => parentSpanId === "00f067aa0ba902b7");
    const found = own.map(({ service, name }) => `${service}: ${name}`).sort();
    expect(found).toEqual([
      "counterfoil-projector: project balances",
      "counterfoil-projector: project deposits",
      "counterfoil-projector: project trades",
      "counterfoil-projector: project withdrawals",
      "counterfoil-publisher: publish",
      "counterfoil-start: POST /webhooks/zerohash",
      "counterfoil-start: append delivery",
    ]);
    for (const { parentSpanId } of own.filter((span) => span !== server)) {
      expect(parentSpanId).toBe(server?.spanId);
    }
    const carried = new Set(records.map(({ headers }) => headers.ce_traceparent));
    expect(carried).toEqual(new Set([`00-${TRACE}-${server?.spanId}-01`]));
    const line = await service.whenLogged(({ msg }) => msg === "request");
    expect(line).toMatchObject({ level: "info", request_id: "request-1", status: 200 });
    const { value } = records.find(({ topic }) => topic === topics[0]) ?? {};
    expect(JSON.parse(value ?? "{}")).toMatchObject({ correlation_id: "request-1" });
  });
});

describe.each([
  ["hangs", async () => (await startCollector(true)).url],
  ["refuses", async () => "http://127.0.0.1:1"],
  ["is no address", async () => "not an address"],
])("an endpoint that %s", (_, endpoint) => {
  test("delays no answer and no end", async () => {
    const service = startRole(["start"], {
      ...configOf(newFolder()),
      OTEL_EXPORTER_OTLP_ENDPOINT: await endpoint(),
    });
    const address = await addressOf(service);
    // More than the queue and a batch hold.
    for (let n = 0; n < 1_500; n += 1) expect((await send(address)).status).toBe(200);
    const asked = performance.now();
    expect(await stopRole(service)).toBe(0);
    expect(performance.now() - asked).toBeLessThan(10_000);
  });
});
