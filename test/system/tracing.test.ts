import { systemClock as clock, nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { collectSpans } from "@counterfoil/adapters/testing/collected-spans";
import { tracing } from "@counterfoil/adapters/tracing";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createRegistry } from "@counterfoil/counterfoil/service/service";
import { createListener } from "@counterfoil/http/listener";
import { createMetrics } from "@counterfoil/ingestor/telemetry";
import { configOf } from "@counterfoil/ingestor/testing/config";
import { zeroHashHeaders } from "@counterfoil/ingestor/testing/signed-webhook";
import { registerWebhooks } from "@counterfoil/ingestor/webhook";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { TopicRecord } from "@counterfoil/processing/ports/topics";
import {
  createMemoryEventStream,
  createMemoryStreamStorage,
} from "@counterfoil/processing/testing/memory-event-stream";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import {
  createMemoryTopicStorage,
  createMemoryTopics,
} from "@counterfoil/processing/testing/memory-topics";
import { startProjector } from "@counterfoil/projector/projector";
import { startPublisher } from "@counterfoil/publisher/publisher";
import { afterEach, expect, test } from "@jest/globals";
import { pino } from "pino";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER = `00-${TRACE}-00f067aa0ba902b7-01`;
const LEDGER = { name: "books", environment: "test" };
const logger = pino({ level: "silent" });
const address = { host: "127.0.0.1", port: 0, hostVariable: "", portVariable: "" };

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** All four roles around one stream, as `start` has them, and topics that remember. */
async function openService() {
  const storage = createMemoryStreamStorage();
  const stream = createMemoryEventStream({ ledger: LEDGER.name, hashing, clock, storage });
  await openLedger(stream, LEDGER, hashing);
  const locks = createMemoryRoleLocks();
  const catalogue = createMemoryModelCatalogue();
  const backends = { ledger: LEDGER.name, stream, catalogue, locks, clock, hashing, tracing };
  const ingest = createIngest({ ...backends, translations: TRANSLATIONS });
  const config = configOf();
  const { app } = createListener({ config, address, clock, logger });
  const metrics = createMetrics(createRegistry());
  await registerWebhooks(app, { config, ingest, clock, logger, metrics, tracing });
  const upgrade = () => Promise.reject(new Error("nothing to upgrade"));
  const projector = startProjector({ backends, models: MODEL_NAMES, logger, upgrade });
  const topicStorage = createMemoryTopicStorage();
  let look = () => {};
  const publisher = startPublisher({
    ...{ backends, logger, topics: createMemoryTopics({ storage: topicStorage }) },
    report: () => look(),
  });
  cleanups.push(ingest.stop, projector.stop, publisher.stop);
  const post = async (body: string, headers: Record<string, string>) => {
    const signed = { ...zeroHashHeaders(body, ["hmac"], String(Date.now())), ...headers };
    const typed = { ...signed, "x-zh-hook-payload-type": "account_balance.changed" };
    const answer = await app.inject({
      method: "POST",
      url: "/webhooks/zerohash",
      headers: typed,
      payload: body,
    });
    return answer.json() as Readonly<{ delivery_id: string; position: string }>;
  };
  /** What is published once everything up to a position is. */
  const publishedUpTo = (position: string) =>
    new Promise<readonly TopicRecord[]>((resolve) => {
      look = () => {
        const { records } = topicStorage;
        const reached = ({ headers }: TopicRecord) => headers.counterfoil_position === position;
        if (records.some(reached)) resolve(records);
      };
      look();
    });
  return { stream, post, publishedUpTo };
}

const balanceOf = (run: number) =>
  JSON.stringify({
    participant_code: "ABCDEF",
    account_group: "XYZ123",
    account_label: "general",
    account_type: "available",
    asset: "USD",
    balance: "10.5",
    run_id: String(run),
    run_type: "transfer",
    run_timestamp: 1_767_225_600_000 + run,
    timestamp: 1_767_225_600_000 + run,
    movements: [
      {
        movement_id: `m-${run}`,
        movement_timestamp: 1_767_225_600_000 + run,
        change: "1",
        movement_type: "transfer",
      },
    ],
  });

test("one trace goes from the webhook through append and projection to the topics' records", async () => {
  const { spans, stop } = await collectSpans();
  cleanups.push(stop);
  const { stream, post, publishedUpTo } = await openService();
  const { delivery_id, position } = await post(balanceOf(1), { traceparent: SENDER });
  const other = await post(balanceOf(2), {});
  const records = await publishedUpTo(other.position);
  while (cleanups.length > 1) await cleanups.pop()?.();
  await stop();

  const own = spans.filter((span) => span.spanContext().traceId === TRACE);
  const server = own.find(({ name }) => name === "POST /webhooks/zerohash");
  expect(server?.parentSpanContext?.spanId).toBe("00f067aa0ba902b7");
  const names = ["append delivery", "publish", ...MODEL_NAMES.map((model) => `project ${model}`)];
  expect(own.map(({ name }) => name).sort()).toEqual([...names, "POST /webhooks/zerohash"].sort());
  for (const span of own.filter((one) => one !== server)) {
    expect(span.parentSpanContext?.spanId).toBe(server?.spanContext().spanId);
  }
  expect(own.find(({ name }) => name === "append delivery")?.attributes).toMatchObject({
    "counterfoil.delivery_id": delivery_id,
    "counterfoil.outcome": "recorded",
    "counterfoil.position": Number(position),
  });

  const carried = `00-${TRACE}-${server?.spanContext().spanId}-01`;
  const received = (await stream.findByIds([delivery_id])).known.get(delivery_id);
  expect(received?.event.data).toContain(carried);
  const ofFirst = records.filter(
    ({ headers }) => Number(headers.counterfoil_position) <= Number(position),
  );
  const topics = ofFirst.filter(({ headers }) => headers.ce_traceparent === carried);
  expect(new Set(topics.map(({ topic }) => topic))).toEqual(new Set(["events", "balances"]));
  const untold = ofFirst.filter(({ headers }) => headers.ce_traceparent === undefined);
  expect(untold.map(({ headers }) => headers.ce_type)).toEqual(["LedgerOpened"]);
  const later = records.filter(
    ({ headers }) => Number(headers.counterfoil_position) > Number(position),
  );
  expect(later.length).toBeGreaterThan(0);
  for (const { headers } of later) {
    expect(headers.ce_traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(headers.ce_traceparent).not.toContain(TRACE);
  }
});

test("without tracing a sender's trace is handed on as it came, and others have none", async () => {
  const { post, publishedUpTo } = await openService();
  const first = await post(balanceOf(1), { traceparent: SENDER });
  const second = await post(balanceOf(2), { traceparent: "nonsense" });
  const records = await publishedUpTo(second.position);
  for (const { headers } of records) {
    const position = Number(headers.counterfoil_position);
    const isOfFirst = position > 1 && position <= Number(first.position);
    expect(headers.ce_traceparent).toBe(isOfFirst ? SENDER : undefined);
  }
});
